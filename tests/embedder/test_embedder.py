"""What StaticEmbedder does with its sources, parameters and input."""

from __future__ import annotations

import inspect
import io
import json
import pickle
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import skm2v
from skm2v import StaticEmbedder, distill
from skm2v._distillation import distil
from skm2v.exceptions import TextTypeError, TextValueError, TextWarning, VersionWarning
from tests import tiny

TEXTS = list(tiny.SENTENCES)


# --- Sources ----------------------------------------------------------------------------------


def test_a_teacher_folder_is_distilled_as_distill_does(tiny_teacher):
    embedder = StaticEmbedder(tiny_teacher, pca_dims=8, sif_coefficient=1e-3).fit(TEXTS)
    expected = distill(tiny_teacher, pca_dims=8, sif_coefficient=1e-3)
    assert embedder.model_ == expected
    np.testing.assert_array_equal(embedder.transform(TEXTS), expected.encode(TEXTS))
    assert embedder.n_components_ == 8
    assert embedder.embedding_.shape == (len(embedder.vocabulary_), 8)
    assert embedder.explained_variance_ratio_.shape == (8,)
    assert (np.diff(embedder.explained_variance_ratio_) <= 0).all()
    assert embedder.fit_report_["objective"] == "tokens"


@pytest.mark.parametrize("objective", ["auto", "tokens"])
def test_the_objective_of_a_teacher(tiny_teacher, objective):
    model = StaticEmbedder(tiny_teacher, objective=objective).fit(TEXTS).model_
    assert model == distill(tiny_teacher)


def test_default_dimensions_are_at_most_the_teachers(tiny_teacher):
    assert StaticEmbedder(str(tiny_teacher)).fit(TEXTS).n_components_ == 32


def test_every_distillation_parameter_reaches_the_teacher(tiny_teacher, monkeypatch):
    """Each parameter is passed under its own name, with its own value."""
    seen = {}

    def record(name, **parameters):
        seen.update(parameters, model_name=name)
        return distil(name)

    monkeypatch.setattr("skm2v._resolve_model.distil", record)
    values = {
        "pca_dims": 7,
        "sif_coefficient": 0.5,
        "pooling": "first",
        "vocabulary": ["blah"],
        "token_remove_pattern": None,
        "quantize_to": "int8",
        "max_length": 9,
        "normalize": False,
        "stretch": {"valence": 1.5},
        "device": "cpu",
        "revision": None,
        "prompt": "query: ",
        "teacher_dtype": "bfloat16",
        "trust_remote_code": True,
        "allow_pickle_weights": True,
        "memory": "somewhere",
        "align": "teacher",
        "ngram_range": (1, 2),
        "extra_words": 3,
        "max_teacher_texts": 200,
    }
    StaticEmbedder(str(tiny_teacher), objective="sentences", **values).fit(TEXTS)
    expected = {**values, "objective": "sentences", "corpus": TEXTS}
    assert seen == {**expected, "model_name": str(tiny_teacher)}


