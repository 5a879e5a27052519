from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from skm2v import StaticModel
from skm2v._model import Projection, quantize
from skm2v._pooling import TextTokenizer
from skm2v.exceptions import ModelFormatError, TextTypeError, TextValueError, TextWarning
from tests import tiny
from tests.model.forge import tiny_model

TEXTS = ["the bank of london", "free prize text", "water"]


def expected(model: StaticModel, text: str) -> np.ndarray:
    """Mean of the token vectors, from the definition."""
    ids = [i for i in model.tokenizer.encode(text, add_special_tokens=False).ids]
    ids = [i for i in ids if i != model.text_tokenizer.unk_id]
    rows = np.arange(len(model.tokens)) if model.mapping is None else model.mapping
    factors = np.ones(len(model.tokens)) if model.weights is None else model.weights
    mean = np.mean([model.embedding[rows[i]].astype(float) * factors[i] for i in ids], axis=0)
    return mean / np.linalg.norm(mean) if model.normalize else mean


@pytest.mark.parametrize("kind", tiny.KINDS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
@pytest.mark.parametrize("normalize", [True, False])
def test_encode_is_the_mean_of_token_vectors(kind, dtype, normalize):
    model = tiny_model(kind, dtype, normalize=normalize)
    vectors = model.encode(TEXTS)
    assert vectors.dtype == np.float32 and vectors.shape == (3, 4)
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(vector, expected(model, text), rtol=1e-5, atol=1e-6)


def test_encode_of_one_text_is_one_vector(tiny_static):
    one = tiny_static.encode("free prize")
    assert one.shape == (16,)
    np.testing.assert_array_equal(one, tiny_static.encode(["free prize"])[0])
    assert tiny_static.encode([]).shape == (0, 16)


def test_encode_takes_its_first_settings_by_position(tiny_static):
    by_name = tiny_static.encode(
        TEXTS, batch_size=2, show_progress_bar=False, normalize=False, max_length=9
    )
    np.testing.assert_array_equal(tiny_static.encode(TEXTS, 2, False, False, 9), by_name)


@pytest.mark.parametrize("bad", [0, -1, 2.0, "query", None])
def test_encode_refuses_what_is_no_batch_size(tiny_static, bad):
    """A second argument that is meant for another library's `encode` is not lost in silence."""
    with pytest.raises(ValueError, match="batch_size must be a positive integer; got"):
        tiny_static.encode(TEXTS, bad)


def test_encode_max_length(tiny_static):
    with pytest.warns(TextWarning, match="1 were cut at max_length"):
        short = tiny_static.encode(["the bank of london", "water"], max_length=2)
    np.testing.assert_array_equal(short, tiny_static.encode(["the bank", "water"]))
    limited = StaticModel(tiny_static.embedding, tiny_static.tokenizer, max_length=np.int64(2))
    with pytest.warns(TextWarning, match="cut"):
        np.testing.assert_array_equal(short, limited.encode(["the bank of london", "water"]))
    np.testing.assert_array_equal(limited.encode(TEXTS, max_length=None), tiny_static.encode(TEXTS))
    for bad in (0, -1, 2.0, True, "3"):
        with pytest.raises(ValueError, match="max_length must be a positive integer below 2"):
            tiny_static.encode(TEXTS, max_length=bad)
        with pytest.raises(ValueError, match="max_length must be a positive integer below 2"):
            StaticModel(tiny_static.embedding, tiny_static.tokenizer, max_length=bad)


def test_encode_warns_once_of_zero_vectors(tiny_static):
    with pytest.warns(TextWarning, match="Of 3 texts, 2 without a known token") as record:
        vectors = tiny_static.encode(["water", "", "漢漢"])
    assert len(record) == 1 and record[0].filename == __file__
    assert not vectors[1:].any() and vectors[0].any()


@pytest.mark.parametrize("bad", [{"a": 1}, 3, b"text", [["a", "b"]]])
def test_encode_refuses_what_is_no_column_of_texts(tiny_static, bad):
    with pytest.raises(TextTypeError):
        tiny_static.encode(bad)


def test_encode_names_missing_rows(tiny_static):
    with pytest.raises(TextValueError, match="1"):
        tiny_static.encode(["a", None])


def test_tokenize_and_encode_as_sequence(tiny_static):
    ids = tiny_static.tokenize(["the bank 漢", ""])
    assert [[tiny_static.tokens[i] for i in row] for row in ids] == [["the", "bank"], []]
    sequences = tiny_static.encode_as_sequence(["the bank 漢", ""])
    np.testing.assert_array_equal(sequences[0], tiny_static.embedding[ids[0]])
    assert sequences[0].dtype == np.float32 and sequences[1].shape == (0, 16)
    options = {"batch_size": 1, "show_progress_bar": True, "use_multiprocessing": True}
    one = tiny_static.encode_as_sequence("漢 the bank", max_length=2, **options)
    np.testing.assert_array_equal(one, tiny_static.embedding[ids[0][:1]])
    mean = sequences[0].mean(axis=0)
    np.testing.assert_allclose(
        tiny_static.encode("the bank", normalize=False), mean, rtol=1e-6, atol=1e-7
    )


def test_with_settings_replaces_the_defaults_of_encode(tiny_static):
    assert tiny_static.with_settings() is tiny_static
    assert tiny_static.with_settings(normalize=True, max_length=512) is tiny_static
    raw = tiny_static.with_settings(normalize=False)
    assert (raw.normalize, raw.max_length) == (False, 512)
    np.testing.assert_array_equal(raw.encode(TEXTS), tiny_static.encode(TEXTS, normalize=False))
    assert tiny_static.with_settings(max_length=None).max_length is None
    with pytest.raises(ValueError, match="max_length must be a positive integer below 2"):
        tiny_static.with_settings(max_length=0)


def test_a_model_cannot_be_changed(tiny_static):
    before = tiny_static.encode(TEXTS)
    with pytest.raises(AttributeError, match=r"cannot be changed.*with_settings\(normalize="):
        tiny_static.normalize = False
    with pytest.raises(AttributeError, match="cannot be changed"):
        tiny_static.anything = 1
    with pytest.raises(AttributeError, match="cannot be changed"):
        del tiny_static.embedding
    with pytest.raises(ValueError, match="read-only"):
        tiny_static.embedding[0, 0] = 1
    tokenizer = tiny_static.tokenizer
    tokenizer.add_tokens(["the bank"])
    tokenizer.enable_truncation(1)
    assert isinstance(tokenizer, Tokenizer) and tiny_static.tokenizer is not tokenizer
    with pytest.raises(TypeError):
        tiny_static.config.created_with["skm2v"] = "9"
    np.testing.assert_array_equal(before, tiny_static.encode(TEXTS))


def test_a_model_owns_its_arrays():
    table, weights = tiny.tiny_table(), np.ones(231, dtype=np.float32)
    projection = Projection(np.zeros(20), np.eye(16, 20))
    mean = projection.mean.base
    model = StaticModel(table, tiny.tiny_tokenizer(), weights=weights, projection=projection)
    before = model.encode(TEXTS)
    table[:], weights[:] = 0, 0
    if mean is not None:
        mean[:] = 1
    np.testing.assert_array_equal(before, model.encode(TEXTS))
    assert not model.projection.mean.any()


def test_equality_is_of_content(tiny_static):
    same = StaticModel(tiny_static.embedding, tiny_static.text_tokenizer)
    assert same == tiny_static and hash(same) == hash(tiny_static)
    others = [
        StaticModel(tiny_static.embedding, tiny_static.tokenizer, normalize=False),
        StaticModel(tiny_static.embedding, tiny_static.tokenizer, max_length=3),
        StaticModel(tiny_static.embedding, tiny_static.tokenizer, config={"teacher": "x"}),
        StaticModel(-tiny_static.embedding, tiny_static.tokenizer),
        tiny_static.quantized("float64"),
        tiny_static.with_dimensions(15),
    ]
    assert len({tiny_static, *others}) == 7
    assert tiny_static != "model"
    assert copy.copy(tiny_static) is tiny_static and copy.deepcopy(tiny_static) is tiny_static


def test_repr_and_len(tiny_static):
    assert repr(tiny_static) == "StaticModel(231 tokens, 16 dimensions, float32)"
    named = StaticModel(tiny_static.embedding, tiny_static.tokenizer, config={"teacher": "a/b"})
    assert repr(named) == "StaticModel('a/b', 231 tokens, 16 dimensions, float32)"
    assert len(tiny_static) == 231 and tiny_static.dim == 16


def test_tokenizer_may_be_an_object_or_text():
    hf = tiny.tiny_tokenizer()
    models = [
        StaticModel(tiny.tiny_table(), tokenizer)
        for tokenizer in (hf, hf.to_str(), TextTokenizer(hf.to_str()))
    ]
    assert len(set(models)) == 1
    with pytest.raises(ModelFormatError, match="tokenizer must be"):
        StaticModel(tiny.tiny_table(), None)


@pytest.mark.parametrize("name", ["acme/model", Path("models/mine")])
def test_a_name_alone_is_for_from_pretrained(name):
    with pytest.raises(TypeError, match=rf"from_pretrained\('{os.fspath(name)}'\)"):
        StaticModel(name)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"embedding": np.zeros((230, 4))}, "231 tokens, the table 230"),
        ({"embedding": np.zeros((232, 4))}, "231 tokens, the table 232"),
        ({"embedding": np.zeros(231)}, "2-D"),
        ({"embedding": np.zeros((231, 0))}, "at least one column"),
        ({"embedding": np.full((231, 4), np.nan)}, "finite"),
        ({"embedding": np.zeros((231, 4), dtype=np.int32)}, "float16 or float32"),
        ({"embedding": np.full((231, 4), 1e300)}, "Rescale"),
        ({"weights": np.ones(3)}, "one value per token"),
        ({"weights": np.full(231, np.inf)}, "finite"),
        ({"weights": ["a"] * 231}, "float32 was expected"),
        ({"mapping": np.full(231, 231)}, "mapping must hold"),
        ({"mapping": np.full(231, -1)}, "mapping must hold"),
        ({"mapping": np.full(231, 2**32)}, "fit int32"),
        ({"mapping": np.zeros(231)}, "int32 was expected"),
        ({"pairs": [[0, 1]]}, "table"),
        ({"config": {"techer": "x"}}, "Unknown fields"),
        ({"config": {"teacher": 3}}, "teacher"),
        ({"config": {"teacher": "\ud800"}}, "teacher"),
        ({"config": {"objective": "x"}}, "objective"),
        ({"config": {"sif_coefficient": np.nan}}, "sif_coefficient"),
        ({"config": {"language": "en"}}, "language"),
        ({"config": {"created_with": {"a": 1}}}, "created_with"),
        ({"config": {"pca_dims": []}}, "pca_dims"),
        ({"config": {"pca_ordered": 1}}, "pca_ordered"),
        ({"config": []}, "mapping"),
        ({"projection": Projection(np.zeros(9), np.zeros((5, 9)))}, "5 components, the table 4"),
    ],
)
def test_constructor_refuses_what_does_not_fit(options, message):
    arguments = {"embedding": np.zeros((231, 4)), **options}
    with pytest.raises(ModelFormatError, match=message):
        StaticModel(arguments.pop("embedding"), tiny.tiny_tokenizer(), **arguments)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ((np.zeros(3), np.zeros((2, 4))), "shape"),
        ((np.zeros(3), np.zeros((0, 3))), "shape"),
        ((np.zeros(3), np.full((2, 3), np.nan)), "finite"),
        ((np.zeros((1, 3)), np.zeros((2, 3))), "1-D"),
        ((np.zeros(3, dtype=int), np.zeros((2, 3))), "float32 or float64"),
        ((np.zeros(3), np.zeros((2, 3)), np.zeros(3)), "2 components and 3"),
    ],
)
def test_projection_refuses_what_does_not_fit(arrays, message):
    with pytest.raises(ModelFormatError, match=message):
        Projection(*arrays)


