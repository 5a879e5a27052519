"""StaticTextClassifier: what it learns, what it takes; its conventions are in test_checks."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skm2v import StaticEmbedder, StaticModel, StaticTextClassifier, fuse
from skm2v._classification import few_shot, linear
from skm2v._classification.few_shot import FewTexts
from skm2v._features.lexical import Vocabulary, token_importance
from skm2v._features.semantic import semantic_features, squared_norms_of
from skm2v._pooling import TokenIds
from skm2v.datasets import load_banking77
from skm2v.exceptions import TextTypeError, TextValueError, TextWarning
from tests import tiny

from .conftest import labelled, make_pairs_model

# --- Learning -----------------------------------------------------------------------------------


def test_learns(fitted):
    classifier, texts, y = fitted
    assert classifier.score(texts, y) > 0.9
    held_out, _ = labelled(2 if len(classifier.classes_) == 2 else 3, seed=1)
    assert classifier.predict(held_out).shape[:1] == (len(held_out),)


def test_beats_its_parts_on_real_text():
    """Vectors and tf-idf are together better than each of them alone, on texts held out."""
    X, y = load_banking77(subset="train", return_X_y=True)
    X_test, y_test = load_banking77(subset="test", return_X_y=True)
    few, of_few = np.flatnonzero(y < 20), np.flatnonzero(y_test < 20)
    rows = few[::2]
    texts, labels = [X[row] for row in rows], y[rows]
    held_out = [X_test[row] for row in of_few], y_test[of_few]
    both = StaticTextClassifier().fit(texts, labels).score(*held_out)
    lexical = StaticTextClassifier(semantic_weight=0).fit(texts, labels).score(*held_out)
    vectors = make_pipeline(StaticEmbedder(), LogisticRegression(C=100, max_iter=1000))
    semantic = vectors.fit(texts, labels).score(*held_out)
    assert both > lexical + 0.01
    assert both > semantic + 0.005


def test_few_shots():
    X, y = load_banking77(subset="train", return_X_y=True)
    X_test, y_test = load_banking77(subset="test", return_X_y=True)
    rows = np.concatenate([np.flatnonzero(y == label)[:8] for label in range(12)])
    of_twelve = np.flatnonzero(y_test < 12)
    classifier = StaticTextClassifier().fit([X[row] for row in rows], y[rows])
    both = classifier.score([X_test[row] for row in of_twelve], y_test[of_twelve])
    classifier.set_params(semantic_weight=0).fit([X[row] for row in rows], y[rows])
    lexical = classifier.score([X_test[row] for row in of_twelve], y_test[of_twelve])
    assert both > 0.75
    assert both > lexical + 0.03


def test_decisions_are_those_of_the_features(tiny_embedder, data3):
    """The table of scores against scikit-learn's solver, on the features computed from scratch."""
    texts, y = data3
    classifier = StaticTextClassifier(tiny_embedder, C=1.0, semantic_weight=1.0).fit(texts, y)
    model = classifier.embedder_.model_
    probe = [*texts[:20], "zzz qqq the bank", "bank bank bank card card card card", "[UNK]"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TextWarning)
        actual = classifier.decision_function(probe)
    stream = model.pooler.token_ids(probe, max_length=512)
    training = model.pooler.token_ids(texts, max_length=512)
    squared_norms = squared_norms_of(model.pooler.table)
    importance = token_importance(squared_norms, min(1, 8 / (len(texts) / 3)))
    vocabulary = Vocabulary(training, importance, None)
    of_model = (model.pooler.table, squared_norms)
    scale = 1 / np.sqrt((semantic_features(*of_model, training) ** 2).sum(axis=1).mean())
    known, asked = (
        np.hstack(
            [semantic_features(*of_model, some) * scale, vocabulary.transform(some).toarray()]
        )
        for some in (training, stream)
    )
    solver = LinearSVC(C=1.0, tol=1e-3, max_iter=60, random_state=0).fit(known, y)
    assert_allclose(actual, solver.decision_function(asked), atol=1e-4)


def test_semantic_features_by_hand():
    model = make_pairs_model()
    rows = model.pooler.table.entry_vectors()
    texts = ["free money free", "zzz", "the of to"]
    stream = model.pooler.token_ids(texts, max_length=None)
    pairs = {pair: len(model.tokens) + i for i, pair in enumerate(map(tuple, model.pairs.tolist()))}
    squared_norms = squared_norms_of(model.pooler.table)
    for text, actual in enumerate(semantic_features(model.pooler.table, squared_norms, stream)):
        ids = stream.ids[stream.indptr[text] : stream.indptr[text + 1]].tolist()
        of_pairs = [pairs[pair] for pair in zip(ids, ids[1:], strict=False) if pair in pairs]
        vectors = rows[[*ids, *of_pairs]]
        expected = vectors.sum(axis=0) / (np.sqrt((vectors**2).sum()) or 1)
        assert_allclose(actual, expected, atol=1e-6)
    assert of_pairs  # of the last text


