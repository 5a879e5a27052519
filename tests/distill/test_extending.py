"""`StaticModel.extend`: words for a finished model."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from skm2v import StaticEmbedder, StaticModel, distill
from skm2v._distillation import find_teacher, load_files
from skm2v._distillation.fitting.weights import sif_weights
from skm2v.exceptions import TeacherError, TeacherNotFoundError, TextWarning
from tests import tiny

WORDS = ["Zebra", "quagga", "new york", "free-range"]


def vectors_of(model, first=0):
    return model.pooler.table.entry_vectors(np.arange(first, len(model.tokens)), np.float32)


def texts_with_words(n_texts=2000):
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(tiny.WORDS, rng.integers(3, 10))) for _ in range(n_texts)]


@pytest.fixture(scope="module")
def sentence_model(tiny_teacher):
    """A fitted model with rows of pairs."""
    return distill(
        tiny_teacher,
        pca_dims=16,
        objective="sentences",
        corpus=texts_with_words(),
        ngram_range=(1, 2),
        quantize_to="float32",
    )


# --- The tokenizer ----------------------------------------------------------------------------


def test_the_tokenizer_is_that_of_a_distillation_with_these_words(any_tiny_teacher):
    extended = distill(any_tiny_teacher, pca_dims=8).extend(WORDS, any_tiny_teacher)
    expected = distill(any_tiny_teacher, pca_dims=8, vocabulary=WORDS)
    assert extended.tokens == expected.tokens
    assert extended.text_tokenizer.json == expected.text_tokenizer.json
    assert extended.tokenize("A zebra in New York") == expected.tokenize("A zebra in New York")


def test_words_in_two_steps(any_tiny_teacher):
    """What was added first is kept, strings of several words too."""
    model = distill(any_tiny_teacher, pca_dims=8)
    twice = model.extend(WORDS, any_tiny_teacher).extend(["okapi", "bank card"], any_tiny_teacher)
    words = [*WORDS, "okapi", "bank card"]
    ids = twice.tokenize(words)
    assert [len(some) for some in ids] == [1] * len(words)
    assert len({some[0] for some in ids}) == len(words)
    assert twice.tokens[: len(model.tokens)] == model.tokens


def test_the_normalizer_has_its_way(tiny_teacher):
    model = distill(tiny_teacher, pca_dims=8).extend(["ZEBRA", "Zébra"], tiny_teacher)
    assert model.tokens[-1] == "zebra"
    assert model.tokenize(["zebra", "ZÉBRA"]) == [[len(model.tokens) - 1]] * 2


def test_known_words_are_left_out(any_tiny_teacher):
    model = distill(any_tiny_teacher, pca_dims=8)
    assert model.extend(["bank", "card"], any_tiny_teacher) is model
    assert model.extend([], any_tiny_teacher) is model
    extended = model.extend(["zebra", "new york"], any_tiny_teacher)
    assert extended.extend(["new york", "zebra", "bank"], any_tiny_teacher) is extended


# --- The rows ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int8"])
@pytest.mark.parametrize("sif", [1e-4, None])
def test_rows_are_those_of_a_distillation_on_the_same_axes(any_tiny_teacher, dtype, sif):
    options = {"pca_dims": 8, "sif_coefficient": sif, "quantize_to": dtype}
    model = distill(any_tiny_teacher, **options)
    extended = model.extend(WORDS, any_tiny_teacher)
    n = len(model.tokens)
    for name in ("embedding", "weights"):
        old, new = getattr(model, name), getattr(extended, name)
        if old is not None:
            assert new.dtype == old.dtype
            np.testing.assert_array_equal(new[:n], old)
    # What the teacher says of all tokens, from a distillation with them, without any reduction.
    raw = distill(
        any_tiny_teacher,
        vocabulary=WORDS,
        pca_dims=None,
        sif_coefficient=None,
        quantize_to="float32",
    )
    weights = sif_weights(len(raw.tokens), sif)
    weights = np.ones(len(raw.tokens)) if weights is None else weights
    expected = model.projection.transform(raw.embedding[n:]) * weights[n:, None]
    tolerance = {"float64": 1e-4, "float32": 1e-4, "float16": 1e-3, "int8": 1e-2}[dtype]
    scale = np.abs(expected).max()
    np.testing.assert_allclose(vectors_of(extended, n), expected, atol=tolerance * scale)


def test_the_word_of_a_clustered_vocabulary_gets_its_own_row(tiny_teacher):
    model = distill(tiny_teacher, pca_dims=8, vocabulary_quantization=20)
    extended = model.extend(WORDS, tiny_teacher)
    n = len(model.tokens)
    np.testing.assert_array_equal(vectors_of(extended)[:n], vectors_of(model))
    np.testing.assert_array_equal(extended.mapping[n:], np.arange(20, 20 + len(WORDS)))
    raw = distill(tiny_teacher, vocabulary=WORDS, pca_dims=None, sif_coefficient=None)
    expected = model.projection.transform(raw.embedding[n:])
    expected *= sif_weights(len(raw.tokens), 1e-4)[n:, None]
    np.testing.assert_allclose(vectors_of(extended, n), expected, atol=2e-3)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_pairs_keep_their_rows(sentence_model, tiny_teacher, dtype):
    model = sentence_model.quantized(dtype)
    extended = model.extend(["zebra", "long down"], tiny_teacher)
    assert len(extended.pairs) == len(model.pairs) > 0
    np.testing.assert_array_equal(extended.pairs, model.pairs)
    n_pairs, n = len(model.pairs), len(model.tokens)
    np.testing.assert_array_equal(extended.embedding[-n_pairs:], model.embedding[-n_pairs:])
    texts = [text for text in texts_with_words(200) if "long down" not in text]
    np.testing.assert_allclose(extended.encode(texts), model.encode(texts), atol=1e-6)
    old_pairs = model.pooler.table.entry_vectors(n + np.arange(n_pairs), np.float32)
    new_pairs = extended.pooler.table.entry_vectors(n + 2 + np.arange(n_pairs), np.float32)
    np.testing.assert_array_equal(new_pairs, old_pairs)


def test_a_word_of_a_fit_to_sentences_gets_the_prior(sentence_model, tiny_teacher):
    """The row that the fit gives to a token which its texts do not contain, by its affine map."""
    extended = sentence_model.extend(["zebra"], tiny_teacher)
    real, projection = load_files(find_teacher(tiny_teacher)), sentence_model.projection
    plan = real.plan_words(sentence_model.text_tokenizer, ["zebra"])
    vector = real.embed_tokens(plan.sequences)[0].astype(float)
    n = len(extended.tokens)
    share = 1 / (n + 1) / (1 / np.arange(2, n + 2)).sum()
    expected = 1e-3 / (1e-3 + share) * vector @ projection.components.T + projection.offset
    np.testing.assert_allclose(vectors_of(extended, n - 1)[0], expected, rtol=1e-4)
    # So is the row of a token of the fit that no text has.
    unseen = sentence_model.tokens.index("##ing")
    raw = distill(tiny_teacher, pca_dims=None, sif_coefficient=None, quantize_to="float32")
    low, high = 0.0, 1.0  # of its weight, which depends on the texts
    direction = raw.embedding[unseen].astype(float) @ projection.components.T
    row = vectors_of(sentence_model)[unseen] - projection.offset
    weight = row @ direction / (direction @ direction)
    assert low < weight < high
    np.testing.assert_allclose(row, weight * direction, atol=1e-4)


def test_fewer_dimensions(tiny_teacher):
    model = distill(tiny_teacher, pca_dims=16, quantize_to="float32")
    first = model.with_dimensions(4).extend(WORDS, tiny_teacher)
    np.testing.assert_array_equal(
        vectors_of(first), vectors_of(model.extend(WORDS, tiny_teacher))[:, :4]
    )


# --- Models that have been somewhere ----------------------------------------------------------


def test_saved_and_pickled(tiny_teacher, tmp_path):
    model = distill(tiny_teacher, pca_dims=8, quantize_to="int8")
    extended = model.extend(WORDS, tiny_teacher)
    assert extended != model
    model.save_pretrained(tmp_path / "model")
    assert StaticModel.from_pretrained(tmp_path / "model").extend(WORDS, tiny_teacher) == extended
    assert pickle.loads(pickle.dumps(model)).extend(WORDS, tiny_teacher) == extended
    extended.save_pretrained(tmp_path / "extended")
    loaded = StaticModel.from_pretrained(tmp_path / "extended")
    assert loaded == extended == pickle.loads(pickle.dumps(extended))
    np.testing.assert_array_equal(loaded.encode(["a Zebra"]), extended.encode(["a Zebra"]))


def test_a_teacher_in_memory(tiny_teacher):
    real = load_files(find_teacher(tiny_teacher))
    model = distill(tiny_teacher, pca_dims=8)
    extended = model.extend(WORDS, real.encoder, tokenizer=real.tokenizer)
    assert extended == model.extend(WORDS, tiny_teacher)


def test_the_name_that_the_model_keeps(tiny_teacher, monkeypatch):
    model = distill(tiny_teacher, pca_dims=8)
    monkeypatch.chdir(tiny_teacher.parent)
    assert model.extend(WORDS) == model.extend(WORDS, tiny_teacher)


# --- The embedder -----------------------------------------------------------------------------


def test_the_embedder_learns_words(tiny_teacher):
    embedder = StaticEmbedder(tiny_teacher, pca_dims=8).fit(["a"])
    model = embedder.model_
    assert embedder.add_words(["Zebra"]) is embedder
    assert embedder.add_words(["quagga", "bank"]) is embedder
    expected = model.extend(["zebra"], tiny_teacher).extend(["quagga"], tiny_teacher)
    assert embedder.model_ == expected
    assert embedder.vocabulary_["quagga"] == len(model) + 1
    assert embedder.fit_report_["n_added_words"] == 2
    assert embedder.fit_report_["n_tokens"] == len(model) + 2
    assert len(model.tokenize("quagga")[0]) > 1  # others that share the model are as they were
    assert embedder.fit(["a"]).model_ == model


def test_an_embedder_of_a_static_model(tiny_teacher, tmp_path, monkeypatch):
    model = distill(tiny_teacher, pca_dims=8)
    model.save_pretrained(tmp_path / "model")
    monkeypatch.chdir(tiny_teacher.parent)
    expected = model.extend(["zebra"], tiny_teacher)
    for source in (model, tmp_path / "model"):
        assert StaticEmbedder(source).fit(["a"]).add_words(["zebra"]).model_ == expected
    monkeypatch.chdir(tmp_path)
    embedder = StaticEmbedder(model).fit(["a"])
    with pytest.raises(TeacherNotFoundError, match="model_name"):
        embedder.add_words(["zebra"])
    assert embedder.add_words(["zebra"], model_name=tiny_teacher).model_ == expected


@pytest.mark.teacher
def test_the_bundled_model_learns_words(minilm):
    """Words that its vocabulary cuts to pieces come to mean what the teacher says."""
    words = ["tramadol", "hypoglycemia", "esports", "burrito"]
    topics = ["drug", "diabetes", "video game", "food"]
    embedder = StaticEmbedder().fit(words)
    before = embedder.model_
    embedder.add_words(words, model_name=minilm)
    after = embedder.model_
    assert len(after) == len(before) + 4 and after.embedding.dtype == np.int8
    known = before.encode(topics)
    np.testing.assert_array_equal(after.encode(topics), known)
    assert (np.argmax(after.encode(words) @ known.T, axis=1) == np.arange(4)).all()
    gain = np.diag((after.encode(words) - before.encode(words)) @ known.T)
    assert (gain > 0.05).all()


# --- Vectors instead of a teacher -------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int8"])
def test_words_get_their_vectors(any_tiny_teacher, rng, dtype):
    model = distill(any_tiny_teacher, pca_dims=8).quantized(dtype)
    vectors = rng.normal(size=(len(WORDS), model.dim))
    extended = model.extend(WORDS, vectors=vectors)
    tolerance = {"float64": 1e-7, "float32": 1e-7, "float16": 2e-3, "int8": 2e-2}[dtype]
    actual = extended.encode(WORDS, normalize=False)
    np.testing.assert_allclose(actual, vectors, atol=tolerance)
    assert extended.embedding.dtype == dtype
    assert extended.tokens[: len(model)] == model.tokens
    np.testing.assert_array_equal(extended.embedding[: len(model)], model.embedding)
    known = ["bank card", "free money"]
    np.testing.assert_allclose(extended.encode(known), model.encode(known), atol=1e-6)
    assert extended.text_tokenizer.json == pickle.loads(pickle.dumps(extended)).text_tokenizer.json


def test_the_tokenizer_does_not_depend_on_where_vectors_come_from(any_tiny_teacher):
    model = distill(any_tiny_teacher, pca_dims=8)
    expected = model.extend(WORDS, any_tiny_teacher)
    extended = model.extend(WORDS, vectors=np.ones((len(WORDS), 8)))
    assert extended.text_tokenizer.json == expected.text_tokenizer.json
    shuffled = model.extend(WORDS[::-1], vectors=expected.encode(WORDS[::-1], normalize=False))
    np.testing.assert_allclose(shuffled.encode(WORDS), expected.encode(WORDS), atol=2e-3)


def test_vectors_for_a_table_with_pairs_and_a_mapping(sentence_model, tiny_teacher, rng):
    clustered = distill(tiny_teacher, pca_dims=16, vocabulary_quantization=20)
    for model in (sentence_model, clustered):
        vectors = rng.normal(size=(2, 16)).astype(np.float16)
        extended = model.extend(["zebra", "new york"], vectors=vectors.tolist())
        n = len(model.tokens)
        np.testing.assert_array_equal(vectors_of(extended, n), vectors)
        np.testing.assert_array_equal(vectors_of(extended)[:n], vectors_of(model))


@pytest.mark.parametrize("factor", [0.1, 1, 10])
def test_vectors_of_texts_are_no_rows(rng, factor):
    """What `encode` normalizes weighs too little beside long rows, too much beside short ones."""
    table = rng.normal(size=(231, 64)).astype(np.float32)
    table *= factor / np.linalg.norm(table, axis=1, keepdims=True)
    model = StaticModel(table, tiny.tiny_tokenizer())
    text = ["the market"]
    if factor == 1:  # those are the same
        model.extend(["zebra"], vectors=model.encode(text))
    else:
        weighs = "much" if factor < 1 else "little"
        with pytest.warns(TextWarning, match=rf"about {factor}: .* weigh {weighs}\."):
            model.extend(["zebra"], vectors=model.encode(text))
    for kept in (model.encode(text, normalize=False), 3 * model.encode(text)):
        model.extend(["zebra"], vectors=kept)
    model.with_settings(normalize=False).extend(["zebra"], vectors=model.encode(text))


def test_the_embedder_learns_vectors(tiny_static, rng):
    embedder = StaticEmbedder(tiny_static, normalize=False).fit(["a"])
    vectors = rng.normal(size=(2, 16)).astype(np.float32)
    assert embedder.add_words(["zebra", "new york"], vectors=vectors) is embedder
    np.testing.assert_array_equal(embedder.transform(["Zebra", "new york"]), vectors)
    assert embedder.fit_report_["n_added_words"] == 2
    with pytest.raises(ValueError, match="leave out model_name"):
        embedder.add_words(["quagga"], vectors=vectors[:1], model_name="teacher")


@pytest.mark.parametrize(
    ("words", "vectors", "message"),
    [
        (["zebra"], np.ones(16), r"the shape \(1, 16\).*got \(16,\)"),
        (["zebra"], np.ones((1, 15)), r"the shape \(1, 16\).*got \(1, 15\)"),
        (["zebra", "okapi"], np.ones((1, 16)), r"the shape \(2, 16\).*got \(1, 16\)"),
        ([], np.ones((1, 16)), r"the shape \(0, 16\)"),
        (["zebra"], [["x"] * 16], "vectors must be an array of numbers"),
        (["zebra"], [[1], [2, 3]], "vectors must be an array of numbers"),
        (["zebra", "okapi"], [[0.0] * 16, [np.nan] * 16], "NaN or infinity for 'okapi'"),
        (["zebra", "bank", "card"], np.ones((3, 16)), "'bank', 'card' are tokens already"),
        (["zebra", "card"], np.ones((2, 16)), "'card' is a token already, which keeps its vector"),
        (["zebra", "Zebra"], np.ones((2, 16)), "'Zebra' is, as the tokenizer reads it, the same"),
        ("zebra", np.ones((5, 16)), "words must be a sequence of strings"),
        (["zebra", ""], np.ones((2, 16)), "leaves nothing of ''"),
        (["zebra", 3], np.ones((2, 16)), "words must hold strings; got 3"),
    ],
)
def test_wrong_vectors(tiny_static, words, vectors, message):
    with pytest.raises(ValueError, match=message):
        tiny_static.extend(words, vectors=vectors)


def test_no_words_with_vectors(tiny_static):
    assert tiny_static.extend([], vectors=np.ones((0, 16))) is tiny_static
    with pytest.raises(ValueError, match="leave out model_name"):
        tiny_static.extend(["zebra"], "teacher", vectors=np.ones((1, 16)))


# --- Errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("zebra", "words must be a sequence of strings; got 'zebra'"),
        (None, "words must be a sequence of strings; got None"),
        (["zebra", 3], "words must hold strings; got 3"),
        (["zebra", ""], "leaves nothing of ''"),
        (["zebra", " \t"], "leaves nothing of"),
        (["zebra", "\ud800"], "which is no text"),
    ],
)
def test_wrong_words(tiny_teacher, words, message):
    with pytest.raises(ValueError, match=message):
        distill(tiny_teacher, pca_dims=8).extend(words, tiny_teacher)


def test_no_projection(tiny_static, tiny_teacher):
    for model in (tiny_static, distill(tiny_teacher, pca_dims=None)):
        with pytest.raises(ValueError, match=r"no projection.*Distil with vocabulary=words"):
            model.extend(WORDS, tiny_teacher)


def test_another_teacher(tiny_teacher, tiny_teacher_of):
    model = distill(tiny_teacher, pca_dims=8)
    with pytest.raises(TeacherError, match=r"vectors of 16 dimensions.*of 32, by 'tiny-wordpiece'"):
        model.extend(WORDS, tiny_teacher_of(hidden_size=16))


def test_a_teacher_that_is_not_found(tiny_teacher, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = distill(tiny_teacher, pca_dims=8)
    missing = r"'tiny-wordpiece'.*Pass its folder, model_name=\.\.\., or vectors=\.\.\., one for"
    with pytest.raises(TeacherNotFoundError, match=missing):
        model.extend(WORDS)
    assert model.extend(["bank", "card"]) is model  # nothing is to be read
    nameless = StaticModel(model.embedding, model.text_tokenizer, projection=model.projection)
    with pytest.raises(TeacherError, match="does not say which teacher"):
        nameless.extend(WORDS)
