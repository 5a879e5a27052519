"""The recipe: against a plain computation, its parameters, its promises."""

from __future__ import annotations

import logging
import threading
import time

import numpy as np
import pytest
import torch
import transformers
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from skm2v import StaticModel
from skm2v._distillation.teacher_pass import principal_axes, store
from skm2v._distillation.teacher_pass.principal_axes import number_of_components, rotate
from skm2v.distill import distill
from skm2v.exceptions import TextWarning


def plain_vectors(folder, tokens, pooling="mean"):
    """The teacher's vectors of single tokens, one by one."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    first, last = tokenizer("")["input_ids"]
    vectors = []
    with torch.inference_mode():
        for token in tokens:
            ids = [first, tokenizer.convert_tokens_to_ids(token), last]
            output = model(torch.tensor([ids]))
            states = output.last_hidden_state[0]
            vectors.append(
                {
                    "mean": states.mean(dim=0),
                    "first": states[0],
                    "last": states[-1],
                    "pooler": output.pooler_output[0],
                }[pooling].numpy()
            )
    return np.array(vectors)


def plain_recipe(folder, tokens, dims, a=1e-4, pooling="mean"):
    raw = plain_vectors(folder, tokens, pooling).astype(np.float64)
    if dims is not None:
        raw = PCA(dims, svd_solver="full").fit_transform(raw)
        raw *= np.sign(raw[np.abs(raw).argmax(axis=0), np.arange(raw.shape[1])])
    p = 1 / np.arange(2, len(raw) + 2)
    return raw if a is None else raw * (a / (a + p / p.sum()))[:, None]


@pytest.mark.parametrize("dims", [8, None])
def test_the_recipe_for_each_tokenizer_family(any_tiny_teacher, dims):
    model = distill(any_tiny_teacher, pca_dims=dims, quantize_to="float32")
    expected = plain_recipe(any_tiny_teacher, model.tokens, dims)
    np.testing.assert_allclose(model.embedding, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("pooling", ["first", "last", "pooler"])
def test_poolings(tiny_teacher, pooling):
    model = distill(tiny_teacher, pca_dims=None, quantize_to="float32", pooling=pooling)
    expected = plain_recipe(tiny_teacher, model.tokens, None, pooling=pooling)
    np.testing.assert_allclose(model.embedding, expected, atol=1e-5 * np.abs(expected).max())


def test_auto_is_the_teachers_own_pooling_and_dense_layers(tiny_teacher_of):
    settings = {"pca_dims": None, "quantize_to": "float32", "sif_coefficient": None}
    cls = distill(tiny_teacher_of("wordpiece", pooling="cls"), pooling="auto", **settings)
    first = distill(tiny_teacher_of("wordpiece", pooling="cls"), pooling="first", **settings)
    np.testing.assert_array_equal(cls.embedding, first.embedding)
    dense = distill(tiny_teacher_of("wordpiece", dense=12), pooling="auto", **settings)
    assert dense.dim == 12
    assert not np.allclose(np.linalg.norm(dense.embedding, axis=1), 1)


@pytest.mark.parametrize("sif", [None, 1e-2])
def test_weights(tiny_teacher, sif):
    model = distill(tiny_teacher, pca_dims=8, quantize_to="float32", sif_coefficient=sif)
    expected = plain_recipe(tiny_teacher, model.tokens, 8, sif)
    np.testing.assert_allclose(model.embedding, expected, atol=1e-5 * np.abs(expected).max())


def test_dimensions(tiny_teacher, caplog):
    full = distill(tiny_teacher, pca_dims="auto", quantize_to="float32")
    assert full.dim == 32 and full.config.pca_ordered
    shares = np.cumsum(full.projection.explained_variance_ratio)
    assert shares[-1] == pytest.approx(1)
    for share in (0.5, 0.9, 1.0):
        model = distill(tiny_teacher, pca_dims=share, quantize_to="float32")
        assert shares[model.dim - 1] >= share - 1e-9
        assert model.dim == 1 or shares[model.dim - 2] < share
        np.testing.assert_array_equal(model.embedding, full.embedding[:, : model.dim])
    assert distill(tiny_teacher, pca_dims=256).dim == 32  # at most the teacher's
    none = distill(tiny_teacher, pca_dims=None)
    assert none.dim == 32 and none.projection is None and not none.config.pca_ordered
    assert distill(tiny_teacher, pca_dims=np.int64(8)).dim == 8


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_fewer_dimensions_are_a_prefix_to_the_bit(any_tiny_teacher, dtype):
    wide = distill(any_tiny_teacher, pca_dims=24, quantize_to=dtype)
    store.clear_recent()
    narrow = distill(any_tiny_teacher, pca_dims=8, quantize_to=dtype)
    np.testing.assert_array_equal(narrow.embedding, wide.embedding[:, :8])
    np.testing.assert_array_equal(narrow.projection.components, wide.projection.components[:8])


def test_the_projection_maps_the_teachers_vectors_to_the_rows(tiny_teacher):
    model = distill(tiny_teacher, pca_dims=8, quantize_to="float32", sif_coefficient=None)
    raw = plain_vectors(tiny_teacher, model.tokens)
    np.testing.assert_allclose(model.projection.transform(raw), model.embedding, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
def test_number_types(tiny_teacher, dtype):
    exact = distill(tiny_teacher, pca_dims=16, quantize_to="float64")
    model = distill(tiny_teacher, pca_dims=16, quantize_to=dtype)
    assert model.embedding.dtype == dtype
    rows = model.embedding.astype(np.float64)
    if dtype == "int8":
        rows = rows * model.weights[:, None]
    tolerance = {"float16": 1e-3, "float32": 1e-6, "float64": 0, "int8": 1 / 127}[dtype]
    largest = np.abs(exact.embedding).max(axis=1, keepdims=True)
    assert (
        np.abs(rows - exact.embedding) <= tolerance * largest + (dtype == "float16") * 1e-7
    ).all()


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("dims", [8, None])
def test_vocabulary_quantization(tiny_teacher, dtype, dims, tmp_path):
    settings = {"vocabulary_quantization": 20, "pca_dims": dims, "quantize_to": dtype}
    model = distill(tiny_teacher, **settings)
    assert model.embedding.shape == (20, dims or 32)
    assert model.mapping.shape == (len(model.tokens),) and set(model.mapping) == set(range(20))
    raw = plain_vectors(tiny_teacher, model.tokens)
    centres = np.array([raw[model.mapping == i].mean(axis=0) for i in range(20)])
    nearest = ((raw[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == model.mapping).mean() > 0.97  # k-means stops when little moves
    if dims is not None:
        centres = model.projection.transform(centres)
    weights = 1e-4 / (1e-4 + (p := 1 / np.arange(2, len(raw) + 2)) / p.sum())
    rows = model.embedding.astype(np.float64)[model.mapping] * model.weights[:, None]
    expected = centres[model.mapping] * weights[:, None]
    tolerance = 1e-4 if dtype == "float32" else 0.01
    largest = np.abs(expected).max(axis=1, keepdims=True)
    assert (np.abs(rows - expected) <= tolerance * largest + 1e-9).mean() > 0.99
    model.save_pretrained(tmp_path / "model")
    assert StaticModel.from_pretrained(tmp_path / "model") == model


def test_vocabulary_quantization_to_more_than_there_is(tiny_teacher):
    with pytest.raises(ValueError, match=r"at most the number of tokens, \d+; got 5000"):
        distill(tiny_teacher, vocabulary_quantization=5000)


def test_added_words_get_the_teachers_vector(any_tiny_teacher):
    settings = {"pca_dims": None, "sif_coefficient": None, "quantize_to": "float32"}
    model = distill(any_tiny_teacher, vocabulary=["bankcard", "new york"], **settings)
    tokenizer = transformers.AutoTokenizer.from_pretrained(any_tiny_teacher)
    teacher = transformers.AutoModel.from_pretrained(any_tiny_teacher).eval()
    text = " bankcard" if "bpe" in any_tiny_teacher.name else "bankcard"
    for given, expected in (("bankcard", text), ("new york", "new york")):
        with torch.inference_mode():
            states = teacher(**tokenizer(expected, return_tensors="pt")).last_hidden_state[0]
        vector = model.encode(given, normalize=False)
        np.testing.assert_allclose(vector, states.mean(dim=0).numpy(), atol=1e-5)


def test_batches_have_no_influence(any_tiny_teacher):
    words = ["bankcard", "new york", "moneytransfer", "the bank has my money"]
    settings = {"pca_dims": None, "quantize_to": "float32", "vocabulary": words}
    models = []
    for batch_size in (1, 3, 1000):
        store.clear_recent()
        # "the bank has my moneytransfer" would be tried as the phrase first.
        with pytest.warns(TextWarning, match="'moneytransfer' may be missed"):
            models.append(distill(any_tiny_teacher, batch_size=batch_size, **settings))
    for model in models[1:]:
        np.testing.assert_allclose(model.embedding, models[0].embedding, atol=1e-6)


def test_repeated_fits_and_other_thread_counts_give_the_same_bytes(any_tiny_teacher):
    before = torch.get_num_threads()
    models = []
    try:
        for threads in (1, 2, 4, 1):
            store.clear_recent()
            torch.set_num_threads(threads)
            with threadpool_limits(threads):
                models.append(distill(any_tiny_teacher, pca_dims=24, quantize_to="float32"))
    finally:
        torch.set_num_threads(before)
    assert len({model.sha256 for model in models}) == 1


def test_the_model_says_where_it_comes_from(copied_teacher):
    (copied_teacher / "README.md").write_text("---\nlicense: apache-2.0\nlanguage: en\n---\n")
    model = distill(copied_teacher, pca_dims=8, max_length=33, normalize=False)
    config = model.config
    assert (config.teacher, config.revision, config.licence) == ("teacher", None, "apache-2.0")
    assert (config.language, config.objective, config.pooling) == (("en",), "tokens", "mean")
    assert (config.sif_coefficient, config.pca_dims, config.pca_ordered) == (1e-4, 8, True)
    assert "skm2v" in config.created_with
    assert (model.max_length, model.normalize) == (33, False)


def test_a_progress_bar_where_it_is_asked_for(tiny_teacher, capfd):
    distill(tiny_teacher, pca_dims=8)
    quiet = capfd.readouterr()
    assert quiet.out == quiet.err == ""
    store.clear_recent()
    distill(tiny_teacher, pca_dims=8, show_progress_bar=True)
    shown = capfd.readouterr()
    assert "100%" in shown.err and "tokens" in shown.err and shown.out == ""


def test_seconds_of_each_stage_are_logged(tiny_teacher, caplog):
    with caplog.at_level(logging.INFO, logger="skm2v"):
        distill(tiny_teacher, pca_dims=8)
    for name in ("teacher loaded", "tokens chosen", "teacher pass", "table rotated", "model built"):
        assert f"{name} in " in caplog.text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pca_dims", 0),
        ("pca_dims", -1),
        ("pca_dims", 1.5),
        ("pca_dims", 0.0),
        ("pca_dims", True),
        ("pca_dims", "all"),
        ("sif_coefficient", 0),
        ("sif_coefficient", 1.0),
        ("sif_coefficient", -0.1),
        ("sif_coefficient", "zipf"),
        ("pooling", "median"),
        ("quantize_to", "int4"),
        ("quantize_to", np.float32),
        ("vocabulary_quantization", 1),
        ("vocabulary_quantization", 2.5),
        ("max_length", 0),
        ("normalize", "no"),
        ("vocabulary", "bank"),
        ("vocabulary", ["bank", None]),
        ("vocabulary", 3),
        ("token_remove_pattern", "("),
        ("token_remove_pattern", 3),
        ("batch_size", 0),
        ("memory", 3),
    ],
)
def test_parameters_out_of_their_bounds_are_named(tiny_teacher, name, value):
    with pytest.raises(ValueError, match=rf"{name} must"):
        distill(tiny_teacher, **{name: value})


# --- principal axes ----------------------------------------------------------------------------


@pytest.mark.parametrize(("n_rows", "width"), [(5000, 20), (30, 20), (9000, 3), (10, 20), (3, 4)])
def test_axes_are_those_of_scikit_learn(n_rows, width):
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(n_rows, width)) * np.arange(1, width + 1) + 5).astype(np.float32)
    scores, axes = rotate(rows)
    kept = min(width, n_rows - 1)
    expected = PCA(kept, svd_solver="full").fit(rows.astype(np.float64))
    reference = expected.transform(rows.astype(np.float64))
    signs = np.sign(reference[np.abs(reference).argmax(axis=0), np.arange(kept)])
    np.testing.assert_allclose(scores, reference * signs, atol=1e-4)
    np.testing.assert_allclose(axes.components, expected.components_ * signs[:, None], atol=1e-6)
    np.testing.assert_allclose(
        axes.explained_variance_ratio, expected.explained_variance_ratio_, rtol=1e-6
    )
    assert (scores.max(axis=0) >= -scores.min(axis=0)).all()


def test_the_number_of_threads_changes_no_bit():
    rows = np.random.default_rng(0).normal(size=(9000, 200)).astype(np.float32)
    results = []
    for n_threads in (1, 2, 4):
        with threadpool_limits(n_threads):
            scores, axes = rotate(rows)
        results.append((scores.tobytes(), axes.components.tobytes()))
    assert len(set(results)) == 1


def test_axes_of_rows_that_are_all_the_same():
    scores, axes = rotate(np.ones((5, 3), dtype=np.float32))
    assert not scores.any() and np.isfinite(axes.components).all()
    assert number_of_components(0.9, axes) == 3


def test_the_number_of_components_is_that_of_scikit_learn():
    rows = np.random.default_rng(0).normal(size=(200, 12)).astype(np.float32) * np.arange(1, 13)
    _, axes = rotate(rows)
    for share in np.linspace(0.05, 0.99, 30):
        expected = PCA(float(share), svd_solver="full").fit(rows).n_components_
        assert number_of_components(float(share), axes) == expected


def test_a_table_is_never_copied_in_float64(monkeypatch):
    """Peak memory: blocks of rows, whatever the size of the table and the number of processors."""
    import tracemalloc

    class Slow(np.ndarray):  # so that threads have their blocks at the same time
        def astype(self, *args, **kwargs):
            block = np.asarray(self).astype(*args, **kwargs)
            time.sleep(0.01)
            return block

    monkeypatch.setattr(principal_axes, "cpu_count", lambda: 64)
    rows = np.random.default_rng(0).normal(size=(200_000, 32)).astype(np.float32).view(Slow)
    tracemalloc.start()
    rotate(rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * rows.nbytes


def test_every_thread_that_adds_up_is_told_to_do_so_alone(monkeypatch):
    limited, adding = set(), set()

    class Limits(threadpool_limits):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            limited.add(threading.get_ident())

    class Rows(np.ndarray):
        def astype(self, *args, **kwargs):
            adding.add(threading.get_ident())
            return np.asarray(self).astype(*args, **kwargs)

    monkeypatch.setattr(principal_axes, "threadpool_limits", Limits)
    rotate(np.random.default_rng(0).normal(size=(30_000, 8)).view(Rows))
    assert adding and adding <= limited