def test_lexical_features_are_tfidf(classifier, data):
    """For texts without repeats they are those of TfidfVectorizer with norm 1."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = ["the bank card", "free money the", "win prize money free", "card the win"]
    model = classifier.embedder.fit(texts).model_
    stream = model.pooler.token_ids(texts, max_length=None)
    features = Vocabulary(stream, np.ones(len(model.tokens)), None).transform(stream)
    expected = TfidfVectorizer(ngram_range=(1, 2)).fit_transform(texts)
    assert_allclose(np.sort(features.toarray(), axis=1), np.sort(expected.toarray(), axis=1))


def test_importance_by_hand():
    squared_norms = np.array([0.0, 1.0, 4.0, 3.0])  # of mean 2
    expected = np.array([0.05, 0.5**0.5, 2**0.5, 1.5**0.5])
    for exponent in (0.0, 0.5, 1.0):
        assert_allclose(token_importance(squared_norms, exponent), expected**exponent)
    assert_array_equal(token_importance(np.zeros(3), 0.0), np.ones(3))
    # Texts "1 2 3" and "2": of the pairs, 1-2 and 2-3.
    stream = TokenIds(np.array([1, 2, 3, 2], dtype=np.int32), np.array([0, 3, 4]))
    vocabulary = Vocabulary(stream, expected, None)
    once, twice = np.log(3 / 2) + 1, np.log(3 / 3) + 1
    assert_array_equal(vocabulary.tokens, [1, 2, 3])
    assert_array_equal(vocabulary.pair_keys, [1 * 4 + 2, 2 * 4 + 3])
    assert_allclose(vocabulary.weights[:3], expected[1:] * [once, twice, once])
    assert_allclose(vocabulary.weights[3:], once * np.sqrt(expected[1:3] * expected[2:]))
    features = vocabulary.transform(stream).toarray()
    assert_allclose(features[1], [0, 1, 0, 0, 0])
    assert_allclose(np.linalg.norm(features, axis=1), 1)


@pytest.mark.parametrize("n", [24, 2000])
def test_importance_counts_where_texts_are_few(tiny_static, n):
    """Scaling the vectors of the words that tell the classes apart changes who is believed."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 2
    loud, quiet = ("the", "of"), ("free", "money")
    texts = []
    for label in y:  # every text has one word of each kind, and neither is always right
        words = [pair[label if rng.random() < 0.9 else 1 - label] for pair in (loud, quiet)]
        texts.append(" ".join(rng.permutation(words)))
    embedding = tiny_static.embedding.copy()
    ids = tiny_static.tokenizer.get_vocab()
    embedding[[ids[word] for word in loud]] *= 20
    model = StaticModel(embedding, tiny_static.tokenizer)
    settings = {"semantic_weight": 0, "max_pairs": 0}
    few = StaticTextClassifier(StaticEmbedder(model), **settings).fit(texts, y)
    rows = few.scores_.table.rows
    strength = {word: abs(rows[ids[word], 1]) for word in (*loud, *quiet)}
    ratio = strength["the"] / strength["free"]
    assert ratio > 3 if n == 24 else 0.8 < ratio < 1.3


def test_few_texts_have_one_logistic_regression(tiny_embedder, data3):
    """The compact solution against one in all dimensions, from scratch."""
    texts, y = data3
    texts = [*texts[:22], texts[0], "zzz"]  # one of them twice, and an empty one
    y = y[[*range(22), 0, 1]]
    weights = np.linspace(0.5, 2, 24)
    classifier = StaticTextClassifier(tiny_embedder, C=2.0, semantic_weight=1.5)
    model = tiny_embedder.fit(texts).model_
    stream = model.pooler.token_ids(texts, max_length=512)
    squared_norms = squared_norms_of(model.pooler.table)
    vectors = semantic_features(model.pooler.table, squared_norms, stream)
    vectors *= 1.5 / np.sqrt((vectors**2).sum(axis=1).mean())
    lexical = Vocabulary(stream, token_importance(squared_norms, 1.0), None).transform(stream)
    features = np.hstack([vectors, lexical.toarray(), np.ones((24, 1))])
    direct = LogisticRegression(C=2.0, fit_intercept=False, tol=1e-8, max_iter=2000)
    for sample_weight in (None, weights):
        expected = direct.fit(features, y, sample_weight=sample_weight).decision_function(features)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TextWarning)
            actual = classifier.fit(texts, y, sample_weight).decision_function(texts)
        assert_allclose(actual, expected, atol=0.02 * np.abs(expected).max())
        assert np.corrcoef(actual.ravel(), expected.ravel())[0, 1] > 0.9999
    # One more text a class, and it is a support vector machine for each.
    texts, y = data3
    assert classifier.fit(texts[:24], y[:24]).decision_function(["zzz"]).sum() == pytest.approx(
        0, abs=1e-5
    )
    assert abs(classifier.fit(texts[:27], y[:27]).decision_function(["zzz"]).sum()) > 0.1


@pytest.mark.filterwarnings("error")
def test_no_talk_of_regression_where_classes_are_many(tiny_embedder):
    texts = [f"{one} {other}" for one in tiny.WORDS[:5] for other in tiny.WORDS[5:13]]
    classifier = StaticTextClassifier(tiny_embedder).fit(texts, np.repeat(np.arange(20), 2))
    assert classifier.cv_losses_  # parts of two thirds of 40 texts, of 20 classes
    assert classifier.score(texts[:5], [0, 0, 1, 1, 2]) > 0


@pytest.mark.parametrize(("clear", "chosen"), [(-1e9, 10.0), (1e9, 1.0)])
def test_few_texts_change_the_strength_for_good_reasons_only(
    tiny_embedder, data3, monkeypatch, clear, chosen
):
    monkeypatch.setattr(linear, "CLEAR", clear)
    texts, y = data3[0][:24], data3[1][:24]
    classifier = StaticTextClassifier(tiny_embedder).fit(texts, y)
    losses = {C: loss for (C, weight), loss in classifier.cv_losses_.items()}
    assert min(losses, key=losses.get) == 10.0
    assert chosen == classifier.C_
    assert {weight for _, weight in classifier.cv_losses_} == {(30 / 8) ** 0.4}


def few_texts(rng, n=40, n_classes=4):
    features = sparse.random_array((n, 90), density=0.2, rng=rng, format="csr") * 3.0
    return FewTexts(features), features, np.arange(n) % n_classes


