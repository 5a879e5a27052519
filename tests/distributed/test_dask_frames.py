"""Frames of Dask: lazy, the same rows, the same vectors to the bit, also if a worker dies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dask.dataframe
import numpy as np
import pandas
import pytest

from skm2v import StaticModel, StaticTextClassifier
from skm2v.datasets import load_sms_spam
from skm2v.distributed import embed, predict
from skm2v.exceptions import TextTypeError

TEXTS = load_sms_spam(subset="test", return_X_y=True)[0][:200]


@pytest.fixture(scope="module")
def model():
    return StaticModel.from_pretrained("default")


@pytest.fixture(scope="module")
def frame():
    index = pandas.Index(np.arange(len(TEXTS)) * 2, name="key")
    data = {"text": TEXTS, "n": np.arange(len(TEXTS))}
    return dask.dataframe.from_pandas(pandas.DataFrame(data, index=index), npartitions=7)


def test_vectors_of_a_frame(frame, model):
    lazy = embed(frame, "text", model)
    assert lazy.npartitions == frame.npartitions
    assert lazy.divisions == frame.divisions
    made = lazy.compute(scheduler="synchronous")
    assert made.dtypes.equals(lazy.dtypes)
    pandas.testing.assert_frame_equal(made[["text", "n"]], frame.compute(scheduler="synchronous"))
    vectors = np.stack(made["vector"].to_numpy())
    np.testing.assert_array_equal(vectors, model.encode(TEXTS))


def test_predictions_of_a_frame(frame):
    classifier = StaticTextClassifier().fit(TEXTS[:40], ["a", "b"] * 20)
    made = predict(frame, "text", classifier).compute(scheduler="synchronous")
    assert made["prediction"].tolist() == classifier.predict(TEXTS).tolist()
    lazy = predict(frame, "text", classifier, method="predict_proba", output="shares")
    shares = np.stack(lazy.compute(scheduler="synchronous")["shares"].to_numpy())
    np.testing.assert_array_equal(shares, classifier.predict_proba(TEXTS))


def test_bad_input_is_named(frame, model):
    with pytest.raises(TextTypeError, match="Expected a Dask frame; got DataFrame"):
        embed(pandas.DataFrame({"text": TEXTS}), "text", model)
    with pytest.raises(ValueError, match=r"no column 'body', but \['text', 'n'\]"):
        embed(frame, "body", model)
    with pytest.raises(ValueError, match="has a column 'n' already"):
        embed(frame, "text", model, output="n")


# A script of its own: workers are processes, which import the main module again. One kills its own
# process in the middle of the work, once.
CLUSTER = """
import os, signal, sys, warnings
import dask.dataframe, numpy as np, pandas
from distributed import Client, LocalCluster
from skm2v import StaticModel
from skm2v.datasets import load_sms_spam
from skm2v.distributed import embed

def fragile(part, mark):
    if len(part) and part.index[0] >= 100 and not os.path.exists(mark):
        open(mark, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return part

if __name__ == "__main__":
    warnings.filterwarnings("error", message="Sending large graph")
    texts = load_sms_spam(subset="test", return_X_y=True)[0][:200]
    model = StaticModel.from_pretrained("default")
    frame = dask.dataframe.from_pandas(pandas.DataFrame({"text": texts}), npartitions=6)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with Client(cluster):
            lazy = embed(frame, "text", model)
            made = lazy.map_partitions(fragile, sys.argv[1], meta=lazy._meta).compute()
    assert os.path.exists(sys.argv[1])
    assert np.array_equal(np.stack(made["vector"].to_numpy()), model.encode(texts))
    print("equal")
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_two_processes_of_which_one_is_killed(tmp_path):
    script = tmp_path / "cluster.py"
    script.write_text(CLUSTER)
    root = str(Path(__file__).parents[2])
    run = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "killed")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert run.stdout.splitlines()[-1:] == ["equal"], run.stderr[-3000:]
