"""
Topic classification: few labels, many labels, and both kinds of features
==========================================================================

77 intents of bank customers. With a handful of labels for each, a static embedding knows that
"payment" and "transaction" are close before it has seen either; with many labels tf-idf catches
up, since it can tell apart what an average of word vectors blurs. `StaticTextClassifier` has both,
from one pass over the text, and says of every decision where it comes from.

Run it with ``python examples/topic_classification.py [FOLDER]``; pictures go to that folder.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skm2v import StaticEmbedder, StaticTextClassifier
from skm2v.datasets import load_banking77

folder = Path(sys.argv[1] if sys.argv[1:] else ".")
train, test = load_banking77(subset="train"), load_banking77(subset="test")
names = np.array(train.target_names)
y_train, y_test = names[train.target], names[test.target]

# %%
# The two that have to be beaten, and the classifier with both kinds of features.
classifiers = {
    "static": make_pipeline(StaticEmbedder(), LogisticRegression(C=10, max_iter=1000)),
    "tf-idf": make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LinearSVC()),
    "both": StaticTextClassifier(),
}

# %%
# A learning curve: the first 5, 20 and all questions of each intent.
print(f"{'labels':>10}" + "".join(f"{name:>10}" for name in classifiers) + "    accuracy")
for per_class in (5, 20, None):
    rows = np.concatenate([np.flatnonzero(y_train == name)[:per_class] for name in names])
    X = [train.data[i] for i in rows]
    line = f"{len(rows):>10,}"
    start = time.perf_counter()
    for classifier in classifiers.values():
        classifier.fit(X, y_train[rows])
        line += f"{classifier.score(test.data, y_test):>10.3f}"
    print(f"{line}    ({time.perf_counter() - start:.0f} s)", flush=True)

# %%
# Which intents are confused? scikit-learn draws the matrix; of 77 classes the eight that are most
# often in a mistake are enough.
both = classifiers["both"]
predicted = both.predict(test.data)
wrong = predicted != y_test
mistaken, counts = np.unique(np.append(y_test[wrong], predicted[wrong]), return_counts=True)
worst = mistaken[np.argsort(-counts, kind="stable")[:8]]
print("\nmost often confused:", ", ".join(worst[:3]))
try:
    import matplotlib

    matplotlib.use("agg")
    from sklearn.metrics import ConfusionMatrixDisplay
except ImportError:
    print("matplotlib draws the confusion matrix: pip install matplotlib")
else:
    shown = np.isin(y_test, worst) & np.isin(predicted, worst)
    display = ConfusionMatrixDisplay.from_predictions(
        y_test[shown], predicted[shown], labels=worst, xticks_rotation=90, colorbar=False
    )
    display.figure_.set_size_inches(9, 9)
    display.figure_.tight_layout()
    display.figure_.savefig(folder / "confusion.png")
    print("confusion matrix: confusion.png")

# %%
# Why? The contributions of a question's words to the intent that was predicted and to the true
# one. They sum, with the intercept, to the decision values; nothing is left out.
doubtful = np.flatnonzero(wrong)[:5]
explanation = both.explain([test.data[i] for i in doubtful])
one, truth = explanation[0], y_test[doubtful[0]]
print(f"\n{one.texts[0]!r}\nis {truth}, predicted {one.predicted[0]}; for the one and the other:")
columns = [one.outputs.index(truth), one.outputs.index(one.predicted[0])]
difference = np.abs(np.diff(one.contributions[:, columns], axis=1)[:, 0])
for part in np.argsort(-difference)[:6]:
    start, stop = one.spans[part]
    values = one.contributions[part, columns]
    print(f"{one.texts[0][start:stop]:>24} {values[0]:+.3f} {values[1]:+.3f}")
(folder / "explanation.html").write_text(explanation.to_html(), encoding="utf-8")
print("all five, in colour: explanation.html")