def test_inner_products_are_enough(rng):
    few, features, codes = few_texts(rng)
    assert_allclose(few.products, (features @ features.T).toarray() + 1)
    dual = rng.normal(size=(40, 4))
    coef, intercept = few.expand(dual)
    assert coef.shape == (90, 4)
    rows = np.array([3, 5])
    assert_allclose(few.decide(dual, rows), (features @ coef + intercept)[rows])
    part = np.arange(1, 40)
    dual = few.fit(codes, 4, 1.0, rows=part, tolerance=1e-6)
    assert not dual[0].any()
    assert_allclose(few.decide(dual, part[:1]), few.decide(dual, np.arange(40))[1:2])


@pytest.mark.parametrize("C", [1e-4, 0.1, 1.0, 10.0, 100.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_dual_is_the_regression_that_scikit_learn_finds(rng, C, weighted):
    few, features, codes = few_texts(rng)
    weights = rng.uniform(0.1, 5, size=40) if weighted else None
    with_constant = np.hstack([features.toarray(), np.ones((40, 1))])
    direct = LogisticRegression(C=C, fit_intercept=False, solver="newton-cg", tol=1e-10)
    expected = direct.fit(with_constant, codes, weights).decision_function(with_constant)
    dual = few.fit(codes, 4, C, weights=weights, tolerance=1e-7)
    values = few.decide(dual, np.arange(40))
    assert_allclose(values, expected, atol=2e-3 * abs(expected).max())
    start = rng.normal(size=dual.shape) * 100  # however far it begins
    other = few.fit(codes, 4, C, weights=weights, start=start, tolerance=1e-7)
    assert_allclose(few.decide(other, np.arange(40)), values, atol=1e-3 * abs(expected).max())
    single = few.in_single_precision().fit(codes, 4, C, weights=weights, tolerance=1e-5)
    assert single.dtype == np.float32
    assert_allclose(few.decide(single, np.arange(40)), expected, atol=0.02 * abs(expected).max())


def test_texts_that_say_nothing_are_told_apart_by_nothing():
    few = FewTexts(sparse.csr_array((6, 3)))
    dual = few.fit(np.arange(6) % 3, 3, 1.0)
    assert_allclose(few.decide(dual, np.arange(6)), 0, atol=1e-12)


def test_most_frequent_pairs_are_kept(classifier):
    texts = ["free money now", "free money out", "free prize now", "the bank card"] * 3
    sizes = {}
    for max_pairs in (0, 1, 3, None):
        classifier.set_params(max_pairs=max_pairs).fit(texts, [1, 1, 1, 0] * 3)
        table = classifier.scores_.table
        sizes[max_pairs] = 0 if table.pairs is None else len(table.pairs)
        if max_pairs == 1:
            left, right = table.pairs[0]
            tokens = classifier.scores_.tokenizer.tokens
            assert (tokens[left], tokens[right]) == ("free", "money")
    assert sizes == {0: 0, 1: 1, 3: 3, None: 7}


def test_fewer_texts_lean_more_on_vectors(classifier):
    weights = []
    for n in (8, 40, 400, 4000):
        texts, y = labelled(n=n)
        classifier.set_params(C=1.0).fit(texts, y)
        weights.append(next(weight for _, weight in classifier.cv_losses_))  # tried first
    assert weights == sorted(weights, reverse=True)
    assert weights[:2] == pytest.approx([7.5**0.4, 1.5**0.4])
    assert weights[-1] == 0.5
    assert classifier.fit(["free", "bank"], [0, 1]).semantic_weight_ == 3.0


def test_embedding_with_pairs_mapping_and_weights(data):
    texts, y = data
    model = make_pairs_model()
    texts = [f"{text} of to and bank card" if label else text for text, label in zip(*data)]  # noqa: B905
    classifier = StaticTextClassifier(StaticEmbedder(model), C=1.0, max_pairs=5).fit(texts, y)
    explanation = classifier.explain(texts)
    assert_allclose(explanation.decision[:, 0], classifier.decision_function(texts), atol=1e-6)
    means = model.encode(texts, normalize=False).astype(float)
    semantic = StaticTextClassifier(StaticEmbedder(model), C=1.0, max_pairs=0).fit(texts, y)
    # The semantic scores are linear in the model's own mean vectors, pairs included.
    pooler = semantic.scores_._pooler
    pooled = pooler.pool(texts, max_length=512, normalize=False).vectors[:, :1]
    coef, residual, *_ = np.linalg.lstsq(means, pooled, rcond=None)
    assert_allclose(means @ coef, pooled, atol=1e-5)


def test_long_texts_are_cut_for_both_parts(tiny_static, data):
    texts, y = data
    short = StaticTextClassifier(StaticEmbedder(tiny_static, max_length=3))
    with pytest.warns(TextWarning, match="59 were cut at max_length"):
        short.fit(texts, y)
    with pytest.warns(TextWarning, match="1 were cut at max_length"):
        cut = short.decision_function(["free money bank card card card"])
    assert_array_equal(cut, short.decision_function(["free money bank"]))


def test_texts_without_a_token_get_the_intercept(classifier, data):
    classifier.fit(*data)
    with pytest.warns(TextWarning, match="Of 2 texts, 1 without a known token are decided by the"):
        values = classifier.decision_function(["", "bank"])
    assert values[0] == classifier.intercept_[0]


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("method", ["decision_function", "predict", "predict_proba", "score"])
def test_warnings_point_to_the_call(classifier, data, method, fused):
    model = classifier.fit(*data)
    model = fuse(model) if fused else model
    arguments = (["", "bank"], [0, 1]) if method == "score" else (["", "bank"],)
    with pytest.warns(TextWarning) as warned:
        getattr(model, method)(*arguments)
    assert [warning.filename for warning in warned] == [__file__]


# --- Weights, probabilities, search -----------------------------------------------------------


def test_sample_weight_is_like_repeating(classifier, data):
    texts, y = data
    classifier.set_params(C=0.3, semantic_weight=0.5, max_pairs=0)
    weights = np.where(np.arange(len(y)) < 10, 5.0, 1e-9)
    weighted = classifier.fit(texts, y, sample_weight=weights).predict(texts[:10])
    assert_array_equal(weighted, y[:10])
    flipped = np.where(np.arange(len(y)) < 10, 1 - y, y)
    ignoring = clone(classifier).fit(texts, flipped, sample_weight=np.where(flipped == y, 1, 1e-6))
    assert ignoring.score(texts, y) > 0.9
    assert clone(classifier).fit(texts, flipped).score(texts, y) < 0.9


@pytest.mark.parametrize("kind", ["binary", "classes", "few", "labels"])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_a_text_of_weight_0_is_left_out(request, tiny_embedder, kind, class_weight):
    names = {"binary": "data", "labels": "indicator"}
    texts, y = request.getfixturevalue(names.get(kind, "data3"))
    if kind == "few":  # without the texts of weight 0, which are as many
        texts, y = texts[:48], y[:48]
    weights = np.arange(1, len(texts) + 1) * (np.arange(len(texts)) // 3 % 2)
    rows = np.flatnonzero(weights)
    classifier = StaticTextClassifier(tiny_embedder, class_weight=class_weight)
    actual = clone(classifier).fit(texts, y, weights)
    left = clone(classifier).fit([texts[row] for row in rows], y[rows], weights[rows])
    assert_array_equal(actual.decision_function(texts), left.decision_function(texts))
    assert_array_equal(actual.predict_proba(texts), left.predict_proba(texts))
    assert actual.cv_losses_ == left.cv_losses_


def test_one_weighted_text_of_a_class_is_held_out_nowhere(classifier, data, capfd):
    """The solver prints, past Python, about a fold whose training texts are of one class."""
    texts, y = data
    weights = np.ones(len(y))
    weights[np.flatnonzero(y == 1)[1:]] = 0
    classifier.fit(texts, y, weights)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["binary", "labels"])
def test_class_weight(tiny_embedder, data, indicator, kind):
    texts, y = data if kind == "binary" else indicator
    shares = []
    for weight in (0.05, 1.0, 20.0):
        classifier = StaticTextClassifier(tiny_embedder, class_weight={1: weight}, C=0.01)
        predicted = classifier.fit(texts, y).predict(texts)
        shares.append((predicted if predicted.ndim == 1 else predicted[:, 1]).mean())
    assert shares[0] < shares[-1]
    assert shares == sorted(shares)


def test_balanced_class_weight(tiny_embedder):
    texts, y = labelled(n=200)
    rows = np.flatnonzero((y == 0) | (np.arange(200) < 20))
    texts, y = [texts[row] for row in rows], y[rows]
    plain = StaticTextClassifier(tiny_embedder, C=0.01).fit(texts, y)
    balanced = StaticTextClassifier(tiny_embedder, C=0.01, class_weight="balanced").fit(texts, y)
    assert balanced.predict(texts).mean() > plain.predict(texts).mean()


def test_probabilities_agree_with_predictions(fitted):
    classifier, texts, y = fitted
    probabilities = classifier.predict_proba(texts)
    assert probabilities.shape == (len(texts), len(classifier.classes_))
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    if y.ndim == 2:
        assert_array_equal(probabilities > 0.5, classifier.predict(texts) == 1)
    else:
        assert_allclose(probabilities.sum(axis=1), 1)
        best = classifier.classes_[probabilities.argmax(axis=1)]
        assert_array_equal(best, classifier.predict(texts))


def test_probabilities_are_calibrated():
    X, y = load_banking77(subset="train", return_X_y=True)
    X_test, y_test = load_banking77(subset="test", return_X_y=True)
    train, test = np.flatnonzero(y < 20), np.flatnonzero(y_test < 20)
    classifier = StaticTextClassifier().fit([X[row] for row in train], y[train])
    texts, y_test = [X_test[row] for row in test], y_test[test]
    probabilities = classifier.predict_proba(texts)
    confidence = probabilities.max(axis=1)
    correct = classifier.predict(texts) == y_test
    assert abs(confidence.mean() - correct.mean()) < 0.03
    loss = log_loss(y_test, probabilities)
    uncalibrated = np.exp(classifier.decision_function(texts))
    uncalibrated /= uncalibrated.sum(axis=1, keepdims=True)
    assert loss < 0.7 * log_loss(y_test, uncalibrated)


def test_a_handful_of_texts_makes_no_certainty(classifier):
    """Ten texts that are all held out rightly say less than a thousand."""
    confidence = []
    for n in (10, 60, 1000):
        texts, y = labelled(n=n)
        probabilities = classifier.set_params(C=1.0).fit(texts, y).predict_proba(texts)
        assert classifier.cv_losses_
        confidence.append(probabilities.max(axis=1).mean())
    assert confidence == sorted(confidence)
    assert confidence[0] < 0.97 < confidence[2]


@pytest.mark.parametrize("kind", ["binary", "classes", "labels"])
def test_search_chooses_the_smallest_loss(tiny_embedder, kind):
    texts, y = labelled(2 if kind == "binary" else 3, n=180)
    if kind == "labels":
        y = np.stack([y == 0, y != 1, [len(text.split()) > 6 for text in texts]], axis=1)
    classifier = StaticTextClassifier(tiny_embedder).fit(texts, y)
    losses = classifier.cv_losses_
    expected = (30 * len(classifier.classes_) / len(texts)) ** 0.4
    of_strength = {C: losses[C, weight] for C, weight in losses if weight == expected}
    assert sorted(of_strength) == [0.1, 0.3, 1.0, 3.0]
    assert of_strength[classifier.C_] == min(of_strength.values())
    assert {C for C, weight in losses if weight != expected} == {classifier.C_}
    assert losses[classifier.C_, classifier.semantic_weight_] <= of_strength[classifier.C_]
    for chosen in (0.0, 0.7):
        classifier.set_params(semantic_weight=chosen).fit(texts, y)
        assert {weight for _, weight in classifier.cv_losses_} == {chosen}
        assert classifier.semantic_weight_ == chosen


@pytest.mark.parametrize(("scale", "informative"), [(0.1, True), (2.0, False)])
def test_search_changes_the_weight_where_that_helps(scale, informative):
    rng = np.random.default_rng(0)
    codes = np.arange(300) % 2
    signal = rng.normal(size=(300, 1)) + 2 * codes[:, np.newaxis]
    noise = rng.normal(size=(300, 20))
    weighted, rest = (signal, noise) if informative else (noise, signal)
    features = sparse.csr_array(np.hstack([scale * weighted, rest]))
    labels = linear.Labels(np.array([0, 1]), codes)
    n_weighted = weighted.shape[1]
    choice = linear.choose(features, labels, (0.1,), n_weighted)
    assert choice.factor > 1.5 if informative else choice.factor < 0.7
    assert choice.losses[0.1, choice.factor] < choice.losses[0.1, 1.0]
    assert linear.choose(features, labels, (0.1,)).factor == 1
    scaled = linear.scale_columns(features, n_weighted, choice.factor).toarray()
    assert_allclose(scaled[:, :n_weighted], choice.factor * scale * weighted)
    assert_allclose(scaled[:, n_weighted:], rest)


def test_what_is_clear():
    others = np.random.default_rng(0).normal(size=400) ** 2
    ones = np.ones(400)
    gains = np.tile([0.0, 0.0, 0.0, 0.2], 100)  # 0.05 on average, with an error of 0.0043
    assert linear._clearly_less(others - gains, others, ones)
    assert not linear._clearly_less(others + gains, others, ones)
    gains = np.tile([1.15, -1.05], 200)  # 0.05, with an error of 0.055
    for importance in (ones, 7 * ones):
        assert not linear._clearly_less(others - gains, others, importance)
    assert linear._clearly_less(others - gains, others, np.tile([1.0, 0.0], 200))


def test_too_few_texts_for_a_search(classifier):
    classifier.fit(["free money", "the bank card"], [1, 0])
    assert classifier.cv_losses_ == {}
    assert_array_equal(classifier.inverse_temperature_, [1.0])
    assert_array_equal(classifier.predict(["money", "card"]), [1, 0])


def test_rare_classes(classifier, data3):
    """A class with one text can be learned and predicted."""
    texts, y = data3
    texts = [*texts, "mobile phone reply"]
    classifier.fit(texts, [*y, 7])
    assert_array_equal(classifier.classes_, [0, 1, 2, 7])
    assert classifier.predict(["mobile phone reply"]) == [7]


def test_cross_validation_of_a_class_with_one_text(classifier, data3):
    texts, y = data3
    with pytest.warns(UserWarning, match="members|wrong"):
        scores = cross_val_score(classifier, [*texts, "mobile phone"], [*y, 7], cv=3)
    assert (scores > 0.8).all()


def test_search_on_a_sample(classifier, data3, monkeypatch):
    texts, y = data3
    monkeypatch.setattr(linear, "SEARCH_SIZE", 3)
    monkeypatch.setattr(linear, "SMALLEST_SEARCH", 100)
    sizes = []
    original = linear.fit_linear
    monkeypatch.setattr(
        linear, "fit_linear", lambda X, *a, **k: sizes.append(X.shape[0]) or original(X, *a, **k)
    )
    classifier.fit(texts * 5, np.append(np.tile(y, 5)[:-1], 9))
    assert len(sizes) >= 12 + 6  # of C, then of the weight: not to both sides for good
    assert max(sizes) < 100
    assert classifier.score(texts, y) > 0.9


@pytest.mark.parametrize("n_classes", [2, 3, 40])
def test_a_sample_has_every_class(monkeypatch, n_classes):
    """The only text of a class is in it, so that its machine can be fitted."""
    monkeypatch.setattr(linear, "SEARCH_SIZE", 1)
    monkeypatch.setattr(linear, "SMALLEST_SEARCH", 30)
    codes = np.append(np.zeros(300, dtype=np.int64), np.arange(1, n_classes))
    labels = linear.Labels(np.arange(n_classes), codes)
    sample = linear._sample(labels, 1)
    assert_array_equal(np.unique(codes[sample]), np.arange(n_classes))
    assert len(sample) == max(30, n_classes)
    features = sparse.csr_array(np.random.default_rng(0).normal(size=(len(codes), 3)))
    choice = linear.choose(features, labels, (0.1, 1.0))
    assert bool(choice.losses) == (n_classes < 30)


def test_rare_labels_are_spread_over_the_folds():
    rng = np.random.default_rng(1)
    codes = (rng.random((200, 6)) < [0.5, 0.3, 0.98, 0.02, 0.1, 0.9]).astype(np.int64)
    codes[:, 3] = 0
    codes[:2, 3] = 1  # random folds put both into the same one for a third of the seeds
    labels = linear.Labels(np.arange(6), codes)
    folds = linear._folds(labels)
    sizes = np.bincount(folds, minlength=3)
    assert sizes.sum() == 200 and np.ptp(sizes) <= 6
    assert folds[0] != folds[1]
    for rare in (codes[:, 2] == 0, codes[:, 4] == 1):
        assert np.ptp(np.bincount(folds[rare], minlength=3)) <= 1
    assert linear._learnable(labels.targets, folds).all()


@pytest.mark.parametrize("n_weighted", [0, 2])
def test_a_label_too_rare_to_hold_out_leaves_the_others_a_search(n_weighted):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(120, 5))
    codes = (features[:, :3] + rng.normal(size=(120, 3)) > 0).astype(np.int64)
    alone = linear.choose(
        sparse.csr_array(features), linear.Labels(np.arange(3), codes), (0.1, 1.0), n_weighted
    )
    single, all_but_one = np.eye(1, 120, 7, dtype=np.int64).T, 1 - np.eye(1, 120, 9, dtype=int).T
    with_rare = np.hstack([codes[:, :1], single, codes[:, 1:], all_but_one])
    labels = linear.Labels(np.arange(5), with_rare)
    choice = linear.choose(
        sparse.csr_array(features), labels, (0.1, 1.0), n_weighted, class_weight={1: 2.0}
    )
    assert {C for C, _ in choice.losses} == {0.1, 1.0}
    assert_array_equal(choice.inverse_temperature[[1, 4]], 1)
    assert (choice.inverse_temperature[[0, 2, 3]] != 1).all()
    assert_allclose(choice.inverse_temperature[[0, 2, 3]], alone.inverse_temperature, rtol=0.5)


def test_a_rare_label_does_not_cost_the_classifier_its_search(classifier, indicator):
    texts, y = indicator
    rare = np.zeros((len(y), 1), dtype=int)
    rare[5] = 1
    classifier.fit(texts, np.hstack([y, rare]))
    assert {C for C, _ in classifier.cv_losses_} == {0.1, 0.3, 1.0, 3.0}
    assert (classifier.inverse_temperature_[:3] != 1).all()
    assert classifier.inverse_temperature_[3] == 1


# --- Conventions --------------------------------------------------------------------------------


def test_not_fitted(classifier):
    for method in ("predict", "predict_proba", "decision_function", "explain"):
        with pytest.raises(NotFittedError, match="Call 'fit' with texts and labels"):
            getattr(classifier, method)(["a"])


def test_nullable_integers_as_labels(classifier, data):
    texts, y = data
    expected = classifier.fit(texts, y).decision_function(texts)
    fitted = clone(classifier).fit(texts, pd.Series(y, dtype="Int64"))
    assert_array_equal(fitted.classes_, [0, 1])
    assert_array_equal(fitted.decision_function(texts), expected)


@pytest.mark.parametrize("labels", [["ham", "spam"], [0, 1], [False, True]])
def test_arrow_arrays_as_labels(classifier, data, labels):
    pa = pytest.importorskip("pyarrow")
    texts, y = data
    named = np.asarray(labels)[y]
    classifier.fit(texts, pa.array(named.tolist()))
    assert_array_equal(classifier.classes_, labels)
    assert classifier.score(texts, pa.array(named.tolist())) == classifier.score(texts, named)


@pytest.mark.parametrize("dtypes", [("Int64",) * 3, ("int", "bool", "float"), ("boolean",) * 3])
def test_frames_as_indicators(classifier, indicator, dtypes):
    texts, y = indicator
    expected = classifier.fit(texts, y).decision_function(texts)
    columns = zip("abc", y.T, dtypes, strict=True)
    frame = pd.DataFrame({name: pd.Series(column, dtype=kind) for name, column, kind in columns})
    fitted = clone(classifier).fit(texts, frame)
    assert_array_equal(fitted.decision_function(texts), expected)
    assert fitted.score(texts, frame) == classifier.score(texts, y)


def test_a_column_by_another_name_is_refused(classifier, data):
    frame = pd.DataFrame({"message": data[0]})
    classifier.fit(frame, data[1])
    with pytest.raises(ValueError, match="fitted on the column 'message'"):
        classifier.predict(frame.rename(columns={"message": "body"}))


@pytest.mark.parametrize("labels", [[0.0, 2.0], np.array(["b", "a"], object)])
def test_floats_and_objects_as_labels(classifier, data, labels):
    texts, y = data
    named = np.asarray(labels)[y]
    classifier.fit(texts, named)
    predicted = classifier.predict(texts)
    assert predicted.dtype == named.dtype
    assert_array_equal(classifier.classes_, np.unique(named))
    assert classifier.score(texts, named) > 0.9
    assert classifier.decision_function(texts).shape == (len(texts),)


@pytest.mark.parametrize("labels", [[-1, 1], [False, True], ["b", "a"]])
def test_lists_of_the_items_of_an_array(classifier, data, labels):
    """As in ``[y[i] for i in rows]``."""
    texts, y = data
    named = np.asarray(labels)[y]
    classifier.fit(texts, list(named))
    assert classifier.classes_.dtype == named.dtype
    assert classifier.score(texts, list(named)) == np.mean(classifier.predict(texts) == named)
    objects = np.empty(len(named), object)
    objects[:] = list(named)
    assert classifier.fit(texts, objects).score(texts, objects) > 0.5


def test_sparse_indicator(classifier, indicator):
    texts, y = indicator
    dense = classifier.fit(texts, y).predict(texts)
    assert_array_equal(clone(classifier).fit(texts, sparse.csr_array(y)).predict(texts), dense)
    assert dense.shape == y.shape


def test_rows_are_independent(fitted):
    classifier, texts, _ = fitted
    whole = classifier.decision_function(texts)
    assert_array_equal(whole[::-1], classifier.decision_function(texts[::-1]))
    assert_array_equal(
        whole, np.concatenate([classifier.decision_function([text]) for text in texts])
    )
    assert_array_equal(whole, clone_with_threads(classifier).decision_function(texts))


def clone_with_threads(classifier):
    copy = pickle.loads(pickle.dumps(classifier))
    return copy.set_params(n_jobs=2)


def test_pickles(fitted):
    classifier, texts, _ = fitted
    copy = pickle.loads(pickle.dumps(classifier))
    assert_array_equal(copy.predict_proba(texts), classifier.predict_proba(texts))


def test_searches_and_cross_validates(classifier, data, indicator):
    """With parameters of the embedder, and with several labels a text."""
    grid = {"C": [0.1, 1.0], "embedder__max_length": [64, 512]}
    search = GridSearchCV(classifier, grid, cv=2).fit(*data)
    assert search.best_score_ > 0.8
    assert cross_val_score(classifier, *indicator, cv=2).min() > 0.3


# --- Bad input ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("X", "error"),
    [
        ("a text", TextTypeError),
        (["a", None], TextValueError),
    ],
)
def test_bad_texts(classifier, data, X, error):
    with pytest.raises(error):
        classifier.fit(X, [0, 1])
    classifier.fit(*data)
    with pytest.raises(error):
        classifier.predict(X)


