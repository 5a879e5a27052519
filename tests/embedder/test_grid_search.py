"""A grid search pays for one pass through the teacher; the teacher itself keeps count.

The teacher is a tiny BERT with code of its own that appends the number of sequences of every
forward pass to a file, from whatever process it runs in. One pass embeds every token once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skm2v import StaticEmbedder, distill
from skm2v.distill import clear_recent
from tests import tiny

ROOT = Path(__file__).parents[2]

COUNTING_MODEL = """
import os
from transformers import BertModel

class CountingBert(BertModel):
    def forward(self, input_ids=None, **kwargs):
        with open(os.environ["COUNT_FILE"], "a") as file:
            file.write(f"{os.getpid()} {len(input_ids)}\\n")
        return super().forward(input_ids=input_ids, **kwargs)
"""

SCRIPT = """
import json, sys
from tests.embedder.test_grid_search import search
teacher, memory = json.loads(sys.argv[1])
print(json.dumps(search(teacher, memory, n_jobs=2)))
"""

KILLED = """
import json, os, sys
import transformers
transformers.BertModel.forward = lambda *args, **kwargs: os.kill(os.getpid(), 9)
from skm2v import StaticEmbedder
teacher, memory = json.loads(sys.argv[1])
StaticEmbedder(teacher, trust_remote_code=True, memory=memory).fit(["a"])
"""


def search(teacher, memory, *, n_jobs, **grid):
    """Search 4 pca_dims x 3 C x 5 folds, or another grid, and return the scores."""
    texts = list(tiny.SENTENCES)
    y = [int("free" in text or "you" in text) for text in texts]
    embedder = StaticEmbedder(teacher, trust_remote_code=True, memory=memory)
    pipeline = make_pipeline(embedder, LogisticRegression(max_iter=1000))
    grid = grid or {"pca_dims": [4, 8, 16, 32]}
    grid = {f"staticembedder__{name}": values for name, values in grid.items()}
    grid["logisticregression__C"] = [0.1, 1.0, 10.0]
    result = GridSearchCV(pipeline, grid, cv=5, n_jobs=n_jobs).fit(texts, y)
    scores = result.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    return [scores.tolist(), result.best_score_]


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

    def run(self, code, memory=None):
        arguments = json.dumps([self.teacher, memory and str(memory)])
        return subprocess.run(
            [sys.executable, "-W", "error::UserWarning", "-c", code, arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
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

    modules = str(tmp_path / "modules")
    monkeypatch.setenv("HF_MODULES_CACHE", modules)
    monkeypatch.setattr(transformers.dynamic_module_utils, "HF_MODULES_CACHE", modules)
    monkeypatch.syspath_prepend(modules)
    return plain


def test_one_pass_in_one_process(counter):
    search(counter.teacher, None, n_jobs=1)  # 61 fits
    assert list(counter.read().values()) == [counter.n_tokens]


def test_weights_and_settings_cost_no_pass(counter):
    grid = {
        "pca_dims": [8, 0.9],
        "sif_coefficient": [1e-4, 1e-2, None],
        "normalize": [True, False],
    }
    search(counter.teacher, None, n_jobs=1, **grid)
    assert list(counter.read().values()) == [counter.n_tokens]


def test_one_pass_in_all_with_a_cold_memory_and_two_jobs(counter, tmp_path):
    memory = tmp_path / "memory"
    done = counter.run(SCRIPT, memory)
    assert done.returncode == 0, done.stderr
    two = json.loads(done.stdout)
    assert list(counter.read().values()) == [counter.n_tokens]
    # The cache outlives the processes: no pass at all here, and the same scores.
    assert search(counter.teacher, str(memory), n_jobs=1) == two
    assert counter.read() == {}
    # P13: a damaged entry is computed again.
    entries = [path for path in memory.rglob("*") if path.is_file() and path.stat().st_size > 1000]
    assert entries
    for path in entries:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0x10
        path.write_bytes(data)
    clear_recent()
    assert search(counter.teacher, str(memory), n_jobs=1) == two
    assert sum(counter.read().values()) == counter.n_tokens


def test_without_memory_at_most_one_pass_per_process(counter):
    done = counter.run(SCRIPT)
    assert done.returncode == 0, done.stderr
    passes = counter.read()
    assert 1 <= len(passes) <= 3
    assert set(passes.values()) == {counter.n_tokens}


def test_a_process_killed_in_the_pass_leaves_the_cache_usable(counter, tmp_path):
    memory = tmp_path / "memory"
    assert counter.run(KILLED, memory).returncode == -9
    embedder = StaticEmbedder(counter.teacher, trust_remote_code=True, memory=memory)
    assert embedder.fit(["a"]).n_components_ == 32
    assert counter.read()[str(os.getpid())] == counter.n_tokens


def test_rows_of_fewer_dimensions_are_a_prefix(tiny_teacher):
    """P9, on the stored rows and on the vectors of texts."""
    texts = list(tiny.SENTENCES)

    def fit(pca_dims):
        embedder = StaticEmbedder(
            tiny_teacher, pca_dims=pca_dims, quantize_to="float32", normalize=False
        )
        return embedder.fit(texts)

    wide = fit(32)
    for pca_dims in (1, 8, 31):
        narrow = fit(pca_dims)
        np.testing.assert_array_equal(narrow.embedding_, wide.embedding_[:, :pca_dims])
        np.testing.assert_array_equal(narrow.transform(texts), wide.transform(texts)[:, :pca_dims])


def test_fit_does_not_depend_on_the_texts(tiny_teacher):
    first = StaticEmbedder(tiny_teacher).fit(["one"])
    assert first.model_ == StaticEmbedder(tiny_teacher).fit(list(tiny.SENTENCES)).model_