def test_projection_rotates_and_survives_pickling(rng):
    projection = Projection(rng.normal(size=5), rng.normal(size=(3, 5)), np.array([0.5, 0.3, 0.1]))
    vectors = rng.normal(size=(4, 5))
    wanted = (vectors - projection.mean) @ projection.components.T
    np.testing.assert_allclose(projection.transform(vectors), wanted)
    again = pickle.loads(pickle.dumps(projection.first(2)))
    np.testing.assert_allclose(again.transform(vectors), wanted[:, :2])
    np.testing.assert_array_equal(again.explained_variance_ratio, [0.5, 0.3])


def test_with_dimensions_slices_table_and_projection(rng):
    projection = Projection(rng.normal(size=9), rng.normal(size=(4, 9)), rng.uniform(size=4))
    model = tiny_model("wordpiece", "int8", projection=projection)
    narrow = model.with_dimensions(np.int64(3))
    np.testing.assert_array_equal(narrow.embedding, model.embedding[:, :3])
    np.testing.assert_array_equal(narrow.weights, model.weights)
    np.testing.assert_array_equal(narrow.projection.components, projection.components[:3])
    assert narrow.dim == 3 and model.dim == 4
    assert model.with_dimensions(4) == model
    for bad in (0, 5, -1):
        with pytest.raises(ValueError, match="from 1 to 4"):
            model.with_dimensions(bad)
    for bad in (2.0, True, "2", None):
        with pytest.raises(ValueError, match="must be an integer"):
            model.with_dimensions(bad)


