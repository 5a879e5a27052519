"""
Deduplication: find the same message in other words
===================================================

The SMS Spam Collection holds messages that were sent many times with another number or prize.
Some stand on both sides of a random split and flatter every score measured on it. Embeddings,
nearest neighbours and connected components find them.
"""

from __future__ import annotations

import time

import numpy as np
from scipy.sparse.csgraph import connected_components
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline

from skm2v import StaticEmbedder
from skm2v.datasets import load_sms_spam

SIMILARITY = 0.95  # cosine above which two messages count as the same

spam = load_sms_spam()
texts = np.array(spam.data, dtype=object)

# %%
# Messages are nodes, similarities above the threshold edges, groups of duplicates the connected
# components. For vectors of length 1 the squared distance is 2 - 2 * cosine.
start = time.perf_counter()
vectors = StaticEmbedder().fit_transform(texts)
radius = np.sqrt(2 - 2 * SIMILARITY)
graph = NearestNeighbors(radius=radius).fit(vectors).radius_neighbors_graph()
n_groups, group = connected_components(graph, directed=False)
seconds = time.perf_counter() - start

exact = len(texts) - len(set(texts))
print(f"{len(texts):,} messages, {exact:,} repeat an earlier one to the letter")
print(f"{len(texts) - n_groups:,} repeat one at a cosine of {SIMILARITY} or more ({seconds:.1f} s)")

# %%
# The groups with the most different wordings.
sizes = np.bincount(group)
wordings = {g: sorted(set(texts[group == g])) for g in np.flatnonzero(sizes > 1)}
print("\nThe same message in other words:")
for g in sorted(wordings, key=lambda g: -len(wordings[g]))[:3]:
    print(f"- {sizes[g]} messages, {len(wordings[g])} wordings, such as")
    for text in wordings[g][:3]:
        print(f"    {text[:92]!r}")

# %%
# What the duplicates do to a score: predict all test messages, then only those that no training
# message nearly equals.
train, test = spam.split == "train", spam.split == "test"
classifier = make_pipeline(StaticEmbedder(), LogisticRegression(C=100, max_iter=1000))
classifier.fit(texts[train], spam.target[train])
correct = classifier.predict(texts[test]) == spam.target[test]
fresh = ~np.isin(group[test], group[train])
is_spam = spam.target[test] == 1
print(f"\n{(~fresh).mean():.0%} of the test messages have a near duplicate in the training part")
for name, rows in [("all", fresh | ~fresh), ("without near duplicates", fresh)]:
    print(
        f"{name:24} {rows.sum():5,} messages: accuracy {correct[rows].mean():.4f}, "
        f"spam found {correct[rows & is_spam].mean():.4f}"
    )
