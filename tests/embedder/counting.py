"""A teacher that counts: it appends the number of sequences of every forward pass to a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from skm2v import distill
from skm2v._distillation import clear_recent
from skm2v._distillation.teacher_pass.text_vectors import forget_texts
from tests import tiny

ROOT = Path(__file__).parents[2]

COUNTING_MODEL = """
import os
from transformers import BertModel

class CountingBert(BertModel):
    def forward(self, input_ids=None, **kwargs):
        count = os.environ["COUNT_FILE"]
        if "KILL_AFTER" in os.environ:
            with open(count) as file:
                read = sum(int(line.split()[1]) for line in file)
            if read >= int(os.environ["KILL_AFTER"]):
                os.kill(os.getpid(), 9)
        with open(count, "a") as file:
            file.write(f"{os.getpid()} {len(input_ids)}\\n")
        return super().forward(input_ids=input_ids, **kwargs)
"""


class Counter:
    """Tokens embedded by a teacher since the last reading, per process."""

    def __init__(self, path, teacher):
        self.path = path
        self.teacher = str(teacher)
        self.n_tokens = len(distill(self.teacher).tokens)
        self.read()
        clear_recent()

    def read(self):
        lines = self.path.read_text().split("\n")[:-1] if self.path.exists() else []
        self.path.write_text("")
        tokens: dict[str, int] = {}
        for process, n_sequences in map(str.split, lines):
            tokens[process] = tokens.get(process, 0) + int(n_sequences)
        return tokens

    def run(self, code, memory=None, **environment):
        """Run code in a new process, with the teacher and the cache as its argument."""
        arguments = json.dumps([self.teacher, memory and str(memory)])
        return subprocess.run(
            [sys.executable, "-W", "error::UserWarning", "-c", code, arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
        )


@pytest.fixture
def counter(tmp_path, monkeypatch):
    """Count of a new teacher with code of its own."""
    folder = tiny.write_sentence_transformer(tmp_path / "teacher")
    (folder / "counting.py").write_text(COUNTING_MODEL)
    config = json.loads((folder / "config.json").read_text())
    plain = Counter(tmp_path / "count.txt", folder)
    config["auto_map"] = {"AutoModel": "counting.CountingBert"}
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setenv("COUNT_FILE", str(plain.path))
    # Where transformers copies a teacher's code to; set for this process and for new ones.
    import transformers.dynamic_module_utils

    forget_texts()
    modules = str(tmp_path / "modules")
    monkeypatch.setenv("HF_MODULES_CACHE", modules)
    monkeypatch.setattr(transformers.dynamic_module_utils, "HF_MODULES_CACHE", modules)
    monkeypatch.syspath_prepend(modules)
    return plain
