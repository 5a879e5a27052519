"""``objective="sentences"``: the teacher reads a text once, whoever asks and whatever happens.

Whether one process asks or several, in folds and grids, through joblib's backends, or again after
a kill, a counting teacher has seen each different text and each token one time.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skm2v import StaticEmbedder
from skm2v._distillation import clear_recent
from skm2v._distillation.teacher_pass.text_vectors import PIECE, forget_texts
from tests import tiny

N_SEARCHED = 500
N_FITTED = 5 * PIECE


def random_texts(n_texts):
    rng = np.random.default_rng(0)
    texts = {f"{i} " + " ".join(rng.choice(tiny.WORDS, rng.integers(3, 8))) for i in range(n_texts)}
    return sorted(texts)


def fit(teacher, memory):
    embedder = StaticEmbedder(
        teacher, objective="sentences", pca_dims=8, trust_remote_code=True, memory=memory
    )
    return embedder.fit(random_texts(N_FITTED))


def search(teacher, memory, n_jobs):
    """Search 4 points of a grid with 2 folds, and return the scores."""
    texts = random_texts(N_SEARCHED)
    embedder = StaticEmbedder(teacher, objective="sentences", trust_remote_code=True, memory=memory)
    pipeline = make_pipeline(embedder, LogisticRegression())
    grid = {
        "staticembedder__pca_dims": [4, 16],
        "staticembedder__ngram_range": [(1, 1), (1, 2)],
    }
    y = ["you" in text.split() for text in texts]
    result = GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs).fit(texts * 2, y * 2)
    return result.cv_results_["mean_test_score"].tolist()


SEARCH = """
import json, sys, warnings
warnings.simplefilter("ignore")
from tests.embedder.test_sentence_search import search
print(json.dumps(search(*json.loads(sys.argv[1]), n_jobs=2)))
"""

FIT = """
import json, sys
from tests.embedder.test_sentence_search import fit
fit(*json.loads(sys.argv[1]))
"""

LOKY = """
import json, os, sys
import joblib
from tests.embedder.test_sentence_search import fit
with joblib.parallel_config("loky", n_jobs=2):
    model = fit(*json.loads(sys.argv[1])).model_
print(json.dumps([os.getpid(), model.encode(["free money for you"])[0].tolist()]))
"""

DASK = """
import json, os, sys
import joblib
from distributed import Client, LocalCluster
from tests.embedder.test_sentence_search import fit
if __name__ == "__main__":
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
        joblib.parallel_config("dask"),
    ):
        model = fit(*json.loads(sys.argv[1])).model_
    print(json.dumps([os.getpid(), model.encode(["free money for you"])[0].tolist()]))
"""


@pytest.mark.filterwarnings("ignore::skm2v.exceptions.TextWarning")
def test_folds_and_grid_points_share_one_pass(counter, tmp_path):
    one = search(counter.teacher, None, n_jobs=1)  # 9 fits
    assert list(counter.read().values()) == [counter.n_tokens + N_SEARCHED]
    done = counter.run(SEARCH, tmp_path / "memory")
    assert done.returncode == 0, done.stderr
    assert sum(counter.read().values()) == counter.n_tokens + N_SEARCHED
    np.testing.assert_allclose(json.loads(done.stdout), one, atol=0.02)
    # The cache outlives the processes.
    clear_recent()
    forget_texts()
    search(counter.teacher, str(tmp_path / "memory"), n_jobs=1)
    assert counter.read() == {}


def test_a_pass_killed_at_four_fifths_leaves_one_fifth(counter, tmp_path):
    memory, read = tmp_path / "memory", counter.n_tokens + 4 * PIECE
    done = counter.run(FIT, memory, KILL_AFTER=str(read + PIECE // 2))
    assert done.returncode == -9, done.stderr
    assert read < sum(counter.read().values()) < read + PIECE
    resumed = fit(counter.teacher, str(memory)).model_
    assert sum(counter.read().values()) == PIECE
    forget_texts()
    clear_recent()
    whole = fit(counter.teacher, None).model_
    np.testing.assert_allclose(
        resumed.embedding.astype(float), whole.embedding.astype(float), atol=2e-3
    )


@pytest.mark.parametrize("code", [LOKY, DASK], ids=["loky", "dask"])
def test_workers_share_the_pass(counter, tmp_path, code):
    if code is DASK:
        pytest.importorskip("distributed")
    done = counter.run(code, tmp_path / "memory")
    assert done.returncode == 0, done.stderr
    process, vector = json.loads(done.stdout.splitlines()[-1])
    passes = counter.read()
    # The process itself reads the tokens; its workers, the texts (one of them, if it is fast).
    assert passes.pop(str(process)) == counter.n_tokens
    assert 1 <= len(passes) <= 2
    assert sum(passes.values()) == N_FITTED
    alone = fit(counter.teacher, None).model_.encode(["free money for you"])[0]
    np.testing.assert_allclose(vector, alone, atol=1e-3)
