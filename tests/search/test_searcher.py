"""`TextSearcher`: the best documents, exactly; documents that come and go."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV

from skm2v import TextSearcher
from skm2v._search import fusion
from skm2v._search.fusion import best_documents, score_all
from skm2v.exceptions import TextTypeError, TextValueError, TextWarning
from tests.search.collections_ import Letters, columns, plain_bm25, random_texts, searcher

WEIGHTS = [0.0, 0.3, 0.5, 0.9, 1.0]


@pytest.fixture(scope="module")
def fitted():
    return searcher().fit(random_texts(400))


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("k", [1, 7, 100, 1000])
@pytest.mark.parametrize("scored", [1, 20, 1000])
def test_the_best_documents_are_those_of_scoring_all(fitted, weight, k, scored, monkeypatch):
    monkeypatch.setattr(fusion, "SCORED", scored)
    monkeypatch.setattr(fusion, "EXTRA", scored // 10)
    queries = fitted._queries(random_texts(40, seed=1, longest=5))
    weights = fitted._weights._replace(lexical=weight)
    permitted = np.random.default_rng(0).random(400) < 0.3
    for mask in (None, permitted):
        for query, found in zip(
            queries, best_documents(fitted._index, queries, k, weights, mask), strict=True
        ):
            every = score_all(fitted._index, query, weights)
            kept = every.score > 0
            if mask is not None:
                kept &= mask[every.rows]
            expected = every.take(np.flatnonzero(kept)[:k])
            for own, wanted in zip(found, expected, strict=True):
                assert_array_equal(own, wanted)


def test_answers_do_not_depend_on_how_many_queries_are_asked_at_once(fitted, monkeypatch):
    queries = random_texts(30, seed=9)
    together = columns(fitted.search(queries, 5))
    monkeypatch.setattr(fusion, "CELLS", 3 * 400)
    assert columns(fitted.search(queries, 5)) == together
    alone = [fitted.search([query], 5) for query in queries]
    assert [name for result in alone for name in result.ids] == together[0]
    assert b"".join(result.score.tobytes() for result in alone) == together[3]


def test_scores_are_those_of_the_formula():
    texts = random_texts(50)
    found = searcher(stemmer=None, stop_words=None).fit(texts)
    vectors = found.embedder_.transform(texts)
    for query in random_texts(10, seed=2):
        result = found.search([query], 50)
        bm25 = plain_bm25(texts, query)
        cosine = vectors @ found.embedder_.transform([query])[0]
        score = 0.5 * cosine + 0.5 * bm25 / (bm25.max() or 1)
        rows = result.position
        assert_allclose(result.bm25, bm25[rows], rtol=1e-9)
        assert_allclose(result.words, bm25[rows] / (bm25.max() or 1), rtol=1e-9)
        assert_allclose(result.cosine, cosine[rows], atol=2e-3)
        assert_allclose(result.score, score[rows], atol=1e-3)
        assert (np.diff(result.score) <= 0).all()
        assert set(np.flatnonzero(score > 2e-3)) <= set(rows.tolist())


def test_equal_documents_are_sorted_by_their_position():
    texts = ["free money", "other words", "free money", "free money"]
    found = searcher().fit(texts)
    assert [hit.position for hit in found.search("free money", 3)[0]] == [0, 2, 3]
    assert [hit.position for hit in found.search("free money", 2)[0]] == [0, 2]


def test_the_result_has_hits_ids_and_a_frame():
    found = searcher().fit(["free money", "lost water"], ids=["m", "w"])
    result = found.search(["money", "water", ""], k=1)
    assert len(result) == 3
    assert [[hit.id for hit in hits] for hits in result] == [["m"], ["w"], []]
    hit = result[0][0]
    assert (hit.position, hit.text) == (0, "free money")
    assert hit.score == pytest.approx(0.5 * hit.cosine + 0.5)
    assert np.isnan(hit.second)
    frame = result.to_frame()
    assert frame["id"].tolist() == ["m", "w"]
    assert frame["query"].tolist() == [0, 1] and frame["rank"].tolist() == [1, 1]
    assert "free money" in result._repr_html_()
    assert repr(result) == "<SearchResult: 3 queries, 2 hits; print() shows them>"
    assert repr(found.search("lost", k=1)) == "<SearchResult: 1 query, 1 hit; print() shows them>"
    with pytest.raises(IndexError):
        result[3]


def test_a_printed_result_is_a_line_for_each_hit():
    found = searcher().fit(["free\n" * 30, *["money"] * 24], ids=[*range(100, 125)])
    shown = str(found.search(["free\t money", "", *["money"] * 20], k=22)).split("\n\n")
    assert len(shown) == 21 and shown[-1] == "... and 2 more queries"
    query, first, *others = shown[0].split("\n")
    rank, score, name, text = first.split(maxsplit=3)
    assert (query, rank, name) == ("free money", "1", "100") and float(score) > 0.5
    assert text.startswith("free free") and text.endswith("…") and len(text) == 80
    assert len(others) == 20 and others[-1].strip() == "... and 2 more"
    assert shown[1] == "\n      nothing found"


def test_a_query_may_come_as_it_is():
    found = searcher().fit(["free money", "water"])
    assert columns(found.search("money")) == columns(found.search(["money"]))


def test_neighbours_are_given_as_scikit_learn_gives_them(fitted):
    queries = random_texts(5, seed=3)
    distances, indices = fitted.kneighbors(queries, 400)
    assert distances.shape == indices.shape == (5, 400)
    assert (np.diff(distances) >= 0).all()
    assert all(sorted(row) == list(range(400)) for row in indices.tolist())
    result = fitted.search(queries, 5)
    assert_array_equal(indices[:, :5].ravel(), result.position)
    assert_allclose(1 - distances[:, :5].ravel(), result.score)
    assert_array_equal(fitted.kneighbors(queries, 3, return_distance=False), indices[:, :3])
    with pytest.raises(ValueError, match="at most the 400 documents"):
        fitted.kneighbors(queries, 401)


# --- Coming and going -------------------------------------------------------------------------


def state_of(found):
    """All that is searched, as bytes."""
    index, postings = found._index, found._index.postings
    return [
        array.tobytes()
        for array in (
            index.texts.data, index.texts.starts, index.vectors, postings.terms.data,
            postings.starts, postings.documents, postings.counts, postings.lengths,
        )
    ]  # fmt: skip


def test_documents_come_and_go_as_if_they_were_fitted_so():
    texts = random_texts(120)
    ids = [f"id-{i}" for i in range(120)]
    rng = np.random.default_rng(5)
    found = searcher().fit(texts[:40], ids=ids[:40])
    there = list(range(40))
    waiting = list(range(40, 120))
    queries = random_texts(10, seed=4)
    for _ in range(8):
        new, waiting = waiting[:10], waiting[10:]
        found.add([texts[i] for i in new], ids=[ids[i] for i in new])
        there += new
        gone = set(rng.choice(there, 6, replace=False).tolist())
        found.remove([ids[i] for i in gone])
        there = [i for i in there if i not in gone]
        fresh = searcher().fit([texts[i] for i in there], ids=[ids[i] for i in there])
        assert state_of(found) == state_of(fresh)
        assert columns(found.search(queries, 20)) == columns(fresh.search(queries, 20))
        assert dict(found.fit_report_) == {
            k: v for k, v in fresh.fit_report_.items() if k != "seconds"
        }


def test_everything_can_go_and_come_again():
    found = searcher().fit(["free money", "water"])
    found.remove([0, 1])
    assert found.n_documents_ == 0
    assert found.search("money")[0] == []
    found.add(["money again"])
    assert found.ids_.tolist() == [0]
    assert found.search("money")[0][0].text == "money again"


def test_nothing_is_a_collection_too():
    found = searcher().fit([])
    assert found.search(["money", ""]).ids == []
    assert [hit.id for hit in found.add(["money"], ids=["x"]).search("money")[0]] == ["x"]


def test_new_ids_go_on_after_the_largest():
    found = searcher().fit(["a", "b"], ids=[7, 3]).add(["c", "d"])
    assert found.ids_.tolist() == [7, 3, 8, 9]
    assert found.add([]).n_documents_ == 4


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        (["a"], ValueError, "one for each of 2 documents; got 1"),
        ("ab", TypeError, "ids must be a column"),
        ([1.5, 2], TypeError, r"got 1.5 in row 0. Fix: ids=\[str"),
        (["a", 1], TypeError, "all of one type; got 1 in row 1"),
        ([True, False], TypeError, "got True"),
        ([2**70, 1], ValueError, "must fit 64 bits"),
        (["a", "\ud800"], ValueError, "ids must be valid Unicode"),
    ],
)
def test_ids_that_are_none_are_errors(ids, error, message):
    with pytest.raises(error, match=message):
        searcher().fit(["one", "two"], ids=ids)


def test_ids_of_one_searcher_are_of_one_type():
    found = searcher().fit(["one"], ids=["a"])
    with pytest.raises(ValueError, match="new ones need some"):
        found.add(["two"])
    with pytest.raises(TypeError, match="these are integers, earlier ones strings"):
        found.add(["two"], ids=[1])
    assert found.n_documents_ == 1
    with pytest.raises(KeyError, match="'b', 'c'"):
        found.remove(["a", "b", "c"])
    assert found.n_documents_ == 1


def test_ids_may_come_from_arrays_and_frames():
    texts = pd.Series(["free money", "water"], index=[5, 6])
    for ids in (np.array([4, 9]), pd.Series([4, 9]), (4, 9)):
        assert searcher().fit(texts, ids=ids).search("water")[0][0].id == 9
    for ids in (np.array(["x", "y"]), pd.Series(["x", "y"])):
        found = searcher().fit(texts, ids=ids)
        assert found.search("water")[0][0].id == "y"
        assert found.remove(np.array(["x"])).ids_.tolist() == ["y"]


def test_ids_that_cannot_be_are_named():
    found = searcher().fit(["free money", "bank"], ids=[3, 2**63 - 1])
    with pytest.raises(ValueError, match=f"After the id {2**63 - 1} there are no larger"):
        found.add(["water"])
    with pytest.raises(TypeError, match="ids must be a column"):
        found.remove(None)
    with pytest.raises(ValueError, match="query must be one text"):
        found.explain(["free", "money"], 3)
    for relevance in ([["3"]], [[4]]):  # another type, another document
        with pytest.raises(ValueError, match="no document that is there.*such as 3"):
            found.score(["money"], relevance)
    assert found.remove(np.int64(3)).ids_.tolist() == [2**63 - 1]


def test_passages_share_the_id_of_their_document():
    found = searcher().fit(["free money", "bank", "free card"], ids=["a", "b", "a"])
    assert [hit.id for hit in found.search("free", 2)[0]] == ["a", "a"]
    assert found.explain("card", "a").text == "free card"
    assert found.remove("a").n_documents_ == 1


# --- Filters ----------------------------------------------------------------------------------


def test_filters_leave_documents_out_and_change_no_score(fitted):
    query = random_texts(1, seed=6)
    every = fitted.search(query, 400)
    keep = np.zeros(400, dtype=bool)
    keep[every.position[::3]] = True
    rows = np.flatnonzero(keep)
    for where in (keep, keep.tolist(), pd.Series(keep), rows, set(rows.tolist()),
                  lambda name: bool(keep[name])):  # fmt: skip
        some = fitted.search(query, 10, where=where)
        chosen = np.flatnonzero(keep[every.position])[:10]
        assert_array_equal(some.position, every.position[chosen])
        assert_array_equal(some.score, every.score[chosen])


def test_filters_by_ids_that_are_strings():
    found = searcher().fit(["free money", "free card", "free bank"], ids=["x1", "y1", "x2"])
    assert [hit.id for hit in found.search("free", where=lambda name: name[0] == "x")[0]] == [
        "x1",
        "x2",
    ]
    assert [hit.id for hit in found.search("free", where=["y1", "not there"])[0]] == ["y1"]
    assert found.search("free", where=[])[0] == []
    with pytest.raises(TypeError, match="ids, which are strings here; got 3"):
        found.search("free", where=[3])
    with pytest.raises(ValueError, match="a value for each of 3 documents; got 1"):
        found.search("free", where=[True])


# --- Odd input --------------------------------------------------------------------------------


def test_queries_of_nothing_find_nothing():
    found = TextSearcher().fit(["free money", "the water", ""])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TextWarning)
        result = found.search(["", "  \n", "☃", "\x00"], 3)
    assert result.indptr.tolist() == [0] * 5


def test_queries_of_stop_words_are_compared_by_meaning_alone():
    found = TextSearcher().fit(["free money", "to be or not to be", "water"])
    hits = found.search("to be or not to be")[0]
    assert hits[0].position == 1 and hits[0].cosine > 0.99
    assert {hit.bm25 for hit in hits} == {0.0}


def test_words_that_no_document_has_are_compared_by_meaning_alone():
    found = TextSearcher().fit(["a fast car", "a red apple"])
    hits = found.search("automobile")[0]
    assert hits[0].position == 0 and hits[0].bm25 == 0


def test_a_query_of_many_megabytes_has_an_answer():
    found = TextSearcher().fit(["free money", "a zebra"])
    rng = np.random.default_rng(0)
    words = ["".join(word) for word in rng.choice(list("abcdefghijk"), (2000, 6)).tolist()]
    query = " ".join(words * 750) + " zebra"
    assert len(query) > 10_000_000
    with pytest.warns(TextWarning, match="cut at max_length"):
        hits = found.search(query)[0]
    assert hits[0].position == 1 and hits[0].bm25 > 0


def test_bad_arguments_are_errors(fitted):
    for k in (0, -1, 2.5, None, True):
        with pytest.raises(ValueError, match="k must be a positive integer"):
            fitted.search("money", k)
    with pytest.raises(TextTypeError):
        fitted.search([1, 2])
    with pytest.raises(TextValueError, match="Missing texts in row 1"):
        searcher().fit(["a", None])
    with pytest.raises(NotFittedError):
        searcher().search("money")
    for name, value in {"lexical_weight": 1.5, "k1": -1, "b": 2, "rerank_top": 0}.items():
        with pytest.raises(ValueError, match=f"'{name}' parameter"):
            searcher(**{name: value}).fit(["a"])
    with pytest.raises(KeyError, match="no document with the id 'x'"):
        fitted.explain("money", "x")


def test_an_interrupted_fit_or_addition_changes_nothing():
    class Breaks(Letters):
        def transform(self, X):
            if "break" in X:
                raise KeyboardInterrupt
            return super().transform(X)

    found = TextSearcher(Breaks()).fit(["free money", "water"])
    before = columns(found.search(["money", "water"]))
    for act in (found.fit, found.add):
        with pytest.raises(KeyboardInterrupt):
            act(["other", "break"])
        assert columns(found.search(["money", "water"])) == before


# --- An estimator -----------------------------------------------------------------------------


def test_clones_and_pickles():
    found = searcher(lexical_weight=0.3, k1=1.2).fit(random_texts(30), ids=range(100, 130))
    copy = pickle.loads(pickle.dumps(found))
    queries = random_texts(5, seed=7)
    assert columns(copy.search(queries)) == columns(found.search(queries))
    again = clone(found)
    assert again.get_params()["lexical_weight"] == 0.3 and not hasattr(again, "embedder_")
    assert columns(again.fit(random_texts(30), ids=range(100, 130)).search(queries)) == columns(
        found.search(queries)
    )


def test_any_transformer_makes_the_vectors():
    texts = ["free money", "water mill", "letters of a word"]
    found = TextSearcher(Letters()).fit(texts)
    result = found.search("free mills", 3)
    vectors = Letters().transform([*texts, "free mills"])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert_allclose(result.cosine, (vectors[:3] @ vectors[3])[result.position], atol=1e-3)
    assert result[0][0].bm25 > 0


def test_vectors_that_are_no_numbers_are_errors():
    class Broken(Letters):
        def transform(self, X):
            return np.full((len(X), 3), np.nan, dtype=np.float32)

    with pytest.raises(ValueError, match="must be finite"):
        TextSearcher(Broken()).fit(["free money"])


def test_a_grid_search_chooses_the_weight_by_labels():
    rng = np.random.default_rng(0)
    topics = [["money", "bank", "card"], ["water", "oil", "day"], ["phone", "mobile", "call"]]
    labels = rng.integers(0, 3, 90)
    texts = [" ".join(rng.choice(topics[label], 4)) for label in labels]
    grid = GridSearchCV(searcher(), {"lexical_weight": [0.0, 0.5]}, cv=3).fit(texts, labels)
    scores = grid.cv_results_["mean_test_score"]
    assert scores[1] > 0.9 and grid.best_params_ == {"lexical_weight": 0.5}
    found = searcher(lexical_weight=0.5).fit(texts[:60], labels[:60])
    assert 0.9 < found.score(texts[60:], labels[60:]) <= 1


def test_the_score_is_the_ndcg_of_the_search():
    found = searcher().fit(["free money", "free bank", "water"], ids=["a", "b", "c"])
    assert found.score(["free money"], [{"a": 2, "b": 1}]) == pytest.approx(1.0)
    assert found.score(["free money"], ["a"]) == found.score(["free money"], [["a"]]) == 1.0
    assert found.score(["water", "money"], [{"c"}, {}]) == 1.0, "without relevance: left out"
    # One of two relevant documents does not exist: 1 / (1 + 1 / log2(3)).
    assert found.score(["water"], [{"c", "gone"}]) == pytest.approx(1 / (1 + 1 / np.log2(3)))
    with pytest.raises(ValueError, match="No query has a relevant document"):
        found.score(["water"], [[]])
    with pytest.raises(ValueError, match="for each of 2 queries; got 1"):
        found.score(["water", "money"], [["c"]])


def test_tuning_takes_the_weight_that_is_best():
    texts = random_texts(200, seed=8)
    found = searcher().fit(texts)
    queries = [text.split()[0] + " " + text.split()[-1] for text in texts[:40]]
    relevance = [[row] for row in range(40)]
    found.tune(queries, relevance, weights=[0.0, 0.4, 1.0])
    tuning = found.tuning_
    means = []
    for weight in (0.0, 0.4, 1.0):
        means.append(clone(found).set_params(lexical_weight=weight).fit(texts).score(
            queries, relevance))  # fmt: skip
    assert_allclose(tuning.scores[:, 0], means)
    assert found.lexical_weight == tuning.lexical_weight == (0.0, 0.4, 1.0)[np.argmax(means)]
    assert tuning.rerank_weight is None and tuning.n_queries == 40
    assert min(means) <= tuning.cv_score <= max(means) + 1e-12
    with pytest.raises(ValueError, match="cv must be a number of folds"):
        found.tune(queries, relevance, cv=41)
    with pytest.raises(ValueError, match="weights must be numbers from 0 to 1"):
        found.tune(queries, relevance, weights=[2])