def test_missing_texts_by_request(tiny_static, data):
    texts, y = data
    classifier = StaticTextClassifier(StaticEmbedder(tiny_static, handle_missing="zero"))
    classifier.fit([None, *texts[1:]], y)
    values = classifier.decision_function([None, texts[1]])
    assert values[0] == classifier.intercept_[0]
    assert values[1] == classifier.decision_function(texts[1:2])[0]
    assert 0 <= classifier.score([None, texts[1]], y[:2]) <= 1


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "Labels are needed; got None"),
        ([0, 1], "got 4 texts, 2 labels"),
        ([0, None, 1, None], "missing in rows 1, 3. Drop these texts"),
        ([0.0, np.nan, 1.0, 1.0], "missing in row 1"),
        (pd.Series([1, None, 0, 1], dtype="Int64"), "missing in row 1"),
        (["a", "a", "a", "a"], "all 4 texts have the label 'a'. Add texts of another class"),
        ([0.5, 1, 2, 3], "continuous numbers, such as 0.5 in row 0"),
        ([0.0, 1.0, np.inf, 1.0], "continuous numbers, such as inf in row 2"),
        (["a", 1, "b", 2], "of one type, which can be sorted; got int, str"),
        ([[0], [1, 2], [], [1]], "rows of numbers with lengths from 0 to 2. If numbers are"),
        ([["a"], ["a", 1], [], ["b"]], "Tags must be of one type, .* got int, str. Convert"),
        ([["a"], "b", [], ["b"]], r"or a list of tags for each; got both, such as 'b' and \['a'\]"),
        ([["a"], None, [], ["b"]], "missing in row 1"),
        ([["a"], ["b", None], [], ["b"]], "missing in row 1"),
        ([[], [], [], []], "no text has one"),
        (np.empty((4, 0)), "no columns"),
        ([set(), set(), set(), set()], "no text has one"),
        ([["a", "b"]] * 4, "the same of the labels 'a', 'b', so there is nothing to learn"),
        (np.array([[0, 1], [0, 1], [0, 1], [0, 1]]), "the same of the labels 0, 1, so there"),
        (pd.DataFrame(np.eye(4, 2, dtype=int), columns=["a", "a"]), "names .* repeat: 'a', 'a'"),
        (np.zeros((4, 2, 2)), "one per text"),
        (np.array([[2, 1], [1, 0], [0, 0], [0, 1]]), "one column per label; got 2"),
        ("abcd", "one per text, in the order of the texts; got str"),
        ({"a": 0, "b": 1, "c": 0, "d": 1}, "in the order of the texts; got dict"),
        ({"a", "b", "c", "d"}, "in the order of the texts; got set"),
    ],
)
def test_bad_labels(classifier, y, message):
    with pytest.raises(ValueError, match=message):
        classifier.fit(["the bank", "a card", "free money", "win"], y)


