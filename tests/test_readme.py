"""The README is executed: its Python, its printed output and its commands."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from skm2v import StaticTextClassifier, fuse
from skm2v._cli import main as cli
from tests import tiny

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
NUMBER = r"\d+\.\d+"


@pytest.fixture
def local_names(tmp_path, monkeypatch, tiny_teacher_of, tiny_static):
    """Run in a folder of its own, with small local models for names that need a network."""
    monkeypatch.chdir(tmp_path)
    tiny_static.save_pretrained(tmp_path / "static")
    names = {
        "sentence-transformers/all-MiniLM-L6-v2": str(tiny_teacher_of(hidden_size=256)),
        "BAAI/bge-small-en-v1.5": str(tiny_teacher_of(hidden_size=256)),
        "minishlab/M2V_base_output": str(tmp_path / "static"),
    }

    def replace(source: str) -> str:
        for name, path in names.items():
            source = source.replace(name, path)
        return source

    return replace


def assert_same_output(printed: str, documented: str) -> None:
    """Compare texts: words exactly, fractions to the last documented digit but one."""
    assert re.sub(NUMBER, "#", printed.strip()) == re.sub(NUMBER, "#", documented.strip())
    np.testing.assert_allclose(
        np.array(re.findall(NUMBER, printed), dtype=float),
        np.array(re.findall(NUMBER, documented), dtype=float),
        atol=0.011,
    )


# Three words are unknown to the tiny stand-ins; the losses are not what the README is about.
@pytest.mark.filterwarnings("ignore::skm2v.exceptions.TextWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_python_blocks_print_what_the_readme_says(local_names):
    namespace: dict[str, object] = {}
    printed, compared = "", 0
    for language, source in BLOCKS:
        if language == "python":
            assert not printed, f"the README does not show this output: {printed}"
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(local_names(source), "README.md", "exec"), namespace)
            printed = out.getvalue()
        elif language == "text" and printed:
            assert_same_output(printed, source)
            printed, compared = "", compared + 1
    assert compared == 4
    assert Path("spam.joblib").exists()
    assert Path("m2v_model/model.safetensors").exists()
    assert namespace["embeddings"].shape == (2, 16)
    assert namespace["embedding"].shape[0] == namespace["tokenizer"].get_vocab_size()


@pytest.mark.filterwarnings("ignore::skm2v.exceptions.TextWarning")
def test_commands_run(local_names, capsys):
    Path("messages.txt").write_text("\n".join(tiny.SENTENCES))
    rows = [f"{i},{tiny.SENTENCES[i % len(tiny.SENTENCES)]},{i % 2}" for i in range(40)]
    Path("messages.csv").write_text("id,body,spam\n" + "\n".join(rows) + "\n")
    fuse(StaticTextClassifier().fit(tiny.SENTENCES, [0, 1] * 30)).save("spam.safetensors")
    commands = [
        shlex.split(local_names(line))
        for language, source in BLOCKS
        if language == "bash"
        for line in source.splitlines()
        if line.startswith("skm2v ")
    ]
    assert len(commands) == 11
    for command in commands:
        assert cli.main(command[1:]) == 0, capsys.readouterr().err
    assert np.load("messages.npy").shape == (len(tiny.SENTENCES), 256)
    assert Path("messages.jsonl").read_text().count("\n") == 40
    assert Path("predicted.csv").read_text().startswith("text,prediction\n")
    assert pyarrow.parquet.read_table("vectors.parquet").shape == (40, 2)
    assert Path("topics.csv").read_text().count("\n") == 41
    assert Path("my-model/model.safetensors").exists()
    assert Path("skm2v-eval/report.html").exists()
