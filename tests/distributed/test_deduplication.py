"""`deduplicate` of Dask frames: the groups of one machine, whatever the partitions."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import dask
import dask.dataframe
import numpy as np
import pandas
import pytest

from skm2v import Deduplicator, StaticModel
from skm2v._distributed.links import WITHIN, Plan, meetings, names_of
from skm2v._distributed.nodes import different_texts, joined
from skm2v.datasets import load_sms_spam
from skm2v.distributed import deduplicate
from skm2v.exceptions import TextTypeError, TextValueError, TextWarning

THRESHOLD = 0.8


@pytest.fixture(autouse=True)
def _one_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


def some_texts(n=200):
    texts = list(load_sms_spam(subset="train", return_X_y=True)[0][:n])
    texts += [text.upper() for text in texts[::7]] + ["", "", " ", "x", "Straße", "STRASSE"]
    np.random.default_rng(0).shuffle(texts)
    return texts


def frame_of(texts, npartitions):
    index = pandas.Index(np.arange(len(texts)) * 3, name="key")
    data = {"text": texts, "n": np.arange(len(texts))}
    return dask.dataframe.from_pandas(pandas.DataFrame(data, index=index), npartitions=npartitions)


@pytest.fixture(scope="module")
def texts():
    return some_texts()


@pytest.fixture(scope="module")
def alone(texts):
    return Deduplicator(threshold=THRESHOLD).fit(texts)


@pytest.mark.parametrize(
    ("npartitions", "options"),
    [
        (1, {"exact": True}),
        (4, {"exact": True}),
        (7, {"exact": True, "max_rows": 150}),
        (3, {"exact": True, "max_links": 10}),
        (3, {"exact": True, "max_links": 0}),
        (3, {"n_cells": 1}),
        (4, {"n_cells": 5, "n_probes": 5}),
        (2, {"n_cells": 5, "n_probes": 5, "max_rows": 60}),
    ],
)
def test_groups_are_those_of_one_machine(texts, alone, npartitions, options):
    frame = frame_of(texts, npartitions)
    lazy = deduplicate(frame, "text", threshold=THRESHOLD, **options)
    assert (lazy.npartitions, lazy.divisions) == (frame.npartitions, frame.divisions)
    made = lazy.compute()
    assert made.dtypes.equals(lazy.dtypes)
    pandas.testing.assert_frame_equal(made[["text", "n"]], frame.compute())
    np.testing.assert_array_equal(made["group"], alone.representatives_)
    np.testing.assert_array_equal(made["is_duplicate"], alone.is_duplicate_)
    assert made["is_duplicate"].sum() > 30


def test_groups_of_cells_do_not_depend_on_partitions_and_are_duplicates(texts):
    model = StaticModel.from_pretrained("default")
    one, other = (
        deduplicate(
            frame_of(texts, n), "text", model, threshold=THRESHOLD, n_cells=20, max_rows=rows
        ).compute()
        for n, rows in ((2, 65_536), (5, 30))
    )
    pandas.testing.assert_frame_equal(one, other)
    lost = np.flatnonzero(one["is_duplicate"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TextWarning)
        vectors = model.encode(texts).astype(np.float64)
    kept = one["group"].to_numpy()[lost]
    same = [
        texts[i].casefold().split() == texts[j].casefold().split()
        for i, j in zip(lost, kept, strict=True)
    ]
    cosines = (vectors[lost] * vectors[kept]).sum(axis=1)
    assert (np.array(same) | (cosines > THRESHOLD - 1e-6)).all()
    assert not one["is_duplicate"].to_numpy()[kept].any()


def test_texts_are_compared_as_they_are_where_that_is_asked_for():
    frame = frame_of(["A cat", "a cat", "a cat", "no"], 2)
    made = deduplicate(frame, "text", exact=True, normalize_text="none", threshold=1.0).compute()
    alone = Deduplicator(normalize_text="none", threshold=1.0).fit(
        ["A cat", "a cat", "a cat", "no"]
    )
    assert made["group"].tolist() == alone.representatives_.tolist()


def test_partitions_without_rows_and_a_frame_without_any():
    frame = frame_of(["a cat", "A cat", "a dog"], 3)
    frame = frame[frame["n"] != 1]
    made = deduplicate(frame, "text").compute()
    assert made["group"].tolist() == [0, 1]
    nothing = deduplicate(frame[frame["n"] < 0], "text", exact=True).compute()
    assert nothing.columns.tolist() == ["text", "n", "group", "is_duplicate"]
    assert len(nothing) == 0
    assert len(deduplicate(frame[frame["n"] < 0], "text").compute()) == 0


def test_every_two_texts_of_a_cell_meet_once():
    n = 60
    nodes = joined(different_texts(pandas.DataFrame({"t": map(str, range(n))}), "t", "none", 0, 0))
    cells = {
        "cell0": np.arange(n, dtype=np.int32) % 3,
        "cell1": (np.arange(n, dtype=np.int32) + 1) % 3,
    }
    nodes = nodes.assign(**cells)
    sizes = np.bincount(nodes[names_of(2)].to_numpy().reshape(-1))
    plan = Plan.of(sizes, 15, 4)
    assert (plan.pieces > 1).all()
    met = meetings(nodes, plan, 2)
    assert met["dealt"].max() < plan.n_parts
    pairs = []
    for _, task in met.groupby("task"):
        rows = task[["node", "side", "is_stored"]].to_numpy().tolist()
        pairs += [
            tuple(sorted((a, b)))
            for a, side, stored in rows
            for b, other, also_stored in rows
            if (stored or also_stored) and a != b
            if (side == other == WITHIN and a < b) or (side == 0 and other == 1)
        ]
    cell = dict(zip(nodes["node"], nodes["cell0"], strict=True))
    together = {(a, b) for a in range(n) for b in range(a) if cell[a] == cell[b]}
    for a, b in together:
        assert pairs.count((b, a)) == 1
    assert {pair for pair in pairs if pairs.count(pair) == 1} >= {(b, a) for a, b in together}


def test_bad_input_is_named(texts):
    frame = frame_of(texts, 2)
    with pytest.raises(TextTypeError, match="Expected a Dask frame; got DataFrame"):
        deduplicate(pandas.DataFrame({"text": texts}), "text")
    for column, options, match in (
        ("body", {}, "no column 'body'"),
        ("text", {"group": "n"}, "has a column 'n' already"),
        ("text", {"is_duplicate": "group"}, "another name than group"),
        ("text", {"threshold": 0}, "threshold must be a cosine"),
        ("text", {"n_cells": 0}, "n_cells must be a number"),
        ("text", {"n_probes": 0}, "n_probes must be a number"),
        ("text", {"max_rows": 1}, "max_rows must be a number"),
        ("text", {"max_links": -1}, "max_links must be a number"),
        ("text", {"normalize_text": "lower"}, "normalize_text must be"),
    ):
        with pytest.raises(ValueError, match=match):
            deduplicate(frame, column, **options)
    missing = dask.dataframe.from_pandas(
        pandas.DataFrame({"text": ["a", "b", None]}), npartitions=3
    )
    with pytest.raises(TextValueError, match=r"In partition 2: Missing texts in rows 0"):
        deduplicate(missing, "text", exact=True)


def test_a_frame_that_is_another_one_when_it_is_read_again():
    more = []
    frame = frame_of(["a", "b", "a", "b"], 1)
    frame = frame.map_partitions(
        lambda part: part.assign(text=[*more, *part["text"]][: len(part)]), meta=frame._meta
    )
    lazy = deduplicate(frame, "text", exact=True)
    more.append("c")
    with pytest.raises(ValueError, match="Partition 0 has other rows"):
        lazy.compute()


# Workers are processes, which import the main module again. One kills its own process, once, while
# texts are embedded to be compared.
CLUSTER = """
import os, signal, sys, warnings
import dask.dataframe, numpy as np, pandas
from distributed import Client, LocalCluster
from skm2v import Deduplicator, StaticEmbedder
from tests.distributed.test_deduplication import some_texts
from skm2v.distributed import deduplicate

class Fragile(StaticEmbedder):
    def transform(self, X):
        if os.getpid() != int(os.environ["CALLER"]) and not os.path.exists(sys.argv[1]):
            open(sys.argv[1], "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().transform(X)

if __name__ == "__main__":
    os.environ["CALLER"] = str(os.getpid())
    warnings.filterwarnings("error", message="Sending large graph")
    texts = some_texts(150)
    frame = dask.dataframe.from_pandas(pandas.DataFrame({"text": texts}), npartitions=3)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with Client(cluster):
            model = Fragile().fit(texts)
            made = deduplicate(frame, "text", model, threshold=0.8, exact=True).compute()
    assert os.path.exists(sys.argv[1])
    alone = Deduplicator(threshold=0.8).fit(texts)
    assert np.array_equal(made["group"], alone.representatives_)
    print("equal")
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_two_processes_of_which_one_is_killed(tmp_path):
    script = tmp_path / "cluster.py"
    script.write_text(CLUSTER)
    run = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "killed")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert run.stdout.splitlines()[-1:] == ["equal"], run.stderr[-3000:]
