"""``teacher_dtype="bfloat16"``: how far it moves vectors, what is said, where it is refused."""

from __future__ import annotations

import logging
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers

from skm2v import StaticEmbedder, StaticModel, distill, distill_from_model
from skm2v._cli.main import main
from skm2v._distillation import find_teacher, load_files, wrap_teacher
from skm2v._distillation.teacher import device as device_module
from skm2v._distillation.teacher.device import check_can_compute
from skm2v._distillation.teacher_pass.agreement import agreement, cosines, sample
from skm2v._distillation.teacher_pass.text_vectors import forget_texts
from skm2v._model.config import ModelConfig
from skm2v.exceptions import TeacherError, TextWarning
from tests import tiny

FAST = {"teacher_dtype": "bfloat16", "device": "cpu"}
TEXTS = ["bank card money", "stop", "the new york bank has my money for you", ""]


def random_texts(n_texts, seed=0):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(tiny.WORDS, rng.integers(3, 10))) for _ in range(n_texts)]


@pytest.fixture(autouse=True)
def _nothing_known():
    forget_texts()
    yield
    forget_texts()


@pytest.fixture(autouse=True)
def _able(monkeypatch):
    """A processor that says it has the instructions; torch does without them, slowly."""
    monkeypatch.setattr(device_module, "_processor_flags", lambda torch: {"avx512_bf16"})


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def teacher(tiny_teacher):
    return load_files(find_teacher(tiny_teacher), "cpu")


# --- What it computes --------------------------------------------------------------------------


def test_texts_move_a_little(any_tiny_teacher):
    exact = load_files(find_teacher(any_tiny_teacher), "cpu")
    fast = load_files(find_teacher(any_tiny_teacher, dtype="bfloat16"), "cpu")
    a, b = exact.encode(TEXTS), fast.encode(TEXTS)
    assert b.dtype == np.float32
    assert not np.array_equal(a, b)
    assert np.einsum("ij,ij->i", unit(a), unit(b)).min() > 0.999


@pytest.mark.parametrize("pooling", ["mean", "first", "last", "auto"])
def test_tokens_move_a_little(teacher, pooling):
    plan = teacher.plan_tokens()
    a, b = (
        t.embed_tokens(plan.sequences, pooling=pooling)
        for t in (teacher, replace(teacher, dtype="bfloat16"))
    )
    assert not np.array_equal(a, b)
    assert np.einsum("ij,ij->i", unit(a), unit(b)).min() > 0.999


def test_sums_over_tokens_are_not_rounded(teacher, monkeypatch):
    """Where the encoder gives bfloat16, means of it are still float32."""
    fast = replace(teacher, dtype="bfloat16")

    class Rounding(torch.nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, input_ids, attention_mask):
            output = self.inner(input_ids=input_ids, attention_mask=attention_mask)
            return SimpleNamespace(last_hidden_state=output.last_hidden_state.bfloat16())

    rounding = replace(fast, encoder=Rounding(teacher.encoder))
    vectors = rounding.embed_tokens([[5, 6, 7, 8, 9, 10, 11]])
    assert not np.array_equal(vectors, torch.tensor(vectors).bfloat16().float().numpy())


def test_a_model_in_memory_stays_as_it_is(tiny_teacher):
    model = transformers.AutoModel.from_pretrained(tiny_teacher).train()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_teacher)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    static = distill_from_model(model, tokenizer, pca_dims=8, teacher_dtype="bfloat16")
    assert static.config.teacher_dtype == "bfloat16"
    assert model.training and not torch.is_autocast_enabled("cpu")
    for name, tensor in model.state_dict().items():
        assert tensor.dtype == before[name].dtype and torch.equal(tensor, before[name])


# --- What it says ------------------------------------------------------------------------------


def test_the_report_tells_how_far_tokens_moved(teacher, tiny_teacher):
    report = StaticEmbedder(tiny_teacher, **FAST).fit(["a text"]).fit_report_["teacher_dtype"]
    sequences = teacher.plan_tokens((), r"\[unused\d+\]").sequences
    some = [sequences[row] for row in sample(len(sequences), 256)]
    fast = replace(teacher, dtype="bfloat16")
    found = np.einsum("ij,ij->i", *(unit(t.embed_tokens(some)) for t in (teacher, fast)))
    assert report["dtype"] == "bfloat16" and report["n_tokens"] == len(some)
    # Batches differ, which may change the last digits.
    assert report["cosine_of_tokens"]["mean"] == pytest.approx(found.mean(), abs=2e-5)
    assert report["cosine_of_tokens"]["least"] == pytest.approx(found.min(), abs=1e-4)
    assert found.min() < 0.9999999


