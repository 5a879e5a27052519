"""P15: a pickle of a fitted pipeline needs neither the teacher's libraries nor a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import joblib
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skm2v import StaticEmbedder
from tests import tiny

ROOT = Path(__file__).parents[2]
TEXTS = list(tiny.SENTENCES)
LABELS = [("free" in text or "you" in text) * 1 for text in TEXTS]

PREDICT = """
import json, os, socket, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "transformers", "huggingface_hub", "pandas"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())

def refuse(event, args):
    if event.startswith("socket."):
        raise PermissionError(f"{event} {args}")
    if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR):
        if args[0] != os.devnull:
            raise PermissionError(f"writes {args[0]}")

sys.addaudithook(refuse)
import joblib
fitted = joblib.load(sys.argv[1])
texts = json.loads(sys.argv[2])
predicted = fitted.predict(texts)
print(json.dumps([predicted.tolist(), fitted.predict_proba(texts).tolist()]))
"""


@pytest.fixture(scope="module")
def fitted(tiny_teacher):
    pipeline = make_pipeline(StaticEmbedder(str(tiny_teacher)), LogisticRegression())
    grid = {"staticembedder__pca_dims": [4, 8]}
    return {
        "Pipeline": make_pipeline(StaticEmbedder(str(tiny_teacher)), LogisticRegression()).fit(
            TEXTS, LABELS
        ),
        "GridSearchCV": GridSearchCV(pipeline, grid, cv=2).fit(TEXTS, LABELS),
    }


@pytest.mark.parametrize("kind", ["Pipeline", "GridSearchCV"])
def test_predicts_where_the_teacher_could_not_run(fitted, kind, tmp_path, tiny_teacher):
    expected = fitted[kind]
    joblib.dump(expected, tmp_path / "model.joblib")
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("HF_", "XDG_"))
    }
    environment |= {"HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", PREDICT, "model.joblib", json.dumps(TEXTS)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    predicted, probabilities = json.loads(run.stdout)
    assert predicted == expected.predict(TEXTS).tolist()
    assert probabilities == expected.predict_proba(TEXTS).tolist()
    assert list(home.iterdir()) == []


def test_the_teacher_is_not_in_the_pickle(fitted, tmp_path):
    joblib.dump(fitted["Pipeline"], tmp_path / "model.joblib")
    data = (tmp_path / "model.joblib").read_bytes()
    for word in (b"torch", b"transformers.", b"BertModel"):
        assert word not in data
