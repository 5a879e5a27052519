"""Static vectors and tf-idf side by side: features for any model, and for similarity."""

from __future__ import annotations

import pickle
from unittest import SkipTest

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skm2v import HybridVectorizer, StaticEmbedder, StaticModel, StaticTextClassifier
from skm2v.datasets import load_sms_spam
from skm2v.exceptions import TextTypeError, TextWarning
from skm2v.testing import parametrize_with_text_checks
from tests import tiny

MODELS = {
    kind: StaticModel(tiny.tiny_table(kind), tiny.tiny_tokenizer(kind)) for kind in tiny.KINDS
}
TEXTS = ["free money now", "the bank card", "the free bank", "win a prize now", "card card money"]


@pytest.fixture
def embedder():
    return StaticEmbedder(MODELS["wordpiece"])


@parametrize_with_text_checks(
    [
        HybridVectorizer(StaticEmbedder(MODELS["wordpiece"])),
        HybridVectorizer(
            StaticEmbedder(MODELS["bpe"], handle_missing="zero", max_length=None),
            normalize=False,
            sparse_output=False,
            dtype=np.float64,
        ),
        HybridVectorizer(
            StaticEmbedder(MODELS["unigram"].quantized("int8")),
            max_pairs=10,
            norm_exponent=1.0,
            semantic_weight=2.0,
            sparse_output=False,
        ),
        HybridVectorizer(StaticEmbedder(MODELS["wordpiece"]), character_weight=2.0),
    ],
)
def test_text_transformer_checks(estimator, check):
    try:
        check(estimator)
    except SkipTest as skip:
        assert estimator.sparse_output and "set_output" in check.__name__, skip


def parts(vectorizer, rows):
    """Columns of the vectors, and those of tokens and pairs."""
    n = vectorizer.embedder_.model_.dim
    return rows[:, :n], rows[:, n:]


def test_inner_products_are_the_mean_of_both_cosines(embedder):
    vectorizer = HybridVectorizer(embedder, dtype=np.float64)
    rows = vectorizer.fit_transform(TEXTS)
    meaning, words = parts(vectorizer, rows)
    expected = (cosine_similarity(meaning) + cosine_similarity(words)) / 2
    assert_allclose((rows @ rows.T).toarray(), expected, atol=1e-12)
    assert_allclose(meaning.toarray() * np.sqrt(2), embedder.fit_transform(TEXTS), atol=1e-6)
    tfidf = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+").fit_transform(TEXTS)
    assert_allclose(cosine_similarity(words), cosine_similarity(tfidf), atol=1e-12)


@pytest.mark.parametrize("weight", [0.0, 0.5, 3.0])
def test_the_weight_of_meaning_is_the_norm_of_its_part(embedder, weight):
    vectorizer = HybridVectorizer(embedder, semantic_weight=weight).fit(TEXTS)
    rows = vectorizer.transform(TEXTS).toarray()
    assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-6)
    n = sum(name.startswith("dimension_") for name in vectorizer.get_feature_names_out())
    assert n == (embedder.fit(TEXTS).n_components_ if weight else 0)
    norms = np.linalg.norm(rows[:, :n], axis=1)
    assert_allclose(norms, weight / np.hypot(weight, 1), rtol=1e-6)


def test_names_say_dimension_token_or_pair(embedder):
    vectorizer = HybridVectorizer(embedder).fit(TEXTS)
    names = vectorizer.get_feature_names_out().tolist()
    dim = embedder.fit(TEXTS).n_components_
    assert names[:dim] == [f"dimension_{i}" for i in range(dim)]
    words = {word for text in TEXTS for word in text.split()}
    assert {name for name in names if name.startswith("token_")} == {f"token_{w}" for w in words}
    pairs = {" ".join(pair) for text in TEXTS for pair in zip(*two(text.split()), strict=True)}
    assert {name for name in names if name.startswith("pair_")} == {f"pair_{p}" for p in pairs}
    row = vectorizer.transform(["free money"]).toarray()[0]
    assert {names[i] for i in np.flatnonzero(row) if i >= dim} == {
        "token_free",
        "token_money",
        "pair_free money",
    }


def two(words):
    return words[:-1], words[1:]


def test_names_are_told_apart_where_tokens_hold_spaces():
    vectors = 4 * np.eye(2, MODELS["wordpiece"].dim)
    with pytest.warns(TextWarning, match="'b c' may be missed"):
        model = MODELS["wordpiece"].extend(["a b", "b c"], vectors=vectors)
    vectorizer = HybridVectorizer(StaticEmbedder(model)).fit(["a b c", "a, b c", "a b, c"])
    names = vectorizer.get_feature_names_out()
    assert len(set(names)) == len(names) == vectorizer.transform(["a"]).shape[1]


def test_the_classifier_is_these_features_and_a_linear_machine(embedder):
    """To the bit: the solver sees the same numbers."""
    rng = np.random.default_rng(0)
    words = np.array(tiny.WORDS[:40])
    y = np.arange(120) % 3
    texts = [" ".join(rng.choice(words[10 * label : 10 * label + 20], 6)) for label in y]
    classifier = StaticTextClassifier(embedder, C=1.0, semantic_weight=0.7).fit(texts, y)
    vectorizer = HybridVectorizer(
        embedder, semantic_weight=0.7, norm_exponent=8 / 40, normalize=False, dtype=np.float64
    )
    machine = LinearSVC(C=1.0, tol=1e-3, max_iter=60, random_state=0)
    features = vectorizer.fit_transform(texts)
    machine.fit(features, y)
    assert_array_equal(machine.intercept_, classifier.intercept_)
    expected = machine.decision_function(features)
    assert_allclose(classifier.decision_function(texts), expected, atol=1e-5)


