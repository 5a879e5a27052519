from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skm2v._cli.main import main
from skm2v.evaluation import (
    STS,
    Encoder,
    FullClassification,
    ModelSpecError,
    TaskDataError,
    evaluate,
    load_model,
)
from skm2v.evaluation._formatting import size, speed
from skm2v.evaluation._plot import Point, scatter

PETS = STS("pets", ["a b", "a b", "c d", "e"], ["a b", "a x", "c d", "f"], [5, 3, 4, 0])
NASTY = '<script>alert("x")</script> & | \n'


class Broken:
    """A model that fails on one text."""

    def encode(self, texts: list[str]) -> np.ndarray:
        if "boom" in texts:
            raise RuntimeError("no such text")
        return np.ones((len(texts), 2), dtype=np.float32)


def test_results_are_kept_and_found_again(word_sum: Any, tmp_path: Path) -> None:
    first = evaluate(word_sum, PETS, store=tmp_path)
    n_calls = word_sum.n_calls
    second = evaluate({"renamed": word_sum}, PETS, store=tmp_path)
    assert word_sum.n_calls == n_calls
    assert [r.model for r in second.results] == ["renamed"]
    assert second.results[0].replicates == first.results[0].replicates
    # Other data, another protocol, another model: computed.
    word_sum.dim = 32
    evaluate(word_sum, PETS, store=tmp_path)
    assert word_sum.n_calls > n_calls
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path: Path, word_sum: Any) -> None:
    class Stopping(type(word_sum)):  # type: ignore[misc]
        def encode(self, texts: list[str]) -> np.ndarray:
            if "stop here" in texts and self.stop:
                raise KeyboardInterrupt
            return super().encode(texts)

    model = Stopping()
    tasks = [PETS, STS("second", ["stop here", "c", "e"], ["a", "d", "e"], [1, 2, 3])]
    model.stop = True
    with pytest.raises(KeyboardInterrupt):
        evaluate(model, tasks, store=tmp_path)
    model.stop, model.texts = False, []
    evaluation = evaluate(model, tasks, store=tmp_path)
    assert "a b" not in model.texts
    assert not evaluation.failed
    assert not list(tmp_path.glob("*.tmp"))


def test_damaged_stored_results_are_computed_again(word_sum: Any, tmp_path: Path) -> None:
    expected = evaluate(word_sum, PETS, store=tmp_path).results[0].score
    for text in ("", "{", "[1]", '{"model": "m"}'):
        for file in tmp_path.glob("*.json"):
            file.write_text(text)
        assert evaluate(word_sum, PETS, store=tmp_path).results[0].score == expected


def test_a_model_that_fails_does_not_stop_the_others(word_sum: Any) -> None:
    boom = STS("boom", ["boom", "a", "b"], ["a", "b", "c"], [1, 2, 3])
    evaluation = evaluate({"good": word_sum, "broken": Broken()}, [boom, PETS])
    assert [(r.model, r.task) for r in evaluation.failed] == [("broken", "boom")]
    assert evaluation.failed[0].error == "RuntimeError: no such text"
    assert evaluation.common_keys() == [("sts", "pets")]
    assert "Failed:" in evaluation.to_markdown()
    assert "RuntimeError: no such text" in evaluation.to_html()


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (np.ones((1, 4)), r"returned shape \(1, 4\) for \d+ texts"),
        (np.full((7, 4), np.nan), "returned NaN or infinite values"),
    ],
)
def test_unusable_embeddings_are_an_error(returned: np.ndarray, message: str) -> None:
    class Model:
        def encode(self, texts: list[str]) -> np.ndarray:
            return returned[: len(texts)]

    with pytest.raises(ModelSpecError, match=message):
        Encoder("m", Model()).encode([str(i) for i in range(7)])


def test_what_is_no_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelSpecError, match=r"is a dict without \.encode or \.transform"):
        evaluate([{}], PETS)
    with pytest.raises(ModelSpecError, match="expected python:MODULE:ATTRIBUTE"):
        load_model("python:nothing")
    with pytest.raises(ModelSpecError, match="cannot be loaded"):
        load_model(str(tmp_path / "no-model"))
    with pytest.raises(ModelSpecError, match="no model"):
        evaluate([], PETS)


