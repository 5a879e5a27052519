from __future__ import annotations

import csv
from collections import Counter
from importlib import resources
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from skm2v.evaluation import (
    STS,
    Clustering,
    Contrast,
    Deduplication,
    Encoder,
    FewShotClassification,
    FullClassification,
    PairClassification,
    Reranking,
    Retrieval,
    TfidfSVD,
    load_diagnostic,
    run_task,
    tfidf,
)
from skm2v.evaluation._contrast import DIAGNOSTICS
from skm2v.evaluation._deduplication import group_f1, group_records
from skm2v.evaluation._metrics import unit_rows
from skm2v.evaluation._retrieval import search

TOPICS = {"cats": "cat purr fur paw", "cars": "motor wheel road fuel", "food": "bread salt soup"}


def topic_texts(n: int) -> tuple[list[str], list[str]]:
    """Texts whose words give their label away."""
    rng = np.random.default_rng(n)
    labels = [list(TOPICS)[row % 3] for row in range(n)]
    return [" ".join(rng.choice(TOPICS[label].split(), 4)) for label in labels], labels


@pytest.mark.parametrize("cls", [FewShotClassification, FullClassification])
def test_classification_of_texts_that_tell(cls: Any, word_sum: Any) -> None:
    task = cls("topics", *topic_texts(60), *topic_texts(31))
    result = run_task(Encoder("m", word_sum), task)
    assert result.score == 1.0
    assert result.low == pytest.approx(1.0)
    assert result.metrics == {"f1_macro": 1.0, "balanced_accuracy": 1.0}
    assert result.worst == []
    assert (result.n_items, result.protocol["classes"]) == (31, 3)


def test_classification_of_shuffled_labels_is_chance_and_shows_errors(word_sum: Any) -> None:
    texts, labels = topic_texts(300)
    shuffled = np.random.default_rng(0).permutation(labels).tolist()
    task = FewShotClassification("noise", texts, labels, texts, shuffled)
    result = run_task(Encoder("m", word_sum), task, n_worst=3)
    assert result.low is not None and result.high is not None
    assert result.low < 1 / 3 < result.high
    assert len(result.worst) == 3
    assert all(example["expected"] != example["predicted"] for example in result.worst)
    assert result.worst[0]["how often"] == "10 of 10 draws"


def test_few_shot_draws_are_balanced_and_go_on_from_the_last_order() -> None:
    labels = ["a"] * 50 + ["b"] * 50 + ["c"] * 3
    task = FewShotClassification("d", [str(i) for i in range(103)], labels, ["x"], ["a"])
    draws = task._draws()
    assert len(draws) == 10
    for rows in draws:
        assert Counter(labels[row] for row in rows) == {"a": 8, "b": 8, "c": 3}
    assert len({tuple(rows) for rows in draws}) == 10
    order = np.arange(103)
    for rows in draws[:3]:
        order = order[np.random.RandomState(42).permutation(103)]
        assert set(rows) <= set(order[: list(order).index(rows[-1]) + 1])


def test_clustering_says_its_fraction_and_finds_clusters(word_sum: Any) -> None:
    texts, labels = topic_texts(120)
    result = run_task(
        Encoder("m", word_sum), Clustering("t", texts, labels, fraction=0.5, sample_size=100)
    )
    assert result.score is not None and result.score > 0.9
    assert result.protocol["fraction"] == 0.5
    assert result.protocol["documents"] == result.n_items == 60


def test_sts_of_a_perfect_and_a_reversed_order(word_sum: Any) -> None:
    pairs = [("a b c d", "a b c d"), ("a b c d", "a b c x"), ("a b c d", "a b x y"), ("a b", "x y")]
    first, second = (list(side) for side in zip(*pairs, strict=True))
    for scores, expected in (([5.0, 4, 2, 0], 1.0), ([0.0, 2, 4, 5], -1.0)):
        result = run_task(Encoder("m", word_sum), STS("s", first, second, scores))
        assert result.score == pytest.approx(expected)
    assert result.worst[0]["judged"].startswith(("0 ", "5 "))


def test_pairs_and_their_worst_errors(word_sum: Any) -> None:
    first = ["a b c", "d e f", "g h i", "j k l"]
    second = ["a b c", "d e x", "g h i", "q r s"]
    result = run_task(Encoder("m", word_sum), PairClassification("p", first, second, [1, 1, 0, 0]))
    # Ranked: the equal pairs (one match, one not) tied at the head, then a match, then none.
    assert result.score == pytest.approx(0.5 * 0.5 + 0.5 * 2 / 3)
    assert result.worst[0]["text 1"] == "g h i"
    assert result.metrics["max_ap"] >= result.score


def test_groups_are_the_connected_components() -> None:
    groups = group_records(np.array([0, 1, 4]), np.array([1, 2, 5]), 7)
    assert groups[0] == groups[1] == groups[2] != groups[3]
    assert groups[4] == groups[5]
    truth = np.array([0, 0, 1, 2, 3, 3, 4])
    found = group_f1(truth, groups)
    # Four pairs share a group, two truly; two pairs do in truth.
    assert found == {"group_precision": 0.5, "group_recall": 1.0, "group_f1": pytest.approx(2 / 3)}


