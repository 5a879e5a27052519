"""What a model has to beat: words and BM25, and what the results say in plain words."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skm2v import HybridVectorizer, StaticTextClassifier
from skm2v._cli.main import main
from skm2v.evaluation import (
    BM25,
    STS,
    Clustering,
    Encoder,
    Evaluation,
    FewShotClassification,
    FullClassification,
    PairClassification,
    Reranking,
    Result,
    Retrieval,
    TextClassifier,
    TfidfSVD,
    evaluate,
    load_model,
    run_task,
    tfidf,
)
from skm2v.evaluation._encoders import Meter
from skm2v.evaluation._metrics import paired_cosine
from skm2v.evaluation._verdict import type_verdicts

WORDS = ["red", "blue", "car", "sky", "a"]
DOCUMENTS = ["a red car", "a blue car, a car", "the blue sky", "nothing here"]
SEARCH = Retrieval(
    "colours", ["blue sky", "red car"], DOCUMENTS, list("abcd"), [{"2": 1}, {"0": 1}]
)


def plain_bm25(query: str, document: str, documents: list[str], k1: float, b: float) -> float:
    """The formula as the papers print it, one word at a time."""
    split = [text.lower().replace(",", " ").split() for text in documents]
    mean = sum(map(len, split)) / len(split)
    words = document.lower().replace(",", " ").split()
    total = 0.0
    for word in query.split():
        frequency = sum(word in one for one in split)
        if word in words:
            idf = math.log(1 + (len(split) - frequency + 0.5) / (frequency + 0.5))
            tf = Counter(words)[word]
            total += idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * len(words) / mean))
    return total


@given(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6), min_size=1, max_size=6),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=4),
    st.floats(0, 3),
    st.floats(0, 1),
)
def test_bm25_is_the_formula(
    documents: list[list[str]], query: list[str], k1: float, b: float
) -> None:
    texts = [" ".join(words) for words in documents]
    model = BM25(k1, b).fit(texts)
    scores = (model.encode_query([" ".join(query)]) @ model.encode_document(texts).T).toarray()[0]
    expected = [plain_bm25(" ".join(query), text, texts, k1, b) for text in texts]
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("parameters", [{"k1": -1}, {"k1": "much"}, {"b": 1.5}, {"b": True}])
def test_bm25_refuses_what_makes_no_sense(parameters: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"(k1|b) must be a number .*; got"):
        BM25(**parameters).fit(["a b"])


def test_a_search_by_dot_product_is_not_one_by_cosine() -> None:
    """A long document may score higher than a short one that is nearer by angle."""
    long = "blue blue blue green yellow orange"
    task = Retrieval("dots", ["blue"], [long, "blue sky"], ["a", "b"], [{"0": 1}])
    assert run_task(Encoder("dot", BM25(b=0)), task).score == 1.0
    model = BM25(b=0).fit(task.documents)
    model.similarity_fn_name = "cosine"
    assert run_task(Encoder("cosine", model), task).score < 1.0


def full(name: str = "pets") -> FullClassification:
    rng = np.random.default_rng(0)
    texts = [
        f"{'a cat purrs' if row % 2 else 'the dog barks'} {rng.integers(9)}" for row in range(60)
    ]
    labels = ["cat" if row % 2 else "dog" for row in range(60)]
    return FullClassification(name, texts[:40], labels[:40], texts[40:], labels[40:])


def test_words_are_what_a_practitioner_takes_for_the_task() -> None:
    words = load_model("words")
    task = full()
    svm = make_pipeline(tfidf(pairs=True), LinearSVC()).fit(task.train_texts, task.train_labels)
    assert run_task(words, task).score == np.mean(svm.predict(task.test_texts) == task.test_labels)
    pairs = PairClassification(
        "shop", ["red car", "red car", "sky"], ["car red", "red sky", "blue sky"], [1, 0, 1]
    )
    vectorizer = tfidf(pairs=True).fit(pairs.fit_texts())
    cosine = paired_cosine(vectorizer.transform(pairs.texts1), vectorizer.transform(pairs.texts2))
    worst = run_task(words, pairs).worst
    assert {f"{value:.3f}" for value in cosine} >= {one["cosine"].split()[0] for one in worst}
    assert run_task(words, SEARCH).score == run_task(Encoder("bm25", BM25()), SEARCH).score
    assert run_task(words, SEARCH).protocol["documents"] == 4
    groups = Clustering("pets", task.train_texts, task.train_labels, sample_size=64)
    assert run_task(words, groups).score == run_task(Encoder("svd", TfidfSVD()), groups).score


def test_both_are_vectors_and_words_together() -> None:
    both = load_model("both")
    task = full()
    classifier = StaticTextClassifier().fit(task.train_texts, task.train_labels)
    assert run_task(both, task).score == classifier.score(task.test_texts, task.test_labels)
    rows = run_task(both, SEARCH)
    assert rows.score == run_task(Encoder("hybrid", HybridVectorizer()), SEARCH).score


def test_every_rival_has_a_score_on_every_type() -> None:
    texts, labels = ["a", "b", "c", "d"] * 4, ["x", "y"] * 8
    tasks = [
        full(),
        FewShotClassification("few", texts, labels, texts, labels, n_experiments=2),
        STS("sts", ["a b", "c d", "e f"], ["a b", "c e", "a"], [5, 3, 0]),
        Reranking("again", ["red car"], [["a red car"]], [["the sky", "a cup"]]),
        SEARCH,
        Clustering("groups", texts, labels, sample_size=64),
    ]
    evaluation = evaluate(["default", "words", "both"], tasks)
    assert not evaluation.failed
    assert len(evaluation.common_keys()) == len(tasks)


# --- the verdict ---


def results(scores: dict[str, dict[str, float]], spread: float = 0.01) -> Evaluation:
    """An evaluation with scores by model and type; `spread` is that of paired differences."""
    found = []
    for place, (model, by_type) in enumerate(scores.items()):
        for type, score in by_type.items():
            noise = np.random.default_rng(place).normal(0, spread, 500)
            found.append(
                Result(model, "data", type, "m", score, score - spread, score + spread,
                       n_items=100, replicates=(score + noise).tolist(), n_texts=1,
                       encode_seconds=1.0)
            )  # fmt: skip
    names = {"default": "static vectors", "words": "tf-idf"}
    names["both"] = "static vectors and words together"
    return Evaluation(found, list(scores), {}, names)


def test_the_verdict_names_the_model_that_is_clearly_best() -> None:
    evaluation = results({"default": {"sts": 0.6}, "words": {"sts": 0.5}, "both": {"sts": 0.8}})
    assert evaluation.verdict() == [
        "Static vectors and words together are best here.",
        "Semantic similarity: static vectors and words together (both) 80.0; clearly worse: static "
        "vectors (default) 60.0, tf-idf (words) 50.0.",
    ]


def test_words_are_recommended_where_they_are_as_good_within_half_a_point() -> None:
    evaluation = results({"default": {"sts": 0.794}, "words": {"sts": 0.796}, "both": {"sts": 0.8}})
    assert evaluation.verdict() == [
        "Use tf-idf here: it needs no model, and nothing is clearly better.",
        "Semantic similarity: tf-idf (words) 79.6; as good: static vectors and words together "
        "(both) 80.0, static vectors (default) 79.4.",
    ]


def test_the_highest_score_is_recommended_where_few_texts_cannot_tell() -> None:
    """80 texts: an interval that includes zero is no reason to give 3.8 points away."""
    scores = {"default": {"sts": 0.975}, "words": {"sts": 0.95}, "both": {"sts": 0.988}}
    assert results(scores, spread=0.05).verdict()[0] == (
        "Use static vectors and words together here, but nothing is clearly better: these texts "
        "cannot tell."
    )
    scores = {"default": {"sts": 0.4}, "words": {"sts": 0.79}, "both": {"sts": 0.8}}
    assert results(scores).verdict() == [
        "Use static vectors and words together here: tf-idf is as good, as far as these texts can "
        "tell.",
        "Semantic similarity: static vectors and words together (both) 80.0; as good: tf-idf "
        "(words) 79.0; clearly worse: static vectors (default) 40.0.",
    ]


def test_equal_scores_are_called_equal_and_names_of_files_are_kept() -> None:
    equal = {"sts": 0.9}
    scores = {"c.joblib": equal, "words": {"sts": 0.5}, "c.safetensors": equal}
    assert results(scores).verdict() == [
        "c.joblib and c.safetensors are best, equally good.",
        "Semantic similarity: c.joblib 90.0; as good: c.safetensors 90.0; clearly worse: tf-idf "
        "(words) 50.0.",
    ]


@pytest.mark.parametrize("of_words", [0.891, 0.899])
def test_one_model_is_for_all_types_if_none_is_clearly_better(of_words) -> None:
    default, words = {"sts": 0.8, "clustering": 0.9}, {"sts": 0.5, "clustering": of_words}
    assert results({"default": default, "words": words}).verdict()[0] == (
        "Use static vectors here: best for semantic similarity, and for clustering, where nothing "
        "is clearly better."
    )


def test_one_model_is_for_all_types_of_which_few_texts_cannot_tell() -> None:
    scores = {
        "default": {"sts": 0.94, "clustering": 1.0},
        "words": {"sts": 0.74, "clustering": 0.9},
        "both": {"sts": 0.96, "clustering": 0.99},
    }
    evaluation = results(scores, spread=0.2)
    assert evaluation.verdict()[0] == (
        "Use static vectors and words together here, but nothing is clearly better: these texts "
        "cannot tell."
    )
    assert {one.model for one in type_verdicts(evaluation)} == {"both"}


def test_the_verdict_tells_types_apart_and_leaves_out_what_measures_limits() -> None:
    evaluation = results(
        {
            "default": {"sts": 0.8, "deduplication": 0.4, "diagnostic": 0.1},
            "words": {"sts": 0.5, "deduplication": 0.7, "diagnostic": 0.9},
        }
    )
    first, *others = evaluation.verdict()
    assert first == (
        "It depends on the task: use tf-idf for deduplication; static vectors for semantic "
        "similarity."
    )
    assert [sentence.partition(":")[0] for sentence in others] == [
        "Deduplication",
        "Semantic similarity",
    ]


def test_the_verdict_says_what_is_missing() -> None:
    assert "--model words would say" in results({"default": {"sts": 0.8}}).verdict()[0]
    assert "nothing to compare" in Evaluation([], ["default"], {}).verdict()[0]


def test_reports_and_notebooks_begin_with_the_verdict() -> None:
    evaluation = results({"<b>": {"sts": 0.6}, "words": {"sts": 0.9}})
    sentence = "Tf-idf is best here."
    assert evaluation.verdict()[0] == sentence
    assert evaluation.to_markdown().startswith(f"**{sentence}**\n")
    assert evaluation.to_dict()["verdict"] == evaluation.verdict()
    for html in (evaluation.to_html(), evaluation._repr_html_()):
        assert html.index(sentence) < html.index("<table>")
        assert "&lt;b&gt;" in html and "<th><b></th>" not in html


def test_what_a_model_makes_once_is_made_before_the_clock_runs() -> None:
    class Told:
        def __init__(self) -> None:
            self.given: list[int] = []

        def encode(self, texts: list[str]) -> np.ndarray:
            self.given.append(len(texts))
            return np.eye(len(texts), 4)

    class Decides(Rules):
        def __init__(self) -> None:
            self.given: list[int] = []

        def predict(self, texts: list[str]) -> list[str]:
            self.given.append(len(texts))
            return super().predict(texts)

    vectors, rules = Told(), Decides()
    meter = Meter(Encoder("vectors", vectors))
    meter(["a", "b", "c"])
    meter(["d", "e"])
    assert vectors.given == [1, 3, 2]
    assert meter.usage.n_texts == 5
    run_task(TextClassifier("rules", rules), full())
    assert rules.given == [1, 20]


# --- classifiers and fitted pipelines ---


def test_a_classifier_is_trained_on_each_task_and_a_fitted_one_is_scored_as_it_is() -> None:
    task = full()
    few = FewShotClassification("few", task.train_texts, task.train_labels, task.test_texts,
                                task.test_labels)  # fmt: skip
    pipeline = make_pipeline(tfidf(), LinearSVC())
    evaluation = evaluate({"free": pipeline}, [task, few])
    assert "fitted before" not in evaluation.to_markdown()
    assert {r.type: r.score for r in evaluation.results} == {
        "classification": pytest.approx(1.0, abs=0.2),
        "classification-full": 1.0,
    }
    # Trained with every label turned round: a fitted one must not be trained again.
    turned = ["dog" if label == "cat" else "cat" for label in task.train_labels]
    fitted = pipeline.fit(task.train_texts, turned)
    evaluation = evaluate({"fitted": fitted, "vectors": "tfidf"}, [task, few])
    assert {(r.model, r.type): r.score for r in evaluation.results if r.model == "fitted"} == {
        ("fitted", "classification-full"): 0.0
    }
    assert evaluation.common_keys() == [("classification-full", "pets")]
    assert evaluation.verdict()[-1] == (
        "fitted was fitted before this run: texts that it was fitted to make its score too good."
    )
    assert "not for this task" in evaluation.to_html()
    assert not evaluation.failed


class Rules:
    """A classifier that knows nothing of scikit-learn."""

    def predict(self, texts: list[str]) -> list[str]:
        return ["cat" if "cat" in text else "dog" for text in texts]

    def fit(self, texts: list[str]) -> None:
        raise AssertionError("it is what it is")


def test_models_of_other_libraries_are_what_they_can_do() -> None:
    task = full()
    assert [r.score for r in evaluate(Rules(), task).results] == [1.0]

    class Embeds(Rules):
        def encode(self, texts: list[str]) -> np.ndarray:
            return np.array([[1.0, 0.0] if "cat" in text else [0.0, 1.0] for text in texts])

    [result] = evaluate(Embeds(), task).results
    assert (result.score, result.dim) == (1.0, 2)


def test_labels_are_compared_as_the_strings_of_a_file() -> None:
    task = full()
    numbers = [int(label == "cat") for label in task.train_labels]
    fitted = make_pipeline(tfidf(), LinearSVC()).fit(task.train_texts, numbers)
    as_numbers = FullClassification(
        "numbers", task.train_texts, [str(n) for n in numbers], task.test_texts,
        [str(int(label == "cat")) for label in task.test_labels],
    )  # fmt: skip
    assert run_task(TextClassifier("m", fitted), as_numbers).score == 1.0
    [result] = evaluate(fitted, task).failed
    assert "predicts '0', '1', but the labels of the data are 'cat', 'dog'" in result.error


def test_a_classifier_without_a_task_is_an_error() -> None:
    with pytest.raises(ValueError, match="No model can do the tasks 'colours'"):
        evaluate(make_pipeline(tfidf(), LinearSVC()), SEARCH)


def test_worst_errors_of_a_classifier_are_those_it_is_surest_of() -> None:
    task = full()
    wrong = FullClassification(
        "wrong", task.train_texts, task.train_labels, ["cat", "purrs cat a cat"], ["dog", "dog"]
    )
    worst = run_task(TextClassifier("m", make_pipeline(tfidf(), LinearSVC())), wrong).worst
    assert {one["predicted"] for one in worst} == {"cat"}
    assert len(worst) == 2


def test_the_strength_of_the_head_is_chosen_on_training_texts() -> None:
    """Where classes differ by a hair, a head of the usual strength sees the larger class only."""
    rng = np.random.default_rng(0)
    rows = [rng.random() < 0.3 for _ in range(400)]

    class Hair:
        def encode(self, texts: list[str]) -> np.ndarray:
            side = np.array([0.05 if text.startswith("y") else 0.0 for text in texts])
            vectors = np.column_stack([np.ones(len(texts)), side])
            return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    texts = [f"{'y' if row else 'n'} {place}" for place, row in enumerate(rows)]
    labels = ["y" if row else "n" for row in rows]
    task = FullClassification("hair", texts[:300], labels[:300], texts[300:], labels[300:])
    assert run_task(Encoder("hair", Hair()), task).score == 1.0


# --- the command ---


def reviews(folder: Path) -> Path:
    path = folder / "reviews.csv"
    rows = [f"{'good' if row % 2 else 'bad'} film {row},{row % 2}" for row in range(40)]
    path.write_text("text,label\n" + "\n".join(rows) + "\n")
    return path


def test_the_command_compares_with_words_unless_told_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["eval", "--data", str(reviews(tmp_path)), "--output", str(tmp_path / "out"), "--json"]
    assert main(words) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["models"] == ["default", "words", "both"]
    assert len(record["results"]) == 6
    assert record["verdict"][0].startswith("Use tf-idf here")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert page.index("Use tf-idf here") < page.index("<h2>Summary</h2>")


@pytest.mark.parametrize("name", ["r.html", "taken"])
def test_the_report_goes_into_a_folder(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("a file")
    before = sorted(tmp_path.iterdir())
    assert main(["eval", "--data", "bundled", "--output", str(tmp_path / name)]) == 2
    assert "--output must be a folder" in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_the_command_takes_fitted_pipelines_and_fused_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import joblib

    from skm2v import fuse

    task = full()
    pipeline = make_pipeline(tfidf(), LinearSVC()).fit(task.train_texts, task.train_labels)
    joblib.dump(pipeline, tmp_path / "pets.joblib")
    fuse(StaticTextClassifier().fit(task.train_texts, task.train_labels)).save(
        tmp_path / "pets.safetensors"
    )
    rows = zip(task.test_texts, task.test_labels, strict=True)
    lines = "".join(f"{text},{label}\n" for text, label in rows)
    (tmp_path / "pets.csv").write_text(f"text,label\n{lines}")
    words = ["eval", "--data", str(tmp_path / "pets.csv"), "--output", str(tmp_path / "out"),
             "--model", f"joblib:{tmp_path / 'pets.joblib'}",
             "--model", f"fused:{tmp_path / 'pets.safetensors'}", "--json"]  # fmt: skip
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)["results"]
    assert [(r["model"], r["type"], r["score"]) for r in found] == [
        ("pets.joblib (joblib)", "classification-full", 1.0),
        ("pets.safetensors (fused)", "classification-full", 1.0),
    ]