def test_model_names_and_specs(word_sum: Any) -> None:
    assert load_model("base=tfidf").name == "base"
    names = evaluate([word_sum, word_sum, "tfidf"], PETS).models
    assert names == ["WordSum", "WordSum (2)", "tfidf"]
    encoder = Encoder("mine", word_sum)
    assert evaluate([encoder, encoder], PETS).models == ["mine", "mine (2)"]
    assert evaluate({"other": encoder}, PETS).models == ["other"]
    assert encoder.name == "mine"
    assert load_model("python:skm2v.evaluation:TfidfSVD").name == "TfidfSVD"


def test_static_models_are_measured(tiny_static: Any, tmp_path: Path) -> None:
    [result] = evaluate(tiny_static, PETS).results
    assert result.score is not None
    assert (result.n_bytes, result.dim) == (tiny_static.embedding.nbytes, 16)
    tiny_static.save_pretrained(tmp_path / "model")
    loaded = load_model(str(tmp_path / "model"))
    assert loaded.fingerprint == Encoder("m", tiny_static).fingerprint
    assert loaded.name == "model"


def test_texts_are_embedded_once_and_zero_vectors_are_told(word_sum: Any) -> None:
    task = STS("zeros", ["a", "a", "b"], ["", "b", "a"], [0, 1, 2])
    [result] = evaluate(word_sum, task).results
    # Once on either side, and "a" before the clock runs.
    assert sorted(word_sum.texts) == ["", "a", "a", "a", "b", "b"]
    assert result.protocol["zero_vectors"] == 1


def _labelled(flip: int) -> FullClassification:
    texts = [f"{'cat' if row % 2 else 'dog'} {row}" for row in range(200)]
    labels = ["x" if row % 2 else "y" for row in range(200)]
    test = [label if row % flip else "x" for row, label in enumerate(labels)]
    return FullClassification(f"flip {flip}", texts, labels, texts, test)


def test_summary_averages_types_and_compares_in_pairs(word_sum: Any) -> None:
    tasks = [_labelled(3), _labelled(5), PETS]
    evaluation = evaluate({"good": word_sum, "bad": Broken()}, tasks)
    good, bad = evaluation.summaries()
    scores = {r.task: r.score for r in evaluation.results if r.model == "good"}
    classification = np.mean([scores["flip 3"], scores["flip 5"]])
    assert good.types["classification-full"].score == pytest.approx(classification)
    assert good.average is not None and bad.average is not None
    assert good.average.score == pytest.approx((classification + scores["pets"]) / 2)
    assert good.average.low < good.average.score < good.average.high
    assert good.texts_per_second is not None and good.texts_per_second > 0
    difference = evaluation.difference("bad", ("classification-full", "flip 5"))
    assert difference is not None and difference.verdict == "worse"
    assert "▼" in evaluation.to_markdown()


