"""
Topics: what is in a pile of texts?
===================================

3,080 questions of bank customers, without their labels: how many topics are there, what are they,
which belong together, what belongs nowhere, and what differs between two groups of texts? The
labels are used for scores only.

Run it with ``python examples/topics.py [FOLDER [TABLE]]``; report and pictures go to the folder.
A table of your own is a CSV file with a column ``text`` and, for scores, ``label``, such as the
20,000 titles of Stack Overflow by J. Xu and others (https://github.com/jacoxu/StackOverflow).
"""

from __future__ import annotations

import csv
import gzip
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import adjusted_rand_score, v_measure_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from skm2v import StaticEmbedder
from skm2v.clustering import (
    NeighborAverager,
    WardKMeans,
    cluster_shares,
    describe_clusters,
    find_topics,
    merge_clusters,
)
from skm2v.datasets import load_banking77, load_sms_spam

folder = Path(sys.argv[1] if sys.argv[1:] else ".")
if sys.argv[2:]:
    opened = gzip.open if sys.argv[2].endswith(".gz") else open
    with opened(sys.argv[2], "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    texts, labels = [row["text"] for row in rows], [row.get("label", "") for row in rows]
else:
    bank = load_banking77(subset="test")
    texts, labels = bank.data, [bank.target_names[label] for label in bank.target]
n_labels = len(set(labels))
print(f"{len(texts):,} texts, {n_labels} labels\n")

# %%
# All in one call. The number of topics is chosen where nobody gives it; others that would do as
# well are named.
start = time.perf_counter()
topics = find_topics(texts)
print(f"found {len(topics.table)} topics in {time.perf_counter() - start:.0f} s;", end=" ")
print("as good:", ", ".join(map(str, topics.choice.as_good)))
for cluster in topics.table[:8]:
    print(f"{cluster.size:5}  {cluster.name:36} {cluster.central[0]!r:.60}")
(folder / "topics.html").write_text(topics.to_html(), encoding="utf-8")
print("map and table: topics.html")

# %%
# The same in steps, beside other ways. Averaging each vector with its neighbours is what helps.
vectors = StaticEmbedder().fit_transform(texts)
words = make_pipeline(
    TfidfVectorizer(sublinear_tf=True), TruncatedSVD(100, random_state=0), Normalizer()
)
ways = {
    "tf-idf + SVD, KMeans": (words.fit_transform(texts), KMeans(n_labels, random_state=0)),
    "static, KMeans": (vectors, KMeans(n_labels, random_state=0)),
    "static, averaged": (NeighborAverager().fit_transform(vectors), WardKMeans(n_labels)),
}
print(f"\n{'':24}V-measure  ARI")
for name, (matrix, clusterer) in ways.items():
    found = clusterer.fit_predict(matrix)
    print(
        f"{name:24}{v_measure_score(labels, found):9.3f}  {adjusted_rand_score(labels, found):.3f}"
    )

# %%
# Fewer topics: those that lose least become one.
merged = merge_clusters(topics.labels, vectors, 10)
print("\nten topics:")
for cluster in describe_clusters(texts, merged.labels, vectors=vectors):
    print(f"{cluster.size:5}  {', '.join(cluster.terms[:5])}")

# %%
# What belongs nowhere: fifty text messages among the questions are told by their outlier scores.
odd = load_sms_spam(subset="test").data[:50]
mixed = find_topics([*texts, *odd], len(topics.table))
worst = np.argsort(-mixed.outlier_scores)[:50]
print(f"\nof the 50 texts that belong least, {(worst >= len(texts)).sum()} are strange ones")

# %%
# By group: what differs between ordinary messages and spam? Shares have intervals.
sms = load_sms_spam()
messages = find_topics(sms.data, 15)
shares = cluster_shares(messages.labels, [sms.target_names[label] for label in sms.target])
different = shares.most_different(3)
print("\ntopics that differ most between ham and spam:")
for row in sorted(shares.rows(), key=lambda row: (different + [row.label]).index(row.label)):
    if row.label in different:
        name = messages.table.names[row.label]
        print(f"{name:32} {row.group:5} {row.share:6.1%} ({row.low:.1%} to {row.high:.1%})")

# %%
# Pictures, if matplotlib is there.
try:
    import matplotlib

    matplotlib.use("agg")
except ImportError:
    print("\nmatplotlib draws the map: pip install matplotlib")
else:
    topics.plot_map(max_points=1500).figure.savefig(folder / "map.png", dpi=120)
    topics.choice.plot().figure.savefig(folder / "number.png")
    merged.plot(names=topics.table.names).figure.savefig(folder / "tree.png")
    shares.plot(names=messages.table.names).figure.savefig(folder / "shares.png")
    print("\npictures: map.png, number.png, tree.png, shares.png")