def test_no_texts(classifier, data):
    with pytest.raises(ValueError, match="got none"):
        classifier.fit([], [])
    assert classifier.fit(*data).predict([]).shape == (0,)
    assert classifier.predict_proba([]).shape == (0, 2)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, 1.0], "one weight per text, 60"),
        (np.r_[-1.0, np.ones(59)], "not negative; got -1.0 in row 0"),
        (np.r_[np.nan, np.ones(59)], "finite"),
        (np.zeros(60), "all zero"),
    ],
)
def test_bad_sample_weight(classifier, data, weights, message):
    with pytest.raises(ValueError, match=message):
        classifier.fit(*data, sample_weight=weights)


def test_bad_class_weight(classifier, data):
    with pytest.raises(ValueError, match="unknown classes: 2, 'x'; the classes are 0, 1"):
        classifier.set_params(class_weight={0: 1, 2: 1, "x": 3}).fit(*data)
    with pytest.raises(ValueError, match="positive numbers; got -1 for 0"):
        classifier.set_params(class_weight={0: -1}).fit(*data)


def test_labels_of_score(classifier, data, indicator):
    texts, y = data
    classifier.fit(texts, y)
    correct = classifier.score(texts, y)
    with pytest.warns(UserWarning, match="not in the training data: 5, 9; the classes are 0, 1"):
        assert classifier.score([*texts, "bank", "card"], [*y, 5, 9]) == correct * len(y) / (
            len(y) + 2
        )
    for labels in (y.astype(str), [*y[:-2], "0", "1"], np.array([*y[:-3], 7, "0", "1"], object)):
        with pytest.raises(
            ValueError, match="another type than .* data: '0', '1'; the classes are 0, 1. Conv"
        ):
            classifier.score(texts, labels)
    with pytest.raises(ValueError, match="missing in row 1"):
        classifier.score(texts[:2], [0, None])
    with pytest.raises(ValueError, match="got 2 texts, 1 labels"):
        classifier.score(texts[:2], [0])
    with pytest.raises(ValueError, match="needed; got none"):
        classifier.score([], [])
    classifier.fit(*indicator)
    with pytest.raises(ValueError, match=r"must be 0 and 1, .* got 2"):
        classifier.score(texts[:2], [[0, 1, 1], [1, 0, 2]])
    with pytest.raises(ValueError, match=r"shape \(2, 3\)"):
        classifier.score(texts[:2], [[0, 1], [1, 0]])


