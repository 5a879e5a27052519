"""A grid search pays for one pass through the teacher; the teacher itself keeps count.

The teacher is a tiny BERT with code of its own that appends the number of sequences of every
forward pass to a file, from whatever process it runs in. One pass embeds every token once.
"""

from __future__ import annotations

import json
import os

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skm2v import StaticEmbedder
from skm2v._distillation import clear_recent
from tests import tiny
from tests.classifier.conftest import labelled

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
    """Search 4 pca_dims x 3 C x 5 folds, or another grid; return parameters and their scores."""
    texts, y = labelled(2, n=120)
    embedder = StaticEmbedder(teacher, trust_remote_code=True, memory=memory)
    pipeline = make_pipeline(embedder, LogisticRegression(max_iter=1000))
    grid = grid or {"pca_dims": [1, 8, 16, 32]}
    grid = {f"staticembedder__{name}": values for name, values in grid.items()}
    grid["logisticregression__C"] = [0.1, 1.0, 10.0]
    result = GridSearchCV(pipeline, grid, cv=5, n_jobs=n_jobs).fit(texts, y)
    scores = result.cv_results_["mean_test_score"].tolist()
    tried = [list(one) for one in zip(result.cv_results_["params"], scores, strict=True)]
    return [tried, result.best_params_]  # as JSON gives it back


def test_one_pass_in_one_process(counter):
    search(counter.teacher, None, n_jobs=1)  # 61 fits
    assert list(counter.read().values()) == [counter.n_tokens]


def test_a_search_finds_what_is_better(counter):
    tried, best = search(counter.teacher, None, n_jobs=1)
    assert best["staticembedder__pca_dims"] == 32
    assert best["logisticregression__C"] == 10
    assert all(np.isfinite(score) for _, score in tried)
    best_score = max(score for _, score in tried)
    assert 0.7 < best_score <= 1
    narrow = [score for params, score in tried if params["staticembedder__pca_dims"] == 1]
    assert max(narrow) < best_score - 0.2  # one dimension is clearly too few


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
