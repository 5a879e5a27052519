"""
Deduplication: keep one of each, and see what leaked
====================================================

The SMS Spam Collection holds messages that were sent many times with another number or prize;
customers of a bank ask the same thing in other words. ``Deduplicator`` finds all such pairs, keeps
one text of each group, and shows the pairs around the threshold, from which people choose it.
"""

from __future__ import annotations

from skm2v import Deduplicator
from skm2v.datasets import load_banking77, load_sms_spam
from skm2v.deduplication import find_leakage

for name, load in [("SMS", load_sms_spam), ("Banking77", load_banking77)]:
    deduplicator = Deduplicator(threshold=0.9).fit(load().data)
    print(f"\n{name}: {deduplicator.report_}")
    leakage = find_leakage(load(subset="train").data, load(subset="test").data)
    print(f"{name}: {leakage.is_leaked.mean():.0%} of the test texts repeat a training text")