def test_beside_numeric_columns():
    texts, y = load_sms_spam(subset="train", return_X_y=True)
    texts, y = list(texts)[:900], np.asarray(y)[:900]
    frame = pd.DataFrame({"message": texts, "length": [float(len(text)) for text in texts]})
    columns = ColumnTransformer(
        [("text", HybridVectorizer(), "message"), ("length", StandardScaler(), ["length"])]
    )
    pipeline = make_pipeline(columns, LogisticRegression(C=30, max_iter=500))
    pipeline.fit(frame[:600], y[:600])
    assert pipeline.score(frame[600:], y[600:]) > 0.95
    assert sparse.issparse(columns.fit_transform(frame))
    names = pipeline[0].get_feature_names_out()
    assert {name.split("_")[0:3:2][0] for name in names} == {"text", "length"}
    assert "text__message_token_free" in names


def test_solvers_get_the_small_indices_that_they_want(embedder):
    rows = HybridVectorizer(embedder).fit_transform(TEXTS)
    assert rows.format == "csr" and rows.has_sorted_indices
    assert (rows.indices.dtype, rows.indptr.dtype, rows.dtype) == (np.int32, np.int32, np.float32)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.sampled_from([*tiny.WORDS[:12], "\u2603"]), max_size=7), min_size=1))
def test_a_row_depends_on_its_text_alone(rows_of_words):
    texts = [" ".join(words) for words in rows_of_words]
    for normalize in (True, False):
        vectorizer = FITTED[normalize]
        with pytest.warns(TextWarning) if any_without_token(rows_of_words) else no_warning():
            whole = vectorizer.transform(texts).toarray()
        for row, text in enumerate(texts):
            with pytest.warns(TextWarning) if not whole[row].any() else no_warning():
                assert_array_equal(vectorizer.transform([text]).toarray()[0], whole[row])


FITTED = {
    normalize: HybridVectorizer(
        StaticEmbedder(MODELS["wordpiece"]), normalize=normalize, dtype=np.float64
    ).fit(TEXTS)
    for normalize in (True, False)
}


def any_without_token(rows_of_words):
    return any(not set(words) - {"\u2603"} for words in rows_of_words)


def no_warning():
    import contextlib

    return contextlib.nullcontext()


def test_texts_without_a_token_are_rows_of_zeros_with_a_warning(embedder):
    vectorizer = HybridVectorizer(embedder.set_params(max_length=3)).fit(TEXTS)
    with pytest.warns(TextWarning, match="Of 3 texts, 1 .* got a row of zeros and 1 were cut"):
        rows = vectorizer.transform(["\u2603", "free money", "free money now now"])
    assert rows.toarray()[0].any() == 0
    missing = HybridVectorizer(StaticEmbedder(MODELS["wordpiece"], handle_missing="zero"))
    assert missing.fit([None, *TEXTS]).transform([None]).nnz == 0


def test_what_was_not_seen_in_fit_counts_for_meaning_only(embedder):
    vectorizer = HybridVectorizer(embedder).fit(TEXTS)
    meaning, words = parts(vectorizer, vectorizer.transform(["people would"]))
    assert meaning.nnz and not words.nnz


@pytest.mark.parametrize("estimator", [HybridVectorizer, StaticTextClassifier])
def test_a_search_reaches_the_default_embedder(estimator):
    default = estimator()
    assert default.set_params(embedder__max_length=7).embedder.max_length == 7
    assert estimator().get_params()["embedder"] is None
    both = estimator().set_params(embedder=None, embedder__max_length=8)
    assert both.embedder.max_length == 8
    with pytest.raises(ValueError, match="Invalid parameter 'nothing' for estimator StaticEmb"):
        estimator().set_params(embedder__nothing=1)
    head = make_pipeline(estimator()) if estimator is StaticTextClassifier else None
    search = GridSearchCV(
        head or make_pipeline(estimator(), LogisticRegression()),
        {f"{estimator.__name__.lower()}__embedder__max_length": [16, 32]},
        cv=2,
    )
    texts = ["win a free prize", "see you at lunch", "claim your free cash", "call me later"] * 3
    search.fit(texts, [1, 0] * 6)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_frames_are_made_of_dense_output_only(embedder):
    vectorizer = HybridVectorizer(embedder).set_output(transform="pandas")
    with pytest.raises(ValueError, match="outputs a scipy sparse matrix"):
        vectorizer.fit_transform(TEXTS)
    frame = clone(vectorizer).set_params(sparse_output=False).fit_transform(TEXTS)
    assert frame["token_free"].gt(0).tolist() == ["free" in text for text in TEXTS]


def test_bad_input(embedder):
    vectorizer = HybridVectorizer(embedder)
    with pytest.raises(NotFittedError):
        vectorizer.transform(TEXTS)
    with pytest.raises(TextTypeError):
        vectorizer.fit("a text")
    for dtype in (np.int32, "float16"):
        with pytest.raises(ValueError, match="dtype must be numpy.float32 or numpy.float64; got"):
            clone(vectorizer).set_params(dtype=dtype).fit(TEXTS)
    with pytest.raises(ValueError, match="norm_exponent"):
        clone(vectorizer).set_params(norm_exponent=2).fit(TEXTS)


def test_pickles_and_keeps_the_name_of_its_column(embedder):
    vectorizer = HybridVectorizer(embedder).fit(pd.DataFrame({"title": TEXTS}))
    copy = pickle.loads(pickle.dumps(vectorizer))
    assert_array_equal(copy.transform(TEXTS).toarray(), vectorizer.transform(TEXTS).toarray())
    with pytest.raises(ValueError, match="was fitted on the column 'title'"):
        copy.transform(pd.DataFrame({"body": TEXTS}))