class _Page(HTMLParser):
    """Collects what a page loads and whether its elements are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [v or "" for k, v in attrs if k in ("src", "href")]
        if tag not in ("meta", "path", "circle"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "circle"):
            assert self.open.pop() == tag


def test_report_is_one_page_with_every_text_escaped(word_sum: Any, tmp_path: Path) -> None:
    task = FullClassification(
        NASTY, ["a", "b", "a", "b"], ["x", "y", "x", "y"], [NASTY, "a", "b"], ["<b>", "x", "y"]
    )
    evaluation = evaluate({"<i>one": word_sum, "two": word_sum}, [task, PETS])
    html = evaluation.save(tmp_path).read_text(encoding="utf-8")
    page = _Page()
    page.feed(html)
    assert page.open == []
    assert "script" not in page.tags and "i" in page.tags
    assert page.loads == []
    assert "url(" not in html and "@import" not in html
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; |" in html
    assert "&lt;i&gt;one" in html and "<i>one" not in html
    record = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert {r["model"] for r in record["results"]} == {"<i>one", "two"}
    table = [li for li in (tmp_path / "report.md").read_text().splitlines() if "alert" in li]
    assert table and all(line.count("|") - line.count("\\|") == 6 for line in table)


def test_no_text_of_the_data_where_none_is_wanted(word_sum: Any, tmp_path: Path) -> None:
    task = STS("secret", ["hidden words", "b", "c"], ["b", "c", "c"], [5, 1, 0])
    evaluation = evaluate(word_sum, task, n_worst=0, store=tmp_path)
    stored = [path.read_text() for path in tmp_path.glob("*.json")]
    assert all("hidden" not in text for text in [*stored, evaluation.to_html()])


def test_plot_markers_do_not_cover_each_other() -> None:
    points = [Point(f"m{i}", 1000 + i, 0.5 + i / 1e4, 0.49, 0.52, i + 1) for i in range(6)]
    svg = scatter(points)
    centres = [
        (float(part.split('cx="')[1].split('"')[0]), float(part.split('cy="')[1].split('"')[0]))
        for part in svg.split("<circle")[1:]
        if 'r="11"' in part
    ]
    assert len(centres) == 6
    gaps = [
        np.hypot(a[0] - b[0], a[1] - b[1])
        for row, a in enumerate(centres)
        for b in centres[row + 1 :]
    ]
    assert min(gaps) > 22
    assert scatter([Point("one", 5.0, 0.0, 0.0, 0.0, 1)]).startswith("<svg")


def test_numbers_are_readable() -> None:
    assert [speed(v) for v in (123456.0, 98.76, 1234.0, 0.5, None)] == [
        "123,000", "98.8", "1,230", "0.500", "–",
    ]  # fmt: skip
    assert size(7_558_400) == "7.6 MB"


def _csv(folder: Path) -> Path:
    path = folder / "reviews.csv"
    rows = [f"{'good' if row % 2 else 'bad'} film {row},{row % 2}" for row in range(40)]
    path.write_text("body,mark\n" + "\n".join(rows) + "\n")
    return path


def test_command_on_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["eval", "--model", "tfidf", "--data", str(_csv(tmp_path)), "--output",
             str(tmp_path / "out"), "--column", "text=body", "--column", "label=mark"]  # fmt: skip
    assert main([*words, "--json"]) == 0
    out, err = capsys.readouterr()
    results = json.loads(out)["results"]
    assert {r["type"]: r["score"] for r in results}["classification-full"] == 1.0
    assert "[2/2] reviews" in err and "report.html" in err
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert err.count("kept from an earlier run") == 2
    assert "| reviews | accuracy |" in out
    assert main([*words, "--fresh", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert "kept" not in err


def test_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["eval", "--data", str(_csv(tmp_path)), "--output", str(tmp_path / "out")]
    assert main([*words, "--model", "tfidf"]) == 2
    assert "no task fits the columns body, mark" in capsys.readouterr().err
    assert main([*words, "--model", "tfidf", "--column", "text"]) == 2
    assert "expected ROLE=NAME" in capsys.readouterr().err
    broken = tmp_path / "sts"
    broken.mkdir()
    (broken / "a.csv").write_text("text1,other\na,b\n")
    words[2] = str(broken)
    assert main([*words, "--model", "tfidf"]) == 2
    assert "Every task failed" in capsys.readouterr().err
    assert (tmp_path / "out" / "report.html").exists()


def test_command_lists_the_bundled_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "--list"]) == 0
    listed = capsys.readouterr().out.split()
    assert "bundled/banking77" in listed and "diagnostic/negation" in listed


def test_task_words_that_match_nothing_are_an_error(word_sum: Any) -> None:
    with pytest.raises(TaskDataError, match="no task 'clustring'"):
        evaluate(word_sum, PETS, ["clustring"])


@pytest.mark.parametrize("error", [SystemExit(143), OSError(28, "No space left on device")])
def test_reports_are_whole_or_absent(
    error: BaseException, word_sum: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluation = evaluate(word_sum, PETS)
    evaluation.save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {"report.html", "report.md", "results.json"}

    def fail(source: object, target: object) -> None:
        raise error

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(type(error)):
        evaluate({"other": word_sum}, PETS).save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