@pytest.mark.parametrize("kind", tiny.KINDS)
@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("paired", [False, True])
def test_int8_scales_join_the_weights(kind, mapped, weighted, paired, rng):
    n_tokens = len(tiny_model(kind).tokens)
    pairs = np.array([[10, 11], [12, 13], [11, 10]]) if paired else None
    n_pairs = 0 if pairs is None else len(pairs)
    n_rows = (50 if mapped else n_tokens) + n_pairs
    # Rows of very different length: one scale for the table would erase the short ones.
    rows = rng.normal(size=(n_rows, 8)) * 10 ** rng.uniform(-3, 3, size=(n_rows, 1))
    model = StaticModel(
        rows.astype(np.float32),
        tiny.tiny_tokenizer(kind),
        mapping=rng.integers(0, 50, size=n_tokens) if mapped else None,
        weights=rng.uniform(0.1, 1, size=n_tokens + n_pairs) if weighted else None,
        pairs=pairs,
    )
    small = model.quantized("int8")
    assert small.embedding.dtype == np.int8 and small.weights.shape == (n_tokens + n_pairs,)
    row_of = np.arange(n_tokens) if model.mapping is None else model.mapping
    row_of = np.concatenate([row_of, n_rows - n_pairs + np.arange(n_pairs)])
    factors = np.ones(n_tokens + n_pairs) if model.weights is None else model.weights
    exact = model.embedding[row_of] * factors[:, None]
    approximate = small.embedding[row_of] * small.weights[:, None]
    largest = np.abs(exact).max(axis=1, keepdims=True)
    assert (np.abs(exact - approximate) <= largest / 127 * 0.501).all()
    wide = small.quantized("float32")
    np.testing.assert_array_equal(
        wide.encode(list(tiny.SENTENCES)), small.encode(list(tiny.SENTENCES))
    )
    assert small.quantized("int8") is small