@pytest.mark.parametrize("kind", ["str", "path", "file", "model"])
def test_static_sources_are_loaded_without_torch(static_folder, ordered, kind, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    source = {
        "str": str(static_folder),
        "path": static_folder,
        "file": static_folder / "model.safetensors",
        "model": ordered,
    }[kind]
    embedder = StaticEmbedder(source).fit(TEXTS)
    assert embedder.model_ == ordered
    np.testing.assert_array_equal(embedder.transform(TEXTS), ordered.encode(TEXTS))


def test_a_model_in_memory_is_used_not_copied(ordered):
    assert StaticEmbedder(ordered).fit(TEXTS).model_ is ordered
    # In a pickle the table is there once.
    table = ordered.embedding.nbytes
    assert len(pickle.dumps(StaticEmbedder(ordered).fit(TEXTS))) < 2 * table + 20_000


@pytest.mark.parametrize("layout", ["skm2v", "table alone", "model2vec", "sentence-transformers"])
def test_layouts_of_static_models_are_recognised(tmp_path, ordered, layout):
    from safetensors.numpy import save_file

    folder = tmp_path / "model"
    ordered.save_pretrained(folder)
    if layout == "table alone":
        for path in folder.iterdir():
            if path.name != "model.safetensors":
                path.unlink()
    elif layout == "model2vec":
        (folder / "modules.json").unlink()
        save_file({"embeddings": np.array(ordered.embedding)}, folder / "model.safetensors")
    elif layout == "sentence-transformers":
        inner = folder / "0_StaticEmbedding"
        inner.mkdir()
        (folder / "tokenizer.json").rename(inner / "tokenizer.json")
        save_file({"embedding.weight": np.array(ordered.embedding)}, inner / "model.safetensors")
        (folder / "model.safetensors").unlink()
        (folder / "config.json").unlink(missing_ok=True)
        modules = [
            {"idx": 0, "name": "0", "path": inner.name, "type": f"sentence_transformers.models.{k}"}
            for k in ("StaticEmbedding",)
        ]
        (folder / "modules.json").write_text(json.dumps(modules))
    vectors = StaticEmbedder(folder).fit_transform(TEXTS)
    np.testing.assert_array_equal(vectors, ordered.encode(TEXTS))


@pytest.mark.parametrize(
    "name", ["./nothing", "no/such/folder", "nothing.safetensors", "~/nothing"]
)
def test_a_path_that_does_not_exist_is_an_error_not_a_download(name, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.socket.connect", refuse)
    with pytest.raises(FileNotFoundError, match="There is no file or folder"):
        StaticEmbedder(name).fit(TEXTS)


@pytest.fixture
def fake_hub(monkeypatch, static_folder, tiny_teacher):
    """A hub of two models: files come from local folders, as from its cache."""
    import huggingface_hub

    folders = {"owner/static": static_folder, "owner/teacher": tiny_teacher}
    asked = []

    def snapshot(name, *, revision=None, **kwargs):
        asked.append((name, revision))
        if name not in folders:
            raise huggingface_hub.errors.LocalEntryNotFoundError("no network")
        return str(folders[name])

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    return asked


def test_a_hub_id_of_a_static_model_is_loaded(fake_hub, ordered):
    embedder = StaticEmbedder("owner/static", revision="v1").fit(TEXTS)
    np.testing.assert_array_equal(embedder.transform(TEXTS), ordered.encode(TEXTS))
    assert embedder.fit_report_["source"] == "owner/static"
    assert fake_hub == 2 * [("owner/static", "v1")]  # what it is, then all of it


def test_a_hub_id_of_a_table_alone_is_loaded(fake_hub, ordered, static_folder):
    """As of a model with vectors of pairs, which is saved without files for the peers."""
    for path in static_folder.iterdir():
        if path.name != "model.safetensors":
            path.unlink()
    embedder = StaticEmbedder("owner/static").fit(TEXTS)
    np.testing.assert_array_equal(embedder.transform(TEXTS), ordered.encode(TEXTS))


def test_a_hub_that_cannot_be_reached_is_asked_twice_at_most(fake_hub):
    """For what it is, and by `distill`, which raises the error."""
    with pytest.raises(skm2v.exceptions.TeacherError, match="'owner/other' is no local folder"):
        StaticEmbedder("owner/other").fit(TEXTS)
    assert len(fake_hub) == 2


def test_a_hub_id_of_a_teacher_is_distilled(fake_hub):
    embedder = StaticEmbedder("owner/teacher", revision="v1", pca_dims=8).fit(TEXTS)
    assert embedder.n_components_ == 8
    assert embedder.fit_report_["source"] == "owner/teacher"
    assert fake_hub == 2 * [("owner/teacher", "v1")]


def test_a_hub_id_without_the_hub_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(skm2v.exceptions.MissingExtraError, match=r"skm2v\[distill\]"):
        StaticEmbedder("owner/teacher").fit(TEXTS)


def test_revision_of_a_local_folder_is_refused(static_folder):
    with pytest.raises(ValueError, match="revision='v1'"):
        StaticEmbedder(static_folder, revision="v1").fit(TEXTS)


def test_revision_of_what_is_not_on_the_hub_is_refused(ordered):
    for source in (ordered, "default"):
        with pytest.raises(ValueError, match="revision='v1' .* does not come from the hub"):
            StaticEmbedder(source, revision="v1").fit(TEXTS)


# --- Parameters of static sources -------------------------------------------------------------


@pytest.mark.parametrize("pca_dims", [1, 5, np.int64(5), 16])
def test_pca_dims_slices_a_static_model(ordered, pca_dims):
    embedder = StaticEmbedder(ordered, pca_dims=pca_dims, normalize=False).fit(TEXTS)
    expected = ordered.encode(TEXTS, normalize=False)[:, :pca_dims]
    np.testing.assert_array_equal(embedder.transform(TEXTS), expected)
    assert embedder.n_components_ == pca_dims


@pytest.mark.parametrize("pca_dims", ["default", "auto", None])
def test_pca_dims_that_keep_a_static_model_whole(tiny_static, pca_dims):
    assert StaticEmbedder(tiny_static, pca_dims=pca_dims).fit(TEXTS).model_ is tiny_static


def test_pca_dims_beyond_the_width_is_refused(ordered):
    with pytest.raises(ValueError, match=r"pca_dims=17: .* has only 16 columns"):
        StaticEmbedder(ordered, pca_dims=17).fit(TEXTS)


@pytest.mark.parametrize("pca_dims", [0.9, 1.0])
def test_pca_dims_as_a_share_of_variance_needs_a_teacher(ordered, pca_dims):
    with pytest.raises(ValueError, match=f"pca_dims={pca_dims}: a share of the variance needs a"):
        StaticEmbedder(ordered, pca_dims=pca_dims).fit(TEXTS)


def test_columns_without_an_order_are_not_sliced(tiny_static):
    with pytest.raises(ValueError, match="not known to be ordered"):
        StaticEmbedder(tiny_static, pca_dims=8).fit(TEXTS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("objective", "tokens"),
        ("sif_coefficient", 1e-3),
        ("sif_coefficient", None),
        ("pooling", "last"),
        ("vocabulary", ["word"]),
        ("token_remove_pattern", None),
        ("quantize_to", "int8"),
        ("device", "cpu"),
    ],
)
def test_distillation_parameters_are_refused_by_name_for_a_static_source(ordered, name, value):
    with pytest.raises(
        ValueError, match=f"is static already.*: {name}={value!r}".replace("[", r"\[")
    ):
        StaticEmbedder(ordered, **{name: value}).fit(TEXTS)


def test_all_refused_parameters_are_named_at_once(static_folder):
    embedder = StaticEmbedder(static_folder, pooling="first", quantize_to="int8")
    with pytest.raises(ValueError, match="pooling='first', quantize_to='int8'"):
        embedder.fit(TEXTS)


@pytest.mark.parametrize(("normalize", "max_length"), [(False, 512), (True, 3), (False, None)])
def test_settings_apply_to_static_sources(ordered, normalize, max_length):
    embedder = StaticEmbedder(ordered, normalize=normalize, max_length=max_length).fit(TEXTS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TextWarning)
        expected = ordered.encode(TEXTS, normalize=normalize, max_length=max_length)
        np.testing.assert_array_equal(embedder.transform(TEXTS), expected)


def test_parameters_take_effect_in_fit(ordered):
    embedder = StaticEmbedder(ordered).fit(TEXTS)
    expected = embedder.transform(TEXTS)
    embedder.set_params(normalize=False, max_length=1, pca_dims=2)
    np.testing.assert_array_equal(embedder.transform(TEXTS), expected)


# --- The bundled default ----------------------------------------------------------------------


@pytest.fixture
def bundled():
    from skm2v.datasets import default_model_path

    try:
        return default_model_path()
    except FileNotFoundError:
        pytest.skip("the default model is not in this checkout yet")


def test_the_default_works_out_of_the_box(bundled):
    embedder = StaticEmbedder().fit(["You won a prize"])
    vectors = embedder.transform(["You won a prize", "A prize, for you", "the weather in March"])
    assert vectors.shape == (3, 256) and vectors.dtype == np.float32
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert embedder.fit_report_["licence"] == "apache-2.0"
    assert StaticEmbedder(pca_dims=32).fit(TEXTS).n_components_ == 32


def test_a_folder_called_default_needs_a_path(ordered, tmp_path, monkeypatch, bundled):
    monkeypatch.chdir(tmp_path)
    ordered.save_pretrained("default")
    assert StaticEmbedder("default").fit(TEXTS).n_components_ == 256
    assert StaticEmbedder("./default").fit(TEXTS).n_components_ == 16


# --- Input ------------------------------------------------------------------------------------


def test_fit_checks_texts_as_transform_does(ordered):
    for call in (StaticEmbedder(ordered).fit, StaticEmbedder(ordered).fit(TEXTS).transform):
        with pytest.raises(TextTypeError, match="a single string"):
            call("text")
        with pytest.raises(TextValueError, match="Missing texts in row 1"):
            call(["a", None])


def test_a_failed_fit_leaves_the_fitted_state(ordered):
    embedder = StaticEmbedder(ordered).fit(pd.DataFrame({"text": TEXTS}))
    with pytest.raises(TextTypeError):
        embedder.fit([1])
    with pytest.raises(ValueError, match="pca_dims=99"):
        embedder.set_params(pca_dims=99).fit(TEXTS)
    assert embedder.model_ is ordered and embedder.n_features_in_ == 1


def test_missing_texts_are_zeros_if_asked_and_no_reason_to_warn(ordered):
    embedder = StaticEmbedder(ordered, handle_missing="zero").fit(TEXTS)
    X = ["free money", None, "call me", float("nan"), pd.NA]
    vectors = embedder.transform(X)
    assert not vectors[[1, 3, 4]].any()
    np.testing.assert_array_equal(vectors[[0, 2]], embedder.transform(["free money", "call me"]))
    with pytest.warns(TextWarning, match="Of 3 texts, 1 without a known token"):
        embedder.transform(["free", None, ""])


def test_one_warning_counts_zero_and_truncated_rows(ordered):
    embedder = StaticEmbedder(ordered, max_length=4).fit(TEXTS)
    X = ["free money", "", "the of a to in is it", "\t"]
    with pytest.warns(TextWarning) as record:
        embedder.transform(X)
    (warning,) = record
    assert str(warning.message) == (
        "Of 4 texts, 2 without a known token got a zero vector and 1 were cut at max_length"
        " (None keeps all tokens). No known token: rows 1 and 3. Cut: row 2. To hide it:"
        " warnings.simplefilter('ignore', skm2v.exceptions.TextWarning)."
    )
    assert warning.filename == __file__  # it points at the caller
    with pytest.warns(TextWarning) as record:
        embedder.fit_transform(X)
    assert len(record) == 1


def test_no_texts(ordered):
    embedder = StaticEmbedder(ordered).fit([])
    vectors = embedder.transform([])
    assert vectors.shape == (0, 16) and vectors.dtype == np.float32


def test_what_can_be_read_once_is_fitted_and_transformed(tiny_static):
    pa = pytest.importorskip("pyarrow")
    reader = pa.table({"text": TEXTS}).to_reader(max_chunksize=3)
    expected = StaticEmbedder(tiny_static).fit(TEXTS).transform(TEXTS)
    for once in (reader, iter(TEXTS)):
        vectors = StaticEmbedder(tiny_static).fit_transform(once)
        np.testing.assert_array_equal(vectors, expected)


def test_another_column_is_refused(ordered):
    embedder = StaticEmbedder(ordered).fit(pd.DataFrame({"text": TEXTS}))
    assert embedder.transform(TEXTS).shape == (60, 16)
    with pytest.raises(ValueError, match="fitted on the column 'text'; got the column 'body'"):
        embedder.transform(pd.DataFrame({"body": TEXTS}))


@pytest.mark.parametrize("method", ["transform", "get_feature_names_out"])
def test_unfitted(method):
    call = getattr(StaticEmbedder(), method)
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        call(TEXTS) if method == "transform" else call()
    assert not hasattr(StaticEmbedder(), "embedding_")
    assert not hasattr(StaticEmbedder(), "explained_variance_ratio_")


def test_variance_that_is_not_known_is_no_attribute(ordered):
    assert not hasattr(StaticEmbedder(ordered).fit(TEXTS), "explained_variance_ratio_")


def test_n_jobs_changes_nothing(ordered):
    X = TEXTS * 200
    expected = StaticEmbedder(ordered).fit_transform(X)
    np.testing.assert_array_equal(StaticEmbedder(ordered, n_jobs=2).fit_transform(X), expected)


# --- Conventions ------------------------------------------------------------------------------


def test_html_representation_documents_parameters_and_attributes(ordered):
    html = StaticEmbedder(ordered).fit(TEXTS)._repr_html_()
    assert StaticEmbedder()._get_doc_link() == "#"  # there is no site to link to
    if "Fitted attributes" not in html:
        pytest.skip("scikit-learn before 1.8 shows less")
    assert "Number of tokens of a text that are used" in html
    assert "explained_variance_ratio_" not in html
    assert "Table of vectors, read-only, in the stored number type" in html


def test_docstring_has_a_line_for_each_parameter_with_its_default():
    lines = inspect.getdoc(StaticEmbedder).splitlines()  # Python 3.13 takes the indentation off
    for name, parameter in inspect.signature(StaticEmbedder).parameters.items():
        (line,) = (line for line in lines if line.startswith(f"{name} : "))
        default = line.rpartition("default=")[2]
        assert eval(default) == parameter.default, line


def test_skrub_and_tags(ordered):
    assert StaticEmbedder.__single_column_transformer__ is True
    tags = StaticEmbedder().__sklearn_tags__()
    assert tags.input_tags.string and tags.input_tags.one_d_array and tags.requires_fit
    assert not tags.input_tags.two_d_array and not tags.input_tags.allow_nan
    assert StaticEmbedder(handle_missing="zero").__sklearn_tags__().input_tags.allow_nan


def test_version_stamp_of_unfitted_and_fitted(ordered, monkeypatch):
    pickled = {
        "unfitted": pickle.dumps(StaticEmbedder(pca_dims=8)),
        "fitted": pickle.dumps(StaticEmbedder(ordered).fit(TEXTS)),
    }
    for data in pickled.values():
        assert "_skm2v_seal" not in vars(pickle.loads(data))  # and no warning
    monkeypatch.setattr("skm2v._version.__version__", "99.0")
    for what, data in pickled.items():
        with pytest.warns(VersionWarning, match=skm2v.__version__) as record:
            pickle.loads(data)
        assert len(record) == 1, what


def test_pickles_name_only_what_is_expected(ordered):
    """P18: a new global in our pickles is a decision, not an accident."""
    embedder = StaticEmbedder(ordered).fit(TEXTS)
    found = set()

    class Recording(pickle.Unpickler):
        def find_class(self, module, name):
            found.add(f"{module.replace('numpy.core', 'numpy._core')}.{name}")
            return super().find_class(module, name)

    data = pickle.dumps(embedder.set_params(model_name="a-name"), 4)
    Recording(io.BytesIO(data)).load()
    assert found == {
        "numpy._core.multiarray._reconstruct",
        "numpy.dtype",
        "numpy.ndarray",
        "skm2v.StaticEmbedder",
        "skm2v.FitReport",
        "skm2v.StaticModel",
    }


def test_clone_of_a_model_in_memory_shares_it(ordered):
    assert clone(StaticEmbedder(ordered)).model_name is ordered


def test_pipeline_learns(ordered):
    y = [i % 2 for i in range(len(TEXTS))]
    pipeline = make_pipeline(StaticEmbedder(ordered), LogisticRegression())
    assert len(pipeline.fit(TEXTS, y).predict(TEXTS)) == len(TEXTS)
    assert list(pipeline[:-1].get_feature_names_out()) == [f"staticembedder{i}" for i in range(16)]


# --- Callbacks of scikit-learn 1.9 --------------------------------------------------------------


class Recorder:
    """A callback that is handed on by meta-estimators."""

    max_propagation_depth = None

    def __init__(self):
        self.calls = []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        self.calls.append(f"begin {type(estimator).__name__}")

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        self.calls.append(f"end {type(estimator).__name__}")
        if isinstance(estimator, StaticEmbedder):
            assert fitted_estimator.transform(["free"]).shape == (1, 16)


def test_callbacks_follow_fit(ordered):
    pytest.importorskip("sklearn.callback")
    recorder = Recorder()
    embedder = StaticEmbedder(ordered).set_callbacks(recorder)
    embedder.fit(TEXTS)
    assert recorder.calls == ["setup", "begin StaticEmbedder", "end StaticEmbedder", "teardown"]
    recorder.calls.clear()
    with pytest.raises(ValueError, match="pca_dims=99"):
        embedder.set_params(pca_dims=99).fit(TEXTS)
    assert recorder.calls == ["setup", "begin StaticEmbedder", "teardown"]


def test_callbacks_reach_through_a_pipeline(ordered):
    pytest.importorskip("sklearn.callback")
    recorder = Recorder()
    pipeline = make_pipeline(StaticEmbedder(ordered), LogisticRegression(max_iter=2000))
    pipeline.set_callbacks(recorder).fit(TEXTS, [i % 2 for i in range(len(TEXTS))])
    assert "begin StaticEmbedder" in recorder.calls and "end StaticEmbedder" in recorder.calls
    assert not hasattr(pipeline[0], "_parent_callback_ctx")