def test_the_report_tells_how_far_texts_moved(tiny_teacher, caplog):
    caplog.set_level(logging.INFO, "skm2v")
    embedder = StaticEmbedder(tiny_teacher, objective="sentences", **FAST)
    with pytest.warns(TextWarning, match="do not improve"):  # random texts teach nothing
        report = embedder.fit(random_texts(400)).fit_report_
    said = report["teacher_dtype"]
    assert said["n_texts"] == 64
    assert 0.999 < said["cosine_of_texts"]["least"] < said["cosine_of_texts"]["mean"] <= 1
    assert {"tokens in float32", "texts in float32"} < set(report["seconds"])
    assert "64 texts in bfloat16: cosine with float32 0.9999" in caplog.text


def test_an_adaptation_tells_it_too(tiny_teacher):
    texts = random_texts(400)
    embedder = StaticEmbedder(tiny_teacher, pca_dims=16).fit(texts)
    with pytest.warns(TextWarning, match="closer to the teacher"):
        embedder.adapt(texts, teacher_dtype="bfloat16", device="cpu")
    said = embedder.fit_report_["adaptation"]["teacher_dtype"]
    assert said["n_texts"] == 64 and said["cosine_of_texts"]["mean"] > 0.999
    assert "teacher_dtype" not in embedder.fit_report_  # that fit was in float32


def test_float32_is_the_default_and_says_nothing(tiny_teacher):
    plain = StaticEmbedder(tiny_teacher).fit(["a text"])
    assert "teacher_dtype" not in plain.fit_report_
    assert "teacher_dtype" not in plain.model_.config.to_dict()
    assert plain.model_ == StaticEmbedder(tiny_teacher, teacher_dtype="float32").fit(["b"]).model_


def test_vectors_that_move_far_are_warned_about():
    with pytest.warns(TextWarning, match=r"bfloat16 .* 3 texts .*0\.9967.*'float32'"):
        agreement("bfloat16", "texts", np.array([1, 1, 0.99]))


def test_cosines_of_rows():
    rows = np.array([[3, 4], [1, 0], [0, 0], [0, 0]], np.float32)
    exact = np.array([[6, 8], [0, 2], [0, 0], [1, 1]], np.float32)
    np.testing.assert_allclose(cosines(rows, exact), [1, 0, 1, 0])


def test_a_sample_reaches_from_the_first_to_the_last():
    assert sample(3, 10).tolist() == [0, 1, 2]
    assert sample(101, 3).tolist() == [0, 50, 100]
    assert len(sample(30_000, 256)) == 256


# --- What is kept ------------------------------------------------------------------------------


def test_memory_keeps_both_apart(passes, tmp_path):
    folder, count = passes
    options = {"trust_remote_code": True, "batch_size": 10_000, "memory": tmp_path / "m"}
    exact = distill(folder, pca_dims=8, **options)
    fast = distill(folder, pca_dims=8, **options, **FAST)
    assert fast != exact
    n_read = count()
    again = distill(folder, pca_dims=8, **options)
    assert again == exact and distill(folder, pca_dims=8, **options, **FAST) == fast
    assert count() == n_read
    same = [v @ v.T for v in (model.encode(TEXTS[:3]) for model in (exact, fast))]
    np.testing.assert_allclose(*same, atol=0.02)


def test_texts_that_were_read_in_float32_are_compared_without_a_pass(tiny_teacher, monkeypatch):
    texts = random_texts(400)
    read = []
    encode = type(load_files(find_teacher(tiny_teacher), "cpu")).encode

    def watched(self, batch, **options):
        read.append((self.dtype, len(batch)))
        return encode(self, batch, **options)

    monkeypatch.setattr("skm2v._distillation.teacher.teacher.Teacher.encode", watched)
    options = {"objective": "sentences", "device": "cpu"}
    for dtype in ("float32", "bfloat16"):
        with pytest.warns(TextWarning, match="do not improve"):
            StaticEmbedder(tiny_teacher, teacher_dtype=dtype, **options).fit(texts)
    assert read == [("float32", 400), ("bfloat16", 400)]


def test_what_was_read_is_used_where_there_are_no_instructions(tiny_teacher, tmp_path, monkeypatch):
    options = {"memory": tmp_path, **FAST}
    model = distill(tiny_teacher, **options)
    monkeypatch.setattr(device_module, "_processor_flags", lambda torch: {"avx2"})
    assert distill(tiny_teacher, **options) == model