def test_int8_table_without_scales_gets_ones():
    rows = np.arange(231 * 2).reshape(231, 2).astype(np.int8)
    model = StaticModel(rows, tiny.tiny_tokenizer(), normalize=False)
    np.testing.assert_array_equal(model.weights, np.ones(231, dtype=np.float32))
    np.testing.assert_array_equal(model.encode("water"), rows[model.tokens.index("water")])


@pytest.mark.parametrize("scale", [1e-38, 1e-30, 1e-6, 1.0, 1e6, 1e30])
def test_quantize_int8_at_any_scale(scale, rng):
    rows = (rng.normal(size=(20, 16)) * scale).astype(np.float32)
    rows[3] = 0
    codes, scales = quantize(rows, "int8")
    assert np.isfinite(scales).all() and (scales > 0).all() and not codes[3].any()
    assert np.abs(codes.astype(int)).max() <= 127
    kept = [i for i in range(20) if i != 3]
    back = codes[kept].astype(float) * scales[kept, None]
    cosines = (back * rows[kept]).sum(1) / np.linalg.norm(back, axis=1)
    assert (cosines / np.linalg.norm(rows[kept].astype(float), axis=1) > 0.999).all()


def test_quantize_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="float16.*Use 'float32'"):
        quantize(np.full((2, 2), 1e6, dtype=np.float32), "float16")
    with pytest.raises(ValueError, match="outside the range"):
        quantize(np.full((2, 2), 1e-20), "float16")
    with pytest.raises(ValueError, match="must be one of"):
        quantize(np.zeros((2, 2)), "int4")
    rows = np.zeros((2, 2), dtype=np.float16)
    assert quantize(rows, "float16") == (rows, None)
