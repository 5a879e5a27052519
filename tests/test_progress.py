"""Long fits show how far they are where somebody watches, and nowhere else."""

from __future__ import annotations

import io
import sys
import threading
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from joblib import Parallel, delayed

from skm2v import StaticEmbedder, StaticTextClassifier
from skm2v import _progress as module
from skm2v._cli.main import main
from skm2v._distillation import clear_recent
from skm2v._progress import hidden, is_watched, progress
from skm2v.clustering import NeighborAverager, choose_n_clusters
from skm2v.datasets import load_banking77


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A terminal on which every task counts as long."""
    monkeypatch.delenv("SKM2V_PROGRESS", raising=False)
    monkeypatch.setattr(module, "DELAY", 0.0)
    monkeypatch.setattr(module, "EVERY", 0.0)
    stream = Terminal()
    # pytest puts its own `sys.stderr` in place between a fixture and its test.
    namespace = SimpleNamespace(stderr=stream, modules=sys.modules)
    monkeypatch.setattr(module, "sys", namespace)
    return stream


def lines(stream):
    return [line.strip() for line in stream.getvalue().replace("\n", "\r").split("\r") if line]


def test_a_line_tells_what_is_done_and_what_is_left(terminal, monkeypatch):
    now = iter([0.0, 10.0, 20.0, 40.0, 40.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(now))
    with progress("teacher pass", 4000, "tokens") as advance:
        for n_tokens in (1000, 1000, 2000):
            advance(n_tokens)
    assert lines(terminal) == [
        "Teacher pass: 25% of 4,000 tokens, 10 s, 30 s left",
        "Teacher pass: 50% of 4,000 tokens, 20 s, 20 s left",
        "Teacher pass: 100% of 4,000 tokens, 40 s",
        "Teacher pass: 100% of 4,000 tokens, 40 s",
    ]
    assert terminal.getvalue().endswith("\n")


def test_a_short_task_shows_nothing(terminal, monkeypatch):
    monkeypatch.setattr(module, "DELAY", 1e9)
    with progress("teacher pass", 4, "tokens") as advance:
        advance(4)
    assert terminal.getvalue() == ""


def test_an_unknown_number_is_counted(terminal):
    with progress("settings", None, "models") as advance:
        advance(1)
        advance(1)
    assert lines(terminal)[-1].startswith("Settings: 2 models, ")


def test_of_an_unknown_number_a_share_may_be_known(terminal, monkeypatch):
    now, shares = iter([0.0, 10.0, 30.0, 40.0, 40.0]), iter([0.25, None, 1.0, 1.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(now))
    with progress("embedding", None, "texts", share=lambda: next(shares)) as advance:
        for n_texts in (1000, 500, 5):
            advance(n_texts)
    assert lines(terminal) == [
        "Embedding: 25%, 1,000 texts, 10 s, 30 s left",
        "Embedding: 1,500 texts, 30 s",
        "Embedding: 100%, 1,505 texts, 40 s",
        "Embedding: 100%, 1,505 texts, 40 s",
    ]


def test_what_is_begun_where_all_is_hidden_shows_nothing(terminal, monkeypatch):
    monkeypatch.setenv("SKM2V_PROGRESS", "1")
    with hidden(), progress("regression", 3, "columns") as advance:
        advance(3)
    assert terminal.getvalue() == ""
    with hidden(), progress("regression", 3, "columns", True) as advance:
        advance(3)
    assert "100% of 3 columns" in terminal.getvalue()


def test_groups_and_neighbours_of_many_vectors_show_how_far_they_are(terminal):
    vectors = np.random.default_rng(0).standard_normal((200, 4))
    choose_n_clusters(vectors, [2, 3], n_splits=2)
    NeighborAverager().fit_transform(vectors)
    found = "\n".join(lines(terminal))
    assert "Choosing the number of groups: 50% of 2 samples" in found
    assert "Nearest neighbours: 100% of 200 vectors" in found


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (["embed", "--batch-size", "2"], "Embedding: 50%, 2 texts, "),
        (["dedup"], "Comparing: 100%, 3 pairs, "),
    ],
)
def test_commands_show_how_far_they_are(terminal, command, line, tiny_static, tmp_path, capfd):
    tiny_static.save_pretrained(tmp_path / "model")
    (tmp_path / "in.txt").write_text("the money\nnew york\nthe money\nthe bank\n")
    name, *more = command
    out = tmp_path / ("out.npy" if name == "embed" else "out.txt")
    arguments = [name, str(tmp_path / "in.txt"), "-m", str(tmp_path / "model"), *more]
    assert main([*arguments, "-o", str(out), "-q"]) == 0
    assert terminal.getvalue() == ""
    assert main([*arguments, "-o", str(out)]) == 0
    assert [one for one in lines(terminal) if one.startswith(line)], terminal.getvalue()


def test_a_line_is_ended_where_a_task_fails(terminal):
    with pytest.raises(KeyError), progress("regression", 3, "columns") as advance:
        advance(1)
        raise KeyError
    assert terminal.getvalue().endswith("\n") and "33%" in lines(terminal)[-1]


def test_the_switch_and_what_a_call_asks_for(terminal, monkeypatch):
    def shown(show=None):
        terminal.seek(0)
        terminal.truncate()
        with progress("regression", 3, "columns", show) as advance:
            advance(3)
        return bool(terminal.getvalue())

    assert shown() and shown(True) and not shown(False)
    monkeypatch.setenv("SKM2V_PROGRESS", "0")
    assert not shown() and shown(True)
    monkeypatch.setattr(Terminal, "isatty", lambda self: False)
    assert not shown()
    monkeypatch.setenv("SKM2V_PROGRESS", "1")
    assert shown() and not shown(False)


def test_who_watches(terminal, monkeypatch):
    assert is_watched()
    seen = []
    thread = threading.Thread(target=lambda: seen.append(is_watched()))
    thread.start()
    thread.join()
    assert seen == [False]
    monkeypatch.setattr(Terminal, "isatty", lambda self: False)
    assert not is_watched()
    notebook = ModuleType("IPython")
    notebook.get_ipython = type("ZMQInteractiveShell", (), {})
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    assert is_watched()
    module.sys.stderr = None
    assert not is_watched()


def test_workers_show_nothing(monkeypatch):
    def in_worker():
        sys.stderr = Terminal()
        return is_watched()

    monkeypatch.delenv("SKM2V_PROGRESS", raising=False)
    assert Parallel(n_jobs=2)(delayed(in_worker)() for _ in range(2)) == [False, False]


def test_estimators_show_their_fits(terminal, tiny_teacher):
    clear_recent()
    StaticEmbedder(tiny_teacher, pca_dims=8).fit(["a text"])
    assert any(line.startswith("Teacher pass: 100% of ") for line in lines(terminal))
    X, y = load_banking77(subset="train", return_X_y=True)
    StaticTextClassifier().fit(X[:300], y[:300])
    assert "models fitted to choose them by" in lines(terminal)[-1]


def test_nothing_is_shown_where_nobody_watches(monkeypatch, capsys, tiny_teacher):
    monkeypatch.delenv("SKM2V_PROGRESS", raising=False)
    monkeypatch.setattr(module, "DELAY", 0.0)
    clear_recent()
    StaticEmbedder(tiny_teacher, pca_dims=8).fit(["a text"])
    assert capsys.readouterr() == ("", "")
