"""
Topic classification: few labels, many labels, and both kinds of features
==========================================================================

77 intents of bank customers. With a handful of labels for each, a static embedding knows that
"payment" and "transaction" are close before it has seen either; with many labels tf-idf catches
up, since it can tell apart what an average of word vectors blurs; from there on the two side by
side beat either, and `make_union` is all it takes.
"""

from __future__ import annotations

import time

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline, make_union
from sklearn.svm import LinearSVC

from skm2v import StaticEmbedder
from skm2v.datasets import load_banking77

X_train, y_train = load_banking77(subset="train", return_X_y=True)
X_test, y_test = load_banking77(subset="test", return_X_y=True)

# %%
# The same classifier on three sets of features. The words' vectors have length 1, as have the
# rows of tf-idf, so neither block outweighs the other.


def tfidf() -> TfidfVectorizer:
    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)


features = {
    "static": StaticEmbedder(),
    "tf-idf": tfidf(),
    "both": make_union(StaticEmbedder(), tfidf()),
}

# %%
# A learning curve: the first 5, 20 and all questions of each intent.
print(f"{'labels':>10}" + "".join(f"{name:>10}" for name in features) + "    accuracy")
for per_class in (5, 20, None):
    rows = np.concatenate([np.flatnonzero(y_train == k)[:per_class] for k in np.unique(y_train)])
    X = [X_train[i] for i in rows]
    line = f"{len(rows):>10,}"
    start = time.perf_counter()
    for transformer in features.values():
        classifier = make_pipeline(transformer, LinearSVC()).fit(X, y_train[rows])
        line += f"{classifier.score(X_test, y_test):>10.3f}"
    print(f"{line}    ({time.perf_counter() - start:.0f} s)", flush=True)
