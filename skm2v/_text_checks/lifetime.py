"""What is asked of every fitted estimator over texts: to stay the same, wherever it goes."""

from __future__ import annotations

import contextlib
import copy
import io
import os
import pickle
import random
import sys
import threading
import warnings
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone

from skm2v._text_checks.common import parameter_hashes
from skm2v._text_checks.tools import (
    TEXTS,
    Answers,
    answers,
    assert_same_answers,
    fitted,
    quiet,
    unfitted,
)


def assert_changes_nothing(estimator: Any, method: str) -> None:
    """A method leaves the input, the object and the process as they were, and prints nothing."""
    estimator = fitted(estimator)
    # So that the states of the generators are none that a seed leads to.
    random.random(), np.random.random()
    X = list(TEXTS)
    before = _surroundings(estimator)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        getattr(estimator, method)(X)
    assert X == TEXTS, f"{method} changes the list that it is given."
    for what, value in _surroundings(estimator).items():
        assert value == before[what], f"{method} changes {what}."
    printed = out.getvalue() + err.getvalue()
    assert not printed, f"{method} prints {printed[:80]!r}."


def _surroundings(estimator: Any) -> dict[str, Any]:
    state = np.random.get_state(legacy=False)
    return {
        "the attributes of the estimator": {k: id(v) for k, v in vars(estimator).items()},
        "the content of the estimator": joblib.hash(estimator),
        "os.environ": dict(os.environ),
        "the working directory": os.getcwd(),
        "the global random state of random": random.getstate(),
        "the global random state of NumPy": joblib.hash(state),
        "the error state of NumPy": np.geterr(),
        "the filters of warnings": list(warnings.filters),
        "the number of running threads": threading.active_count(),
    }


def check_text_pickle(name: str, estimator: Any, *, atol: float) -> None:
    """A pickled estimator answers the same, and an unfitted one keeps its parameters."""
    original = fitted(estimator)
    expected = answers(original, TEXTS)
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        copied = pickle.loads(pickle.dumps(original, protocol))
        what = f"after pickle protocol {protocol}"
        assert_same_answers(answers(copied, TEXTS), expected, what, atol)
    copied = copy.deepcopy(original)
    assert_same_answers(answers(copied, TEXTS), expected, "after copy.deepcopy", atol)
    buffer = io.BytesIO()
    joblib.dump(original, buffer)
    buffer.seek(0)
    copied = joblib.load(buffer)
    assert_same_answers(answers(copied, TEXTS), expected, "after joblib.dump and load", atol)
    to_fit = unfitted(estimator)
    assert parameter_hashes(pickle.loads(pickle.dumps(to_fit))) == parameter_hashes(to_fit), (
        "An unfitted estimator loses parameters when it is pickled."
    )


def check_text_clone(name: str, estimator: Any, *, atol: float) -> None:
    """A clone of a fitted estimator is unfitted, has its parameters, and fits to the same."""
    original = fitted(estimator)
    expected = answers(original, TEXTS)
    copied = clone(original)
    assert parameter_hashes(copied) == parameter_hashes(original), (
        "A clone has other parameters than its original."
    )
    left = [key for key in vars(copied) if key.endswith("_") and not key.startswith("_")]
    assert not left, f"A clone of a fitted estimator still has {sorted(left)}."
    assert_same_answers(answers(fitted(copied), TEXTS), expected, "of a clone, fitted", atol)


def check_text_threads(name: str, estimator: Any, *, atol: float) -> None:
    """Threads that share one fitted object get what a single one gets."""
    shared = fitted(estimator)
    jobs = [TEXTS, TEXTS[::-1], TEXTS[:5] * 3, TEXTS[6:7]]
    expected = [answers(shared, texts) for texts in jobs]
    barrier = threading.Barrier(len(jobs))
    failures: list[str] = []

    def work(number: int) -> None:
        barrier.wait()
        for _ in range(25):
            try:
                actual = answers(shared, jobs[number])
                assert_same_answers(actual, expected[number], "in one of 4 threads", atol)
            except Exception as error:
                failures.append(f"{type(error).__name__}: {error}")
                return

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(i,)) for i in range(len(jobs))]
        with quiet():  # puts filters back that threads of FeatureUnion and its like may mix up
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(interval)
    methods = " and ".join(expected[0])
    assert not failures, f"Shared by 4 threads, {methods} is not safe: {failures[0]}"


def check_text_processes(name: str, estimator: Any, *, atol: float) -> None:
    """Another process computes the same."""
    sent = fitted(estimator)
    parts: list[Answers] = joblib.Parallel(n_jobs=2, backend="loky")(
        joblib.delayed(answers)(sent, texts) for texts in (TEXTS[:6], TEXTS[6:])
    )
    expected = answers(sent, TEXTS)
    joined = {method: np.concatenate([part[method] for part in parts]) for method in expected}
    assert_same_answers(joined, expected, "in other processes", atol)