# --- Time -------------------------------------------------------------------------------------


def test_a_fit_gives_each_product_of_matrices_one_thread(tiny_embedder, data3, monkeypatch):
    """Threads that other processes keep waiting take many times as long, and change the sums."""
    from threadpoolctl import threadpool_info, threadpool_limits

    seen = []
    minimise = few_shot._minimise

    def spying(*arguments):
        pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
        seen.extend(pool["num_threads"] for pool in pools)
        return minimise(*arguments)

    monkeypatch.setattr(few_shot, "_minimise", spying)
    with threadpool_limits(2, user_api="blas"):
        StaticTextClassifier(tiny_embedder).fit(data3[0][:24], data3[1][:24])
    assert len(seen) >= 7
    assert set(seen) == {1}


def test_a_search_goes_on_from_the_candidate_before(tiny_embedder, data3, monkeypatch):
    """A fit for the next strength begins at the solution for the one before, of the same texts."""
    begun, ended = [], []
    fit = FewTexts.fit

    def remembering(self, *arguments, start=None, **settings):
        begun.append(start)
        ended.append(fit(self, *arguments, start=start, **settings))
        return ended[-1]

    monkeypatch.setattr(FewTexts, "fit", remembering)
    classifier = StaticTextClassifier(tiny_embedder).fit(data3[0][:24], data3[1][:24])
    assert len(begun) == 2 * linear.N_FOLDS + 1  # and the one that is kept
    assert begun[: linear.N_FOLDS] == [None] * linear.N_FOLDS
    for fold in range(linear.N_FOLDS):
        assert begun[linear.N_FOLDS + fold] is ended[fold]
    assert begun[-1] is ended[linear.N_FOLDS * (classifier.C_ == 10)]


