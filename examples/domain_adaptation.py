"""
Domain adaptation: learn from texts without labels
==================================================

With ``objective="sentences"`` the teacher reads the user's own texts once, and the table is fitted
to what it makes of them. Labels are not used, and predict time stays what it was. Five labels per
intent then go further. The teacher itself stands beside for comparison.
"""

from __future__ import annotations

import time

import numpy as np
from _teacher import teacher_name
from sklearn.linear_model import LogisticRegression

from skm2v import StaticEmbedder, load_teacher
from skm2v.datasets import load_banking77

N_INTENTS = 20  # the first of 77, so that the teacher has read all in less than a minute
N_TEXTS = 1_500  # of their training questions, without the labels
N_LABELS = 5  # for each intent


def questions(subset: str) -> tuple[list[str], np.ndarray]:
    """Return the questions of the intents, and the number of the intent of each."""
    bank = load_banking77(subset=subset)
    rows = np.flatnonzero(np.asarray(bank.target) < N_INTENTS)
    return [bank.data[i] for i in rows], np.asarray(bank.target)[rows]


train, target = questions("train")
test, test_target = questions("test")
rng = np.random.default_rng(0)
unlabelled = [train[i] for i in rng.permutation(len(train))[:N_TEXTS]]
draws = [
    np.concatenate(
        [rng.permutation(np.flatnonzero(target == intent))[:N_LABELS] for intent in set(target)]
    )
    for _ in range(5)
]
needed = np.unique(np.concatenate(draws))


def report(name: str, seconds: float, encode) -> None:
    """Print accuracy on the test questions, over five draws of labels, and questions a second."""
    known = np.zeros((len(train), encode(["a"]).shape[1]), np.float32)
    known[needed] = encode([train[i] for i in needed])
    start = time.perf_counter()
    vectors = encode(test)
    speed = len(test) / (time.perf_counter() - start)
    scores = [
        LogisticRegression(C=10, max_iter=300)
        .fit(known[rows], target[rows])
        .score(vectors, test_target)
        for rows in draws
    ]
    print(
        f"{name:10} accuracy {np.mean(scores):.3f} ± {np.std(scores):.3f}   fit {seconds:5.1f} s"
        f"   {speed:9,.0f} questions/s"
    )


# %%
# The bundled model, a table of the teacher's tokens, and one that has learned from the questions.
embedders = {
    "bundled": StaticEmbedder(),
    "tokens": StaticEmbedder(teacher_name(), objective="tokens"),
    "sentences": StaticEmbedder(teacher_name(), objective="sentences"),
}
for name, embedder in embedders.items():
    start = time.perf_counter()
    embedder.fit(unlabelled)
    report(name, time.perf_counter() - start, embedder.transform)

# %%
# What the fit found: the cosine with the teacher on questions that were held out.
cosine = embedders["sentences"].fit_report_["held_out_cosine"]
print("held-out cosine:", ", ".join(f"{name} {value:.3f}" for name, value in cosine.items()))

# %%
# A finished model can go on from where it is, in its own columns: with the same texts, which this
# process remembers the teacher's vectors of, and with a few words that its vocabulary splits.
start = time.perf_counter()
adapted = embedders["bundled"].model_.adapt(unlabelled, teacher_name())
report("adapted", time.perf_counter() - start, adapted.encode)

words = ["paypal", "contactless"]
start = time.perf_counter()
extended = embedders["tokens"].model_.extend(words, teacher_name())
print(
    f"{len(words)} words added in {time.perf_counter() - start:.1f} s:"
    f" {[len(ids) for ids in embedders['tokens'].model_.tokenize(words)]} tokens become"
    f" {[len(ids) for ids in extended.tokenize(words)]}"
)

# %%
# The teacher itself.
teacher = load_teacher(teacher_name())
report("teacher", 0.0, teacher.encode)
