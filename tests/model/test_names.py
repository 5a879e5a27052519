"""What a name means: the bundled model, a commit in the cache, a folder in the way of the hub."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from skm2v import StaticEmbedder, StaticModel
from skm2v.datasets import default_model_path
from skm2v.distill import distill
from skm2v.exceptions import TeacherNotFoundError
from tests.model.forge import tiny_model
from tests.model.test_peers import FIXTURES, editable, with_dense

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def cached(folder: Path, source: Path) -> Path:
    """Write the cache of the hub's client with one model of one commit."""
    model = folder / "models--acme--static"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text(COMMIT)
    return shutil.copytree(source, model / "snapshots" / COMMIT)


def test_the_bundled_model_has_a_name():
    model = StaticModel.from_pretrained("default")
    assert model == StaticModel.from_pretrained(default_model_path())
    assert StaticModel.from_pretrained("default", dimensionality=64).dim == 64
    with pytest.raises(ValueError, match="Leave revision out"):
        StaticModel.from_pretrained("default", revision="main")


def test_a_folder_with_the_name_of_the_bundled_model_is_not_passed_over(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny_model().save_pretrained("default")
    with pytest.raises(ValueError, match=r"a file or folder of that name here\. Say './default'"):
        StaticModel.from_pretrained("default")
    assert StaticModel.from_pretrained("./default") == tiny_model()


def test_a_commit_of_which_the_cache_has_other_files_is_asked_for(tmp_path, monkeypatch):
    """Such as after a load of its tokenizer alone."""
    huggingface_hub = pytest.importorskip("huggingface_hub")
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "tokenizer.json").touch()
    tiny_model().save_pretrained(tmp_path / "whole")
    asked = []

    def snapshot_download(name, *, local_files_only=False, **options):
        asked.append(local_files_only)
        return tmp_path / ("part" if local_files_only else "whole")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    loaded = StaticModel.from_pretrained("acme/static", revision=COMMIT)
    assert np.array_equal(loaded.embedding, tiny_model().embedding)
    assert asked == [True, False]


@pytest.mark.parametrize("revision", [None, "main", COMMIT])
def test_every_revision_in_the_cache_is_found_offline(tmp_path, monkeypatch, revision):
    import huggingface_hub.constants

    cached(tmp_path, FIXTURES / "model2vec-float32")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    model = StaticModel.from_pretrained("acme/static", revision=revision)
    assert model.config.source_revision == COMMIT
    assert StaticEmbedder("acme/static", revision=revision).fit(["a"]).model_.config == model.config


def test_a_dense_layer_and_a_card_come_from_the_cache_too(tmp_path, monkeypatch):
    import huggingface_hub.constants

    folder = editable("sentence-transformers", tmp_path)
    with_dense(folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    cached(tmp_path / "hub", folder)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    model = StaticModel.from_pretrained("acme/static")
    assert model.dim == 4 and model.config.licence == "mit"


@pytest.mark.parametrize(
    "load",
    [StaticModel.from_pretrained, lambda name: StaticEmbedder(name).fit("a b".split()), distill],
)
def test_a_folder_in_the_way_of_a_hub_id_is_named(tmp_path, monkeypatch, load):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme").mkdir()
    message = (
        r"There is a local folder '{}', so 'acme/static' was taken for a path, and the hub was not"
        r" asked.*rename the folder.*huggingface_hub\.snapshot_download\('acme/static'\)"
    )
    with pytest.raises(FileNotFoundError, match=message.format("acme")):
        load("acme/static")
    (tmp_path / "acme" / "static").mkdir()
    with pytest.raises(FileNotFoundError, match=message.format("acme/static")):
        load("acme/static")
    # A path that nobody takes for a hub id has no such hint.
    with pytest.raises((FileNotFoundError, ValueError)) as caught:
        load("./acme/static")
    assert "snapshot_download" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "offline", "message"),
    [
        ("LocalEntryNotFoundError", "", "the hub was not reached, and its cache on this machine"),
        ("OfflineModeIsEnabled", "1", r"the hub was not reached \(HF_HUB_OFFLINE=1 forbids it\)"),
        ("RepositoryNotFoundError", "", r"the hub has no model of that name.*token=\.\.\."),
        ("RuntimeError", "", "the hub and its cache on this machine do not give a model"),
    ],
)
def test_the_error_says_whether_the_hub_was_reached(monkeypatch, error, offline, message):
    huggingface_hub = pytest.importorskip("huggingface_hub")
    kind = type(error, (Exception,), {})  # the arguments of the client's errors change

    def snapshot_download(name, **options):
        raise kind("no")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.setenv("HF_HUB_OFFLINE", offline)
    with pytest.raises(FileNotFoundError, match=rf"^'acme/x' is .*{message}.*\({error}: no\)$"):
        StaticModel.from_pretrained("acme/x")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("defualt", "Did you mean 'default', the bundled model?"),
        ("all-MiniLM-L6-v2", "begin with their owner: 'owner/all-MiniLM-L6-v2'."),
        ("acme/x", None),
    ],
)
def test_a_name_without_an_owner_has_a_hint(monkeypatch, name, hint):
    huggingface_hub = pytest.importorskip("huggingface_hub")

    def snapshot_download(name, **options):
        raise RuntimeError("no")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    with pytest.raises(FileNotFoundError) as caught:
        StaticModel.from_pretrained(name)
    said = str(caught.value)
    if hint is None:
        assert "owner" not in said and "default" not in said
    else:
        assert hint in said