def test_a_start_saves_steps(rng, monkeypatch):
    few, _, codes = few_texts(rng)
    searches = []
    search = few_shot._search
    monkeypatch.setattr(few_shot, "_search", lambda *args: searches.append(1) or search(*args))
    start = few.fit(codes, 4, 9.0)
    cold = len(searches)
    few.fit(codes, 4, 10.0, start=start)
    assert len(searches) - cold < cold


def test_a_costly_fit_is_close_to_the_exact_one(tiny_embedder, data3, monkeypatch):
    texts, y = data3[0][:24], data3[1][:24]
    exact = StaticTextClassifier(tiny_embedder, C=2.0).fit(texts, y)
    held_out = []
    calibrate = linear._calibrate

    def counting(values, labels, importance):
        held_out.append(len(values))
        return calibrate(values, labels, importance)

    monkeypatch.setattr(linear, "_calibrate", counting)
    monkeypatch.setattr("skm2v._classification.classifier.COSTLY", 0)
    costly = StaticTextClassifier(tiny_embedder, C=2.0).fit(texts, y)
    assert held_out == [8]  # a third of the texts
    decisions = exact.decision_function(data3[0])
    assert_allclose(costly.decision_function(data3[0]), decisions, atol=2e-3)
    assert costly.intercept_.dtype == costly.decision_function(texts).dtype == np.float64


