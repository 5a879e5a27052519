"""Searchers as models under test."""

from __future__ import annotations

import numpy as np
import pytest

from skm2v import TextSearcher
from skm2v.evaluation import Reranking, Retrieval, evaluate, load_model, ndcg_at, run_task
from skm2v.evaluation._model_specs import named_model
from skm2v.evaluation._searching import SearchModel

TASK = Retrieval(
    "small",
    ["free money", "a zebra", "something"],
    ["money is free", "zebras run", "the running zebra", "unrelated words"],
    ["a", "b", "c", "d"],
    [{"0": 1}, {"1": 1, "2": 1}, {"3": 2}],
)


@pytest.mark.parametrize(("spec", "weight"), [("search", 0.5), ("bm25-stems", 1.0)])
def test_a_searcher_is_scored_by_what_it_finds(spec, weight):
    searcher = TextSearcher(lexical_weight=weight).fit(TASK.documents)
    expected = ndcg_at(
        searcher.search(TASK.queries, 4),
        [{int(row): gain for row, gain in own.items()} for own in TASK.relevance],
    )
    result = run_task(load_model(spec), TASK)
    assert result.score == pytest.approx(expected)


def test_a_searcher_of_ones_own_is_a_model():
    model = named_model("mine", TextSearcher(stemmer=None))
    assert isinstance(model, SearchModel) and model.takes(TASK)
    assert not model.takes(Reranking("r", ["q"], [["a"]], [["b"]]))
    assert model.fingerprint != named_model("mine", TextSearcher()).fingerprint


def test_rankings_may_end_early():
    ranked = np.array([[0, -1, -1, -1], [2, 1, -1, -1], [-1, -1, -1, -1]])
    outcome = TASK.outcome(ranked)
    assert outcome.score == pytest.approx(2 / 3)
    assert outcome.worst[0]["found first"] == ""


def test_reports_name_searchers(tmp_path):
    for name, rows in {
        "corpus": [{"id": i, "text": t} for i, t in zip("abcd", TASK.documents, strict=True)],
        "queries": [{"id": str(i), "text": t} for i, t in enumerate(TASK.queries)],
    }.items():
        import json

        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "qrels.tsv").write_text("query\tdoc\trelevance\n0\ta\t1\n1\tb\t1\n")
    results = evaluate(["default", "search"], data=str(tmp_path))
    assert "search" in results.to_markdown()
