"""Files that announce more than they hold: refused within 2 seconds and 300 MB (P23)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.model.forge import contents, forge_model2vec, tiny_model, write_header

ROOT = Path(__file__).parents[2]
LOAD = """
import json, resource, sys, time
from pathlib import Path
from skm2v import StaticModel
from skm2v.exceptions import ModelFormatError
unit = 1 if sys.platform == "darwin" else 1024
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
folder = Path(sys.argv[1])
StaticModel.from_pretrained(folder / "good")
costs = {}
for path in sorted(folder.glob("bad*")):
    before, start = peak(), time.process_time()
    try:
        StaticModel.from_pretrained(path)
    except ModelFormatError:
        costs[path.name] = [time.process_time() - start, peak() - before]
print(json.dumps(costs))
"""


def with_tokenizer(change):
    def write(folder: Path) -> None:
        content = contents(tiny_model())
        content["tokenizer"] = change(content["tokenizer"])
        forge_model2vec(folder, **content)

    return write


def with_header(text: bytes):
    def write(folder: Path) -> None:
        folder.mkdir()
        write_header(folder / "model.safetensors", text, b"")

    return write


def holes(spec):
    spec["model"]["vocab"]["the"] = 10**7
    return spec


def doubling(spec):
    double = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
    spec["normalizer"] = {"type": "Sequence", "normalizers": [double] * 30}
    return spec


def with_metadata(text: str):
    return with_header(json.dumps({"__metadata__": "?"}).replace('"?"', text).encode())


MANY_KEYS = "{" + ",".join(f'"{i}":""' for i in range(2_500_000)) + "}"
ENTRY = '"%d":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
CASES = {
    "40 GB tensor": with_header(
        b'{"embeddings":{"dtype":"F32","shape":[100000,100000],"data_offsets":[0,40000000000]}}'
    ),
    "100,000 tensors": with_header(
        ("{" + ",".join(ENTRY % i for i in range(100_000)) + "}").encode()
    ),
    "90 MB header": with_header(b"{" + b" " * (90 << 20) + b"}"),
    "60 MB of brackets": with_header(b"[" + b"[]," * (20 << 20) + b"[]]"),
    "deep header": with_header(b"[" * 10_000_000),
    "huge integer": with_header(b'{"a":' + b"9" * 10_000_000 + b"}"),
    "2.5 million metadata": with_metadata(MANY_KEYS),
    "2.5 million settings": with_metadata(json.dumps({"skm2v": MANY_KEYS})),
    "holes in the vocabulary": with_tokenizer(holes),
    "doubling normalizers": with_tokenizer(doubling),
    "deep tokenizer": with_tokenizer(lambda spec: '{"model":' * 1_000_000),
}


@pytest.mark.skipif(os.name != "posix", reason="needs a measure of memory")
def test_the_cost_of_a_refusal_is_bounded(tmp_path):
    tiny_model().save_pretrained(tmp_path / "good")
    for name, write in CASES.items():
        write(tmp_path / f"bad {name}")
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
    )
    costs = json.loads(done.stdout)
    assert set(costs) == {f"bad {name}" for name in CASES}, "some were not refused"
    assert {name: seconds for name, (seconds, _) in costs.items() if seconds > 2} == {}
    # The peak of a process never falls, so the sum is a bound for each of them.
    assert sum(n_bytes for _, n_bytes in costs.values()) < 300e6