# --- Rejection --------------------------------------------------------------------------------


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("kind", ["binary", "strings", "objects"])
def test_texts_below_the_floor_are_rejected(classifier, data, data3, fused, kind):
    texts, y = data if kind == "binary" else data3
    names = {"binary": [0, 1], "strings": ["a", "b", "c"]}.get(kind, ["a", "b", "c"])
    labels = np.array(names, dtype=object if kind == "objects" else None)[y]
    model = classifier.fit(texts, labels)
    model = fuse(model) if fused else model
    best = model.predict_proba(texts).max(axis=1)
    floor = float(np.median(best))
    plain = model.predict(texts)
    rejected = model.predict(texts, floor=floor)
    assert rejected.dtype == object
    assert [one is None for one in rejected] == (best < floor).tolist()
    assert 0 < (best < floor).sum() < len(texts)
    assert_array_equal(rejected[best >= floor], plain[best >= floor])
    none = -1 if kind == "binary" else "none of them"
    marked = model.predict(texts, floor=floor, rejected=none)
    assert marked.dtype.kind == plain.dtype.kind
    assert_array_equal(marked, np.where(best < floor, none, plain))
    assert_array_equal(model.predict(texts, floor=0.0, rejected=none), plain)
    assert (model.predict(texts, floor=1.0, rejected=none) == none).mean() > 0.9
    assert model.predict([], floor=0.5).shape == (0,)


def test_a_floor_needs_one_class_per_text_and_probabilities(classifier, data, indicator):
    texts, y = data
    with pytest.raises(NotFittedError):
        classifier.predict(texts, floor=0.5)
    classifier.fit(texts, y)
    for floor in (-0.1, 1.1, "high", np.nan, True):
        with pytest.raises(ValueError, match="floor must be a number from 0 to 1; got"):
            classifier.predict(texts, floor=floor)
    with pytest.raises(ValueError, match="must not be one of the classes 0, 1; got 1"):
        classifier.predict(texts, floor=0.5, rejected=1)
    svc = make_pipeline(clone(classifier.embedder), LinearSVC()).fit(texts, y)
    with pytest.raises(ValueError, match="has no probabilities to compare with a floor"):
        fuse(svc).predict(texts, floor=0.5)
    classifier.fit(*indicator)
    with pytest.raises(ValueError, match=r"predict_proba\(X\) >= floor"):
        classifier.predict(indicator[0], floor=0.5)


def test_words_of_no_class_are_rejected(tiny_embedder):
    """Texts of words that were in no text of the training are less probable."""
    texts, y = labelled(4, n=120)
    classifier = StaticTextClassifier(tiny_embedder).fit(texts, y)
    strange = [" ".join(tiny.WORDS[60 + i : 65 + i]) for i in range(20)]
    kept = classifier.predict(texts, floor=0.7, rejected=-1) >= 0
    assert kept.mean() > 0.7
    assert (classifier.predict(strange, floor=0.7, rejected=-1) < 0).mean() > 0.7
