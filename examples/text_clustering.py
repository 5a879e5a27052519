"""
Text clustering: group questions and name the groups
====================================================

`StaticEmbedder` and `KMeans`, compared with the usual tf-idf and truncated SVD. The labels are
used for the score only.
"""

from __future__ import annotations

import time

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import v_measure_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

from skm2v import StaticEmbedder
from skm2v.datasets import load_banking77

bank = load_banking77(subset="test")
n_clusters = len(bank.target_names)
print(f"{len(bank.data):,} questions, {n_clusters} intents\n")

# %%
# Two ways to a matrix, one clustering.
embeddings = {
    "static": StaticEmbedder(),
    "tf-idf + SVD": make_pipeline(
        TfidfVectorizer(sublinear_tf=True), TruncatedSVD(100, random_state=0), Normalizer()
    ),
}
for name, embedding in embeddings.items():
    start = time.perf_counter()
    clusterer = make_pipeline(embedding, KMeans(n_clusters, n_init=3, random_state=0))
    labels = clusterer.fit_predict(bank.data)
    score = v_measure_score(bank.target, labels)
    print(f"{name:14} V-measure {score:.3f}   {time.perf_counter() - start:.1f} s")
    if name == "static":
        kmeans, static_labels = clusterer[-1], labels

# %%
# A cluster's name: the question nearest to its centre. Here the purest clusters of a fair size.
vectors = embeddings["static"].transform(bank.data)
members = {k: np.flatnonzero(static_labels == k) for k in range(n_clusters)}
intents = {k: np.bincount(bank.target[rows]) for k, rows in members.items()}
purity = {k: counts.max() / counts.sum() for k, counts in intents.items() if counts.sum() >= 30}
for k in sorted(purity, key=purity.__getitem__, reverse=True)[:5]:
    nearest = members[k][np.argmax(vectors[members[k]] @ kmeans.cluster_centers_[k])]
    intent = bank.target_names[intents[k].argmax()]
    print(f"{len(members[k]):3} questions, {purity[k]:.0%} {intent}: {bank.data[nearest]!r:.70}")