def test_a_teacher_that_is_not_there_stays_an_error_of_teachers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme").mkdir()
    with pytest.raises(TeacherNotFoundError, match="local folder 'acme'"):
        distill("acme/static")


@pytest.mark.parametrize("case", ["sentence-transformers", "model2vec-float32"])
def test_a_model_that_its_card_says_was_trained_to_be_cut_can_be_cut(tmp_path, case):
    folder = editable(case, tmp_path)
    with pytest.raises(ValueError, match="not known to be ordered"):
        StaticEmbedder(str(folder), pca_dims=3).fit(["a"])
    (folder / "README.md").write_text("---\ntags:\n- static\n- loss:MatryoshkaLoss\n---\n# A")
    embedder = StaticEmbedder(str(folder), pca_dims=3).fit(["a"])
    assert embedder.n_components_ == 3
    whole = StaticModel.from_pretrained(folder)
    assert whole.config.pca_ordered
    np.testing.assert_array_equal(embedder.embedding_, whole.embedding[:, :3])
    if case == "sentence-transformers":  # a matrix on top mixes the columns
        with_dense(folder)
        assert not StaticModel.from_pretrained(folder).config.pca_ordered


def test_the_error_says_how_the_user_says_that_columns_are_ordered(tmp_path):
    folder = editable("sentence-transformers", tmp_path)
    with pytest.raises(
        ValueError, match=r"Matryoshka.*set model_name to (Stat.*True\))\.$"
    ) as caught:
        StaticEmbedder(str(folder), pca_dims=3).fit(["a"])
    said = str(caught.value).rpartition("set model_name to ")[2].rstrip(".")
    model = eval(said, {"StaticModel": StaticModel})
    assert StaticEmbedder(model, pca_dims=3).fit(["a"]).n_components_ == 3
    assert model.with_settings(pca_ordered=True) is not None
    assert model.with_settings(pca_ordered=False) == StaticModel.from_pretrained(folder)
    with pytest.raises(ValueError, match=r"model\.with_settings\(pca_ordered=True\)"):
        StaticEmbedder(StaticModel.from_pretrained(folder), pca_dims=3).fit(["a"])
    with pytest.raises(ValueError, match="pca_ordered"):
        model.with_settings(pca_ordered="yes")


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "int8"])
def test_tokens_share_rows_at_load(tmp_path, dtype):
    model = tiny_model(dtype=dtype, normalize=False)
    model.save_pretrained(tmp_path)
    loaded = StaticModel.from_pretrained(tmp_path, vocabulary_quantization=40)
    assert loaded.embedding.shape == (40, 4) and loaded.embedding.dtype == dtype
    assert loaded.mapping is not None and loaded == model.clustered(40)
    old, new = (m._core.table.entry_vectors() for m in (model, loaded))
    lengths = np.linalg.norm(old, axis=1)
    cosines = (old * new).sum(axis=1) / lengths / np.linalg.norm(new, axis=1)
    assert cosines.mean() > 0.9
    # As many clusters as tokens: every token has a row of its own again.
    same = model.clustered(len(model.tokens))._core.table.entry_vectors()
    np.testing.assert_allclose(same, old, rtol=0, atol=0.02 * lengths.max())
    for count in (1, len(model.tokens) + 1, 2.5, True, "40"):
        with pytest.raises(ValueError, match="number of clusters must be an integer"):
            StaticModel.from_pretrained(tmp_path, vocabulary_quantization=count)


def test_pairs_keep_their_rows_when_tokens_share_theirs():
    from skm2v import StaticModel as Model
    from tests import tiny

    rows = np.random.default_rng(0).normal(size=(tiny.tiny_tokenizer().get_vocab_size() + 2, 4))
    model = Model(rows, tiny.tiny_tokenizer(), pairs=[[10, 11], [11, 12]])
    shared = model.clustered(50)
    assert shared.embedding.shape == (52, 4)
    np.testing.assert_array_equal(shared._core.table.entry_vectors()[-2:], rows[-2:])