def test_the_model_says_what_its_teacher_computed_in(tiny_teacher, tmp_path, capsys):
    main(["distill", str(tiny_teacher), str(tmp_path / "m"), "--teacher-dtype", "bfloat16",
          "--device", "cpu", "--quiet"])  # fmt: skip
    config = StaticModel.from_pretrained(tmp_path / "m").config
    assert config.teacher_dtype == "bfloat16"
    assert ModelConfig.from_dict(config.to_dict()) == config
    assert "bfloat16" in (tmp_path / "m" / "README.md").read_text()
    main(["info", str(tmp_path / "m")])
    assert "bfloat16" in capsys.readouterr().out


# --- Where it is refused -----------------------------------------------------------------------


@pytest.mark.parametrize("flags", [{"avx2", "avx512_f"}, set()])
def test_a_processor_without_instructions_is_an_error(tiny_teacher, monkeypatch, flags):
    monkeypatch.setattr(device_module, "_processor_flags", lambda torch: flags)
    why = "no instructions for it" if flags else "does not tell"
    with pytest.raises(TeacherError, match=f"'bfloat16' .*{why}.*'float32'"):
        distill(tiny_teacher, **FAST)
    model = transformers.AutoModel.from_pretrained(tiny_teacher)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_teacher)
    with pytest.raises(TeacherError, match=why):
        wrap_teacher(model, tokenizer, dtype="bfloat16")


@pytest.mark.parametrize("flag", ["avx512_bf16", "amx_bf16", "bf16"])
def test_processors_with_instructions(monkeypatch, flag):
    monkeypatch.setattr(device_module, "_processor_flags", lambda torch: {"sse", flag})
    check_can_compute("bfloat16", "cpu")


@pytest.mark.parametrize(("capability", "hip"), [((7, 5), None), ((8, 0), None), ((0, 0), "6.0")])
def test_graphics_processors(monkeypatch, capability, hip):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.version, "hip", hip)
    if capability >= (8, 0) or hip:
        check_can_compute("bfloat16", "cuda:0")
    else:
        with pytest.raises(TeacherError, match="this GPU has no instructions"):
            check_can_compute("bfloat16", "cuda:0")


def test_other_devices_are_refused():
    with pytest.raises(TeacherError, match="device 'mps'.*processors and CUDA devices only"):
        check_can_compute("bfloat16", "mps")
    check_can_compute("float32", "mps")


@pytest.mark.parametrize("dtype", ["float16", "int8", None, 32])
def test_other_types_are_refused(tiny_teacher, dtype):
    with pytest.raises(ValueError, match="teacher_dtype must be 'float32' or 'bfloat16'; got"):
        distill(tiny_teacher, teacher_dtype=dtype)
    with pytest.raises(ValueError, match="'teacher_dtype' parameter of StaticEmbedder"):
        StaticEmbedder(tiny_teacher, teacher_dtype=dtype).fit(["a text"])


def test_a_static_source_has_no_use_for_it(tiny_static):
    with pytest.raises(ValueError, match="no effect: teacher_dtype='bfloat16'"):
        StaticEmbedder(tiny_static, teacher_dtype="bfloat16").fit(["a text"])


class TestWhatTells:
    """Torch says what the processor has; an older one does not, and Linux does."""

    @pytest.fixture(autouse=True)
    def _able(self):
        """Ask the real function."""

    def test_torch(self):
        told = {"avx512_bf16": True, "avx2": False, "cpu_name": "bf16", "n": 1}
        fake = SimpleNamespace(cpu=SimpleNamespace(get_capabilities=lambda: told))
        assert device_module._processor_flags(fake) == {"avx512_bf16"}

    @pytest.mark.parametrize("line", ["flags\t\t: fpu amx_bf16 avx", "Features\t: fp bf16"])
    def test_linux(self, tmp_path, monkeypatch, line):
        path = tmp_path / "cpuinfo"
        path.write_text(f"processor\t: 0\n{line}\nbugs\t\t: avx512_bf16_bug\n\n" * 2)
        monkeypatch.setattr(device_module, "_CPUINFO", path)
        flags = device_module._processor_flags(SimpleNamespace(cpu=SimpleNamespace()))
        assert flags & {"amx_bf16", "bf16"} and "avx512_bf16_bug" not in flags

    def test_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setattr(device_module, "_CPUINFO", tmp_path / "none")
        assert device_module._processor_flags(SimpleNamespace(cpu=SimpleNamespace())) == set()