def test_deduplication_takes_its_threshold_from_the_tuning_pairs(word_sum: Any) -> None:
    test = (["a b c", "a b c", "d e f"], ["a b c", "x y z", "d e g"], [1, 0, 1])
    strict = (["k l m", "k l m"], ["k l m", "k l n"], [1, 0])
    loose = (["k l m", "k l m"], ["k l n", "x y z"], [1, 0])
    for tuning, group_recall in ((strict, 0.0), (loose, 1.0)):
        result = run_task(Encoder("m", word_sum), Deduplication("d", *test, *tuning))
        assert result.score == 1.0
        assert result.metrics["group_recall"] == group_recall
        assert result.protocol["threshold_from"] == "tuning pairs"
    without = run_task(Encoder("m", word_sum), Deduplication("d", *test, [], [], []))
    assert without.protocol["threshold_from"] == "test pairs"
    assert without.metrics["pair_f1"] == 1.0


def test_blocked_search_is_the_whole_sort_with_ties_by_identifier(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(1)
    queries = unit_rows(rng.integers(0, 2, (23, 6)).astype(np.float32))
    documents = unit_rows(rng.integers(0, 2, (90, 6)).astype(np.float32))
    tie_order = rng.permutation(90)
    monkeypatch.setattr("skm2v.evaluation._retrieval._BLOCK_CELLS", 400)
    similarity = queries @ documents.T
    expected = [np.lexsort((tie_order, -row))[:10] for row in similarity]
    np.testing.assert_array_equal(search(queries, documents, tie_order, 10), expected)
    sparse = search(
        scipy.sparse.csr_matrix(queries), scipy.sparse.csr_matrix(documents), tie_order, 10
    )
    assert sparse.shape == (23, 10)


def test_retrieval_and_reranking(word_sum: Any) -> None:
    documents = ["cat fur", "car road", "soup salt", "bread"]
    retrieval = Retrieval("r", ["cat fur", "soup"], documents, list("abcd"), [{"0": 1}, {"2": 2}])
    result = run_task(Encoder("m", word_sum), retrieval)
    assert result.score == 1.0
    assert result.metrics["recall_at_1"] == result.metrics["map"] == 1.0
    wrong = Retrieval("r", ["cat fur"], documents, list("abcd"), [{"1": 1}])
    assert run_task(Encoder("m", word_sum), wrong).worst[0]["found first"] == "cat fur"
    # The second query cannot tell its candidates apart: the right one comes last.
    reranking = Reranking("k", ["cat", "road"], [["cat"], ["x"]], [["car"], ["x", "x"]])
    result = run_task(Encoder("m", word_sum), reranking)
    assert result.score == pytest.approx((1 + 1 / 3) / 2)
    assert result.metrics["mrr"] == pytest.approx((1 + 1 / 3) / 2)


def test_contrast_counts_ties_as_half(word_sum: Any) -> None:
    task = Contrast(
        "c",
        anchors=["a b c", "a b c", "a b c"],
        same=["a b c", "x y z", "c b a"],
        different=["x y z", "a b c", "b c a"],
    )
    result = run_task(Encoder("m", word_sum), task)
    assert result.score == pytest.approx(0.5)
    assert result.worst[0]["means the same"].startswith("x y z (cosine")


@pytest.mark.parametrize("name", DIAGNOSTICS)
def test_diagnostic_sets_are_whole(name: str) -> None:
    task = load_diagnostic(name)
    texts = [*task.anchors, *task.same, *task.different]
    assert len(task.anchors) >= 60
    assert len(set(texts)) == len(texts)
    assert all(text == text.strip() and text.endswith((".", "?")) for text in texts)


def test_polysemy_items_hold_their_word() -> None:
    file = resources.files("skm2v.evaluation").joinpath("data", "polysemy.csv")
    with file.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len({row["word"] for row in rows}) >= 30
    for row in rows:
        assert all(row["word"] in row[side].lower() for side in ("anchor", "same", "different"))


def test_a_bag_of_words_fails_the_word_order_set(word_sum: Any) -> None:
    result = run_task(Encoder("m", word_sum), load_diagnostic("word_order"))
    assert result.score is not None and result.score < 0.1
    assert result.metrics["indistinct"] > 0.8
    assert result.metrics["mean_margin"] == pytest.approx(
        result.metrics["mean_cosine_same"] - result.metrics["mean_cosine_different"]
    )


def test_baselines_are_fitted_on_the_texts_of_the_task() -> None:
    task = FewShotClassification("topics", *topic_texts(60), *topic_texts(31))
    for model in (tfidf(), TfidfSVD(n_components=5)):
        result = run_task(Encoder("baseline", model), task)
        assert result.score == 1.0
        assert not hasattr(model, "vocabulary_") and not hasattr(model, "svd_")
    assert result.dim == 5


def test_fingerprints_tell_data_and_settings_apart() -> None:
    texts, labels = topic_texts(12)
    task = Clustering("t", texts, labels)
    others = [
        Clustering("t", texts, labels, fraction=0.5),
        Clustering("t", texts[::-1], labels),
        Clustering("u", texts, labels),
    ]
    assert task.fingerprint == Clustering("t", list(texts), list(labels)).fingerprint
    assert len({task.fingerprint, *(other.fingerprint for other in others)}) == 4
