"""Every example runs, prints what it promises, and its figures are as good as the text says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(name: str, *arguments: object) -> str:
    result = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(EXAMPLES.parent)},
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def figures(output: str, row: str) -> list[float]:
    """Numbers behind the name of a row."""
    lines = map(str.strip, output.splitlines())
    line = next(line for line in lines if line.startswith(row))
    return [float(word.replace(",", "")) for word in re.findall(r"\d[\d,.]*", line[len(row) :])]


def test_every_example_is_tested():
    source = Path(__file__).read_text(encoding="utf-8")
    names = {path.name for path in EXAMPLES.glob("[!_]*.py")}
    assert names == set(re.findall(r'run\("(\w+\.py)"', source))


@pytest.mark.teacher
def test_spam_detection(minilm):
    output = run("spam_detection.py", minilm)
    assert "cannot import torch, transformers, huggingface_hub, pandas" in output
    accuracy, f1, texts_per_second, megabytes, _ = figures(output, "static ")
    assert accuracy > 0.975
    assert f1 > 0.91
    assert texts_per_second > 1000
    assert megabytes < 20
    assert figures(output, "tf-idf ")[0] > 0.97
    assert figures(output, "both ")[0] > 0.98
    assert figures(output, "fused ")[:2] == figures(output, "both ")[:2]
    assert figures(output, "fused ")[3] < 4


def test_topic_classification(tmp_path):
    output = run("topic_classification.py", tmp_path)
    few, many = figures(output, "385"), figures(output, "10,003")
    assert few[0] > few[1] + 0.05  # few labels: static before tf-idf
    assert many[0] > 0.9  # the bundled table was fitted to sentences
    assert many[2] > max(many[:2]) + 0.005  # many labels: both before either
    assert "most often confused" in output
    assert "<script" not in (tmp_path / "explanation.html").read_text()


def test_production():
    output = run("production.py")
    assert output.count("training code loaded: none, answers the same") == 4
    assert figures(output, "accuracy")[0] > 0.97
    assert figures(output, "Pipeline: fitted in")[1] < 1_000_000


def test_serving():
    output = run("serving.py")
    assert "spam (0.99): Free entry!" in output
    assert "1114 of 1114 probabilities are those of the model itself" in output
    assert "422: ['body', 'texts', 1]" in output


def test_topics(tmp_path):
    output = run("topics.py", tmp_path)
    words, static = figures(output, "tf-idf + SVD, KMeans"), figures(output, "static, KMeans")
    averaged = figures(output, "static, averaged")
    assert static[0] > words[0] + 0.1 and static[1] > words[1] + 0.1
    assert averaged[0] > static[0] + 0.02 and averaged[1] > static[1] + 0.02
    assert 50 <= figures(output, "found")[0] <= 120
    assert figures(output, "of the 50 texts that belong least,")[0] >= 25
    rows = output.partition("differ most between ham and spam:")[2]
    assert rows.count(" ham ") == rows.count(" spam ") == 3
    assert "<script" not in (tmp_path / "topics.html").read_text(encoding="utf-8")
    assert {path.name for path in tmp_path.glob("*.png")} == {
        "map.png",
        "number.png",
        "shares.png",
        "tree.png",
    }


@pytest.mark.teacher
def test_domain_adaptation(minilm):
    output = run("domain_adaptation.py")
    names = ("bundled", "tokens", "sentences", "adapted", "teacher")
    accuracy = {name: figures(output, name)[0] for name in names}
    gap = accuracy["teacher"] - accuracy["tokens"]
    assert accuracy["sentences"] - accuracy["tokens"] > 0.6 * gap
    assert accuracy["adapted"] > accuracy["bundled"]
    assert "tokens become [1, 1]" in output


def test_deduplication():
    output = run("deduplication.py")
    for name, n in (("SMS", 5574), ("Banking77", 13083)):
        rows, kept, dropped = figures(output, f"{name}: ")[:3]
        assert rows == n == kept + dropped
        assert dropped > 600
    assert output.count("largest groups") == output.count("pairs around the threshold 0.9") == 2
    assert output.count("of the test texts repeat a training text") == 2


@pytest.mark.teacher
def test_two_stage_retrieval(minilm):
    output = run("two_stage_retrieval.py", minilm)
    names = ("meaning", "words", "both", "reranked")
    score = {name: figures(output, f"{name} ")[0] for name in names}
    assert score["meaning"] > score["words"] + 0.05
    assert score["both"] > score["meaning"] - 0.01
    assert score["reranked"] > score["both"] + 0.02
    assert "words  meaning" in output
