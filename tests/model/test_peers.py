"""Models that model2vec and sentence-transformers saved (benchmarks/layout_parity.py made them)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from skm2v import StaticModel
from skm2v._model.tensor_file import dump_tensors
from skm2v.exceptions import ModelFormatError
from tests.model.forge import read_tensors

FIXTURES = Path(__file__).parent / "fixtures"
CASES = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())


def editable(case: str, folder: Path) -> Path:
    return shutil.copytree(FIXTURES / case, folder / case)


def edit(path: Path, change) -> None:
    value = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(change(value)), encoding="utf-8")


def quiet(model: StaticModel, texts: list[str]) -> np.ndarray:
    return model.pooler.pool(texts, max_length=model.max_length, normalize=model.normalize).vectors


def test_there_are_fixtures_of_both_peers():
    libraries = [json.loads((FIXTURES / c / "expected.json").read_text())["library"] for c in CASES]
    assert libraries.count("model2vec") == 3 and libraries.count("sentence-transformers") == 2


@pytest.mark.parametrize("case", CASES)
def test_vectors_equal_those_of_the_library_that_saved_it(case, tmp_path):
    expected = json.loads((FIXTURES / case / "expected.json").read_text(encoding="utf-8"))
    model = StaticModel.from_pretrained(FIXTURES / case)
    vectors = quiet(model, expected["texts"])
    tolerance = 1e-3 if "float16" in case else 1e-6  # a float16 table gives float16 vectors there
    np.testing.assert_allclose(vectors, expected["vectors"], atol=tolerance)
    model.save_pretrained(tmp_path)
    again = StaticModel.from_pretrained(tmp_path)
    assert again == model
    np.testing.assert_array_equal(quiet(again, expected["texts"]), vectors)


def test_settings_come_from_the_files(tmp_path):
    model = StaticModel.from_pretrained(FIXTURES / "model2vec-float32")
    assert model.normalize is True and model.max_length == 512 and not model.config.pca_ordered
    folder = editable("model2vec-float32", tmp_path)
    changes = {"normalize": False, "max_length": None, "tokenizer_name": "a/b", "apply_pca": 6}
    edit(folder / "config.json", lambda config: {**config, **changes, "sif_coefficient": 1e-4})
    model = StaticModel.from_pretrained(folder)
    assert model.normalize is False and model.max_length is None
    assert model.config.teacher == "a/b" and model.config.pca_ordered
    edit(folder / "config.json", lambda config: {"model_type": "model2vec"})
    model = StaticModel.from_pretrained(folder)
    assert model.normalize is False and model.max_length == 512  # as in Model2Vec
    edit(folder / "config.json", lambda config: {"apply_pca": True, "hidden_dim": 6})
    assert StaticModel.from_pretrained(folder).config.pca_dims == "auto"


def test_sentence_transformers_truncation_and_normalize(tmp_path):
    folder = editable("sentence-transformers", tmp_path)
    assert StaticModel.from_pretrained(folder).max_length is None
    truncation = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
    edit(folder / "tokenizer.json", lambda spec: {**spec, "truncation": truncation})
    edit(folder / "modules.json", lambda modules: modules[:1])
    model = StaticModel.from_pretrained(folder)
    assert model.max_length == 3 and model.normalize is False
    left = {**truncation, "direction": "Left"}
    edit(folder / "tokenizer.json", lambda spec: {**spec, "truncation": left})
    with pytest.raises(ModelFormatError, match="keeps the end of a text"):
        StaticModel.from_pretrained(folder)


def test_other_number_types_of_the_peers(tmp_path):
    folder = editable("model2vec-float16-weights-mapping", tmp_path)
    tensors = read_tensors(folder / "model.safetensors")
    texts = ["the bank", "free prize"]
    before = quiet(StaticModel.from_pretrained(folder), texts)
    wide = {
        "embeddings": tensors["embeddings"],
        "weights": tensors["weights"].astype(np.float64),
        "mapping": tensors["mapping"].astype(np.int64),
    }
    (folder / "model.safetensors").write_bytes(dump_tensors(wide, {"format": "pt"}))
    np.testing.assert_array_equal(quiet(StaticModel.from_pretrained(folder), texts), before)
    for name, array, message in [
        ("weights", np.ones(len(wide["mapping"]), dtype=np.int32), "weights must be floats"),
        ("mapping", np.zeros(len(wide["mapping"])), "mapping must be int32 or int64"),
        ("mapping", np.full(len(wide["mapping"]), 2**40), "row numbers"),
        ("head", np.ones(3), "unknown tensors"),
    ]:
        data = dump_tensors({**wide, name: array}, {})
        (folder / "model.safetensors").write_bytes(data)
        with pytest.raises(ModelFormatError, match=message):
            StaticModel.from_pretrained(folder)


def test_bfloat16_is_widened(tmp_path):
    folder = editable("sentence-transformers", tmp_path)
    rows = read_tensors(folder / "model.safetensors")["embedding.weight"]
    halves = (rows.view(np.uint32) >> 16).astype(np.uint16)
    header = {
        "embedding.weight": {
            "dtype": "BF16",
            "shape": list(rows.shape),
            "data_offsets": [0, halves.nbytes],
        }
    }
    text = json.dumps(header).encode()
    data = len(text).to_bytes(8, "little") + text + halves.tobytes()
    (folder / "model.safetensors").write_bytes(data)
    model = StaticModel.from_pretrained(folder)
    assert model.embedding.dtype == np.float32
    np.testing.assert_array_equal(
        model.embedding, (rows.view(np.uint32) & 0xFFFF0000).view(np.float32)
    )


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("modules.json", lambda m: [], "list of modules"),
        ("modules.json", lambda m: {"a": 1}, "list of modules"),
        ("modules.json", lambda m: [{**m[0], "path": 3}], "list of modules"),
        ("modules.json", lambda m: [{**m[0], "type": "x.Transformer"}], "'Transformer'"),
        ("modules.json", lambda m: [*m, {**m[0], "type": "x.CNN"}], "'CNN'"),
        ("modules.json", lambda m: [*m[:1], {**m[0], "type": "x.Dense", "path": ".."}], "leaves"),
        ("modules.json", lambda m: [{**m[0], "path": "../other"}], "leaves the folder"),
        ("modules.json", lambda m: [{**m[0], "path": "/etc"}], "leaves the folder"),
        ("modules.json", lambda m: [{**m[0], "path": "a\0b"}], "leaves the folder"),
        (
            "config_sentence_transformers.json",
            lambda c: {"default_prompt_name": "query", "prompts": {"query": "query: "}},
            "put before every text",
        ),
        ("config_sentence_transformers.json", lambda c: {"prompts": []}, "must be an object"),
        ("config_sentence_transformers.json", lambda c: [], "must be an object"),
        ("tokenizer.json", lambda t: {**t, "truncation": [1]}, "truncation section"),
        ("tokenizer.json", lambda t: {**t, "truncation": {}}, "truncation section"),
        ("tokenizer.json", lambda t: {**t, "truncation": {"max_length": -1}}, "max_length"),
        ("tokenizer.json", lambda t: {**t, "truncation": {"max_length": "3"}}, "max_length"),
    ],
)
def test_sentence_transformers_files_are_checked(tmp_path, name, change, message):
    folder = editable("sentence-transformers", tmp_path)
    edit(folder / name, change)
    with pytest.raises(ModelFormatError, match=message):
        StaticModel.from_pretrained(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: {}, "not the configuration"),
        (lambda c: [], "not the configuration"),
        (lambda c: {**c, "model_type": "bert"}, "not the configuration"),
        (lambda c: {**c, "normalize": "yes"}, "normalize must be"),
        (lambda c: {**c, "normalize": None}, "normalize must be"),
        (lambda c: {**c, "max_length": 0}, "max_length must be"),
        (lambda c: {**c, "max_length": 1.5}, "max_length must be"),
        (lambda c: {**c, "max_length": 2**31}, "max_length must be"),
        (lambda c: {**c, "tokenizer_name": 5}, "teacher"),
        (lambda c: {**c, "sif_coefficient": "a"}, "sif_coefficient"),
        (lambda c: {**c, "apply_pca": [1]}, "pca_dims"),
        (lambda c: {**c, "pooling": 1}, "pooling"),
    ],
)
def test_model2vec_configuration_is_checked(tmp_path, change, message):
    folder = editable("model2vec-float32", tmp_path)
    edit(folder / "config.json", change)
    with pytest.raises(ModelFormatError, match=message):
        StaticModel.from_pretrained(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_model2vec_needs_its_files(tmp_path, name):
    folder = editable("model2vec-float32", tmp_path)
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        StaticModel.from_pretrained(folder)


def test_a_pin_needs_a_file_of_ours():
    with pytest.raises(ModelFormatError, match="[0-9a-f]{64} was expected"):
        StaticModel.from_pretrained(FIXTURES / "model2vec-float32", sha256="0" * 64)
    import hashlib

    data = (FIXTURES / "model2vec-float32" / "model.safetensors").read_bytes()
    with pytest.raises(ModelFormatError, match="without sha256"):
        StaticModel.from_pretrained(
            FIXTURES / "model2vec-float32", sha256=hashlib.sha256(data).hexdigest()
        )


def test_saving_over_a_model_of_a_peer(tmp_path):
    folder = editable("sentence-transformers", tmp_path)
    model = StaticModel.from_pretrained(folder)
    model.save_pretrained(folder)
    assert StaticModel.from_pretrained(folder) == model
    prompts = json.loads((folder / "config_sentence_transformers.json").read_text())
    assert prompts["default_prompt_name"] is None


def test_a_transformer_is_no_static_model(tmp_path):
    tensors = {f"encoder.layer.{i}.weight": np.ones((2, 2), dtype=np.float32) for i in range(9)}
    (tmp_path / "model.safetensors").write_bytes(dump_tensors(tensors, {"format": "pt"}))
    with pytest.raises(ModelFormatError, match=r"holds no static model(?s:.)*skm2v\.distill"):
        StaticModel.from_pretrained(tmp_path)


def with_dense(folder: Path, *, bias: bool = True, name: str = "1_Dense", **config) -> np.ndarray:
    """Put a Dense layer between the table and Normalize; return [matrix, bias] side by side."""
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    dense = {"idx": 1, "name": "1", "path": name, "type": "sentence_transformers.models.Dense"}
    modules.insert(len(modules) - 1, dense)
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / name).mkdir()
    activation = "torch.nn.modules.linear.Identity"
    settings = {"in_features": 6, "out_features": 4, "bias": bias}
    (folder / name / "config.json").write_text(
        json.dumps({**settings, "activation_function": activation, **config})
    )
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(4, 6)).astype(np.float32)
    offset = rng.normal(size=(4, 1)).astype(np.float32) * bias
    tensors = {"linear.weight": matrix, **({"linear.bias": offset[:, 0]} if bias else {})}
    (folder / name / "model.safetensors").write_bytes(dump_tensors(tensors, {}))
    return np.hstack([matrix, offset]).astype(np.float64)


DENSE_TEXTS = ["the bank of london", "calling the bank: free prize!", "money"]


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("case", ["sentence-transformers", "sentence-transformers-nested"])
def test_a_dense_layer_is_multiplied_into_the_table(case, bias, normalize, tmp_path):
    folder = editable(case, tmp_path)
    means = quiet(
        StaticModel.from_pretrained(FIXTURES / case).with_settings(normalize=False), DENSE_TEXTS
    )
    layer = with_dense(folder, bias=bias)
    if not normalize:
        edit(folder / "modules.json", lambda modules: modules[:-1])
    expected = np.hstack([means, np.ones((len(means), 1))]) @ layer.T
    if normalize:
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    model = StaticModel.from_pretrained(folder)
    assert model.dim == 4 and model.embedding.dtype == np.float32
    np.testing.assert_allclose(quiet(model, DENSE_TEXTS), expected, atol=1e-6)


def test_dense_layers_follow_each_other_and_can_have_a_way_around(tmp_path):
    folder = editable("sentence-transformers", tmp_path)
    first = with_dense(folder)
    second = with_dense(folder, name="2_Dense", in_features=4, use_residual=True)
    square = np.arange(16, dtype=np.float32).reshape(4, 4) / 9
    tensors = {"linear.weight": square, "linear.bias": np.arange(4, dtype=np.float32)}
    (folder / "2_Dense" / "model.safetensors").write_bytes(dump_tensors(tensors, {}))
    assert second.shape == (4, 7)
    means = quiet(
        StaticModel.from_pretrained(FIXTURES / "sentence-transformers").with_settings(
            normalize=False
        ),
        DENSE_TEXTS,
    )
    hidden = means @ first[:, :6].T + first[:, 6]
    expected = hidden + hidden @ square.T + np.arange(4)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    model = StaticModel.from_pretrained(folder)
    np.testing.assert_allclose(quiet(model, DENSE_TEXTS), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"activation_function": "torch.nn.modules.activation.Tanh"},
            "activation '.*Tanh'.*only linear",
        ),
        ({"activation_function": None}, "activation None"),
        ({"module_input_name": "token_embeddings"}, "of 'token_embeddings'"),
        ({"module_output_name": "other"}, "makes 'other'"),
        ({"use_residual": True}, "needs 'residual.weight': a matrix.*got nothing"),
    ],
)
def test_a_dense_layer_that_no_table_can_hold_is_named_with_the_way_out(config, message, tmp_path):
    folder = editable("sentence-transformers", tmp_path)
    with_dense(folder, **config)
    with pytest.raises(ModelFormatError, match=f"(?i)1_Dense.*{message}") as caught:
        StaticModel.from_pretrained(folder)
    assert "distill" not in str(caught.value)  # which would send back here


def test_a_dense_layer_whose_configuration_is_silent_has_a_tanh(tmp_path):
    folder = editable("sentence-transformers", tmp_path)
    with_dense(folder)
    (folder / "1_Dense" / "config.json").write_text('{"in_features": 6, "out_features": 4}')
    with pytest.raises(ModelFormatError, match="Tanh"):
        StaticModel.from_pretrained(folder)


def test_a_dense_layer_without_a_configuration_or_weights_is_named(tmp_path):
    folder = editable("sentence-transformers", tmp_path)
    with_dense(folder)
    (folder / "1_Dense" / "config.json").write_text("[]")
    with pytest.raises(ModelFormatError, match=r"configuration of the Dense layer in .* an object"):
        StaticModel.from_pretrained(folder)
    (folder / "1_Dense" / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"1_Dense.model\.safetensors"):
        StaticModel.from_pretrained(folder)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"linear.weight": np.ones((4, 5), "f4")}, "with 6 columns.*shape .4, 5."),
        ({"linear.weight": np.ones((4, 6), "i4")}, "a matrix of floats"),
        ({"linear.weight": np.ones((4, 6), "f4"), "linear.bias": np.ones(3, "f4")}, "4 values"),
        ({"linear.weight": np.ones((4, 6), "f4"), "other": np.ones(3, "f4")}, "unknown tensors"),
        ({"linear.weight": np.full((4, 6), np.inf, "f4")}, "finite"),
    ],
)
def test_weights_of_a_dense_layer_are_checked(tensors, message, tmp_path):
    folder = editable("sentence-transformers", tmp_path)
    with_dense(folder)
    (folder / "1_Dense" / "model.safetensors").write_bytes(dump_tensors(tensors, {}))
    with pytest.raises(ModelFormatError, match=message):
        StaticModel.from_pretrained(folder)


def test_a_dense_layer_in_a_pickle_is_not_loaded(tmp_path):
    folder = editable("sentence-transformers", tmp_path)
    with_dense(folder)
    (folder / "1_Dense" / "model.safetensors").rename(folder / "1_Dense" / "pytorch_model.bin")
    with pytest.raises(ModelFormatError, match=r"pickle.*save it again"):
        StaticModel.from_pretrained(folder)


def test_what_comes_after_normalize_cannot_be_folded(tmp_path):
    folder = editable("sentence-transformers", tmp_path)
    with_dense(folder)
    edit(folder / "modules.json", lambda modules: [modules[0], modules[2], modules[1]])
    with pytest.raises(ModelFormatError, match="Normalize in that place"):
        StaticModel.from_pretrained(folder)
