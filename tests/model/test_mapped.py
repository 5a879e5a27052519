"""Models whose file is mapped into memory: what P14, P16, P19 and P25 say holds for them too."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skm2v import StaticModel
from skm2v.exceptions import ModelFormatError
from tests import tiny
from tests.model.forge import tiny_model
from tests.model.test_save_load import full_model

FIXTURES = Path(__file__).parent / "fixtures"
TEXTS = list(tiny.SENTENCES[:10])


def is_mapped(array: object) -> bool:
    """Whether an array is a view of a mapped file."""
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, memoryview) and isinstance(array.obj, mmap.mmap)


def same(mapped: StaticModel, model: StaticModel) -> None:
    assert mapped == model and mapped.sha256 == model.sha256
    pooled = [
        one.pooler.pool(TEXTS, max_length=None, normalize=True).vectors for one in (mapped, model)
    ]
    np.testing.assert_array_equal(*pooled)


@pytest.mark.parametrize("kind", tiny.KINDS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
@pytest.mark.parametrize("make", [tiny_model, full_model])
def test_a_mapped_model_is_the_model(tmp_path, kind, dtype, make):
    model = make(kind, dtype)
    model.save_pretrained(tmp_path)
    mapped = StaticModel.from_pretrained(tmp_path, mmap=True)
    same(mapped, model)
    assert is_mapped(mapped.embedding) and not mapped.embedding.flags.writeable
    # What the kernel goes by was checked once, and cannot be changed by way of the file.
    for array in (mapped.mapping, mapped.pairs):
        assert array is None or (not is_mapped(array) and not array.flags.writeable)
    same(StaticModel.from_pretrained(tmp_path / "model.safetensors", mmap=True), model)


@pytest.mark.parametrize("name", sorted(path.name for path in FIXTURES.iterdir()))
def test_models_of_others_are_mapped_too(name):
    same(
        StaticModel.from_pretrained(FIXTURES / name, mmap=True),
        StaticModel.from_pretrained(FIXTURES / name),
    )


def test_a_mapped_model_is_copied_and_changed_like_any_other(tmp_path):
    full_model().save_pretrained(tmp_path)
    mapped = StaticModel.from_pretrained(tmp_path, mmap=True, quantize_to="int8", dimensionality=2)
    assert not is_mapped(mapped.embedding)
    same(mapped, full_model().with_dimensions(2).quantized("int8"))


def test_every_flipped_byte_is_found(tmp_path):
    full_model("wordpiece", "float16").save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    content = path.read_bytes()
    for position in np.linspace(0, len(content) - 1, 300).astype(int):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(ModelFormatError):
            StaticModel.from_pretrained(tmp_path, mmap=True)
    for length in (0, 7, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(ModelFormatError):
            StaticModel.from_pretrained(tmp_path, mmap=True)


def test_another_file_than_the_pinned_one_is_refused(tmp_path):
    tiny_model().save_pretrained(tmp_path)
    with pytest.raises(ModelFormatError, match="was expected"):
        StaticModel.from_pretrained(tmp_path, mmap=True, sha256="0" * 64)


@pytest.mark.skipif(os.name == "nt", reason="Windows does not replace a mapped file")
def test_a_save_over_a_mapped_file_changes_nothing(tmp_path):
    old, new = tiny_model(), full_model()
    old.save_pretrained(tmp_path)
    mapped = StaticModel.from_pretrained(tmp_path, mmap=True)
    new.save_pretrained(tmp_path)
    same(mapped, old)
    same(StaticModel.from_pretrained(tmp_path, mmap=True), new)
    mapped.save_pretrained(tmp_path)  # over the file that another one is mapped from
    same(StaticModel.from_pretrained(tmp_path, mmap=True), old)


CHANGED = """
import sys
from pathlib import Path
from skm2v import StaticModel
from tests import tiny
path = Path(sys.argv[1])
model = StaticModel.from_pretrained(path, mmap=True)
model.encode(list(tiny.SENTENCES[:1]))
with path.open("r+b") as file:
    {change}
print(model.encode(list(tiny.SENTENCES)).shape)
"""


def run_while_changing(path: Path, change: str) -> subprocess.CompletedProcess[str]:
    program = CHANGED.format(change=change)
    command = [sys.executable, "-W", "ignore", "-c", program, str(path)]
    return subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])


@pytest.mark.skipif(os.name == "nt", reason="Windows does not write into a mapped file")
def test_writing_into_a_mapped_file_changes_vectors_and_crashes_nothing(tmp_path):
    """Row numbers far out of the table among what is written: nobody looks at them again."""
    full_model().save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    size = path.stat().st_size
    done = run_while_changing(path, f"file.write(b'\\x3f' * {size})")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str((len(tiny.SENTENCES), full_model().dim))


@pytest.mark.skipif(os.name == "nt", reason="Windows does not shorten a mapped file")
def test_shortening_a_mapped_file_ends_the_process(tmp_path):
    """As the guide says: there is nothing left to read, and no error that Python could raise."""
    tiny_model().save_pretrained(tmp_path)
    done = run_while_changing(tmp_path / "model.safetensors", "file.truncate(0)")
    assert done.returncode in (-signal.SIGBUS, -signal.SIGSEGV), (done.returncode, done.stderr)
    assert done.stdout == ""
