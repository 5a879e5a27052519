from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skm2v._cli.main import main
from skm2v.evaluation import (
    STS,
    DataOptions,
    Deduplication,
    FewShotClassification,
    Retrieval,
    TaskDataError,
    evaluate,
    find_sources,
)
from skm2v.evaluation._task_sources import select_sources

Write = Callable[[str, str], Path]
LABELLED = "text,label,split\n" + "".join(
    f"{word} {row},{word},{split}\n"
    for split in ("train", "test")
    for word in ("ham", "spam")
    for row in range(10)
)
PAIRS = "text1,text2,label,split\na,a b,1,valid\na,c,0,valid\nb,b c,1,test\nb,d,0,test\n"


def load(data: Any, **options: Any) -> Any:
    """The one task of some data; classification counts once."""
    sources = [s for s in find_sources(data, DataOptions(**options)) if "full" not in s.type]
    assert len(sources) == 1
    return sources[0].load()


def test_folders_say_the_type_and_other_folders_go_by_columns(write: Write, tmp_path: Path) -> None:
    write("spam/sms.csv", LABELLED)
    write("clustering/news.csv", LABELLED)
    write("dedup/shop.csv", PAIRS)
    write("mine/pairs.csv", PAIRS)
    write("mine/sim.tsv", "sentence1\tsentence2\tscore\na\tb\t1\nc\td\t2\n")
    write("parts/train.csv", "text,label\na,x\nb,y\n")
    write("parts/test.csv", "text,label\nc,x\nd,y\n")
    write("other/notes.csv", "day,hours\n1,2\n")
    notes: list[str] = []
    found = {(s.type, s.name) for s in find_sources(tmp_path, note=notes.append)}
    assert found == {
        ("classification", "spam/sms"),
        ("classification-full", "spam/sms"),
        ("clustering", "clustering/news"),
        ("deduplication", "dedup/shop"),
        ("pair-classification", "mine/pairs"),
        ("sts", "mine/sim"),
        ("classification", "parts"),
        ("classification-full", "parts"),
    }
    assert len(notes) == 1
    assert "notes.csv: left out" in notes[0]
    parts = next(s for s in find_sources(tmp_path) if s.name == "parts").load()
    assert (parts.train_texts, parts.test_texts) == (["a", "b"], ["c", "d"])


def test_deduplication_tunes_on_the_validation_split(write: Write, tmp_path: Path) -> None:
    write("dedup/shop.csv", PAIRS)
    task = load(tmp_path)
    assert isinstance(task, Deduplication)
    assert (task.texts1, task.tune_texts2) == (["b", "b"], ["a b", "c"])


def test_retrieval_folder(write: Write, tmp_path: Path) -> None:
    write(
        "ir/corpus.jsonl",
        '{"id": 1, "title": "cats", "text": "they purr"}\n'
        '{"id": "2", "title": "a", "text": "a dog"}\n',
    )
    write("ir/queries.jsonl", '{"_id": "q1", "text": "cat?"}\n{"_id": "q2", "text": "?"}\n')
    write("ir/qrels.tsv", "query_id\tdoc_id\trelevance\nq1\t1\t2\nq1\t2\t0\n")
    task = load(tmp_path / "ir")
    assert isinstance(task, Retrieval)
    assert task.documents == ["cats they purr", "a dog"]
    assert (task.queries, task.relevance) == (["cat?"], [{"0": 2}])
    write("ir/qrels.tsv", "query_id\tdoc_id\trelevance\nq1\t7\t2\n")
    with pytest.raises(TaskDataError, match=r"qrels\.tsv: names '7'.*corpus\.jsonl does not have"):
        load(tmp_path / "ir")


def test_made_split_is_stratified_and_told(write: Write) -> None:
    task = load(write("a.csv", "text,label\n" + "a,x\nb,y\n" * 20))
    assert isinstance(task, FewShotClassification)
    assert (len(task.train_texts), sorted(task.test_labels)) == (32, ["x"] * 4 + ["y"] * 4)
    assert task.split.startswith("made here")


def test_validation_split_trains_where_there_is_no_other(write: Write) -> None:
    text = "text,label,split\na,x,val\nb,y,val\nc,x,test\n"
    assert load(write("a.csv", text)).split == "val -> test"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("text,label,split\na,x,fold1\nb,y,fold2\n", {}, "column 'split' has no test split"),
        (LABELLED, {"test_split": "tset"}, "expected 'tset', found 'train', 'test'"),
        (LABELLED, {"columns": {"text": "body"}}, "no column 'body' for the role 'text'"),
        ("text,label\na,x\n" + "b,x\n" * 9, {}, "single class"),
        ("text,label\na,x\nb,\n", {}, "column 'label' has no label in 1 rows"),
        ("text1,text2,score\na,b,\nc,d,1\n", {}, "column 'score' must hold numbers"),
        ("text1,text2,score\na,b,1\nc,d,1\n", {}, "holds one value"),
        ("text1,text2,label\na,b,maybe\nc,d,1\n", {}, "must hold 1 for a match"),
    ],
)
def test_bad_data_names_file_column_and_fix(
    write: Write, text: str, options: dict[str, Any], message: str
) -> None:
    path = write("mine.csv", text)
    with pytest.raises(TaskDataError, match=message) as caught:
        load(path, **options)
    assert "mine.csv" in str(caught.value)


def test_what_holds_no_task_is_an_error(write: Write, tmp_path: Path) -> None:
    with pytest.raises(TaskDataError, match="no task fits the columns day, hours"):
        find_sources(write("x/a.csv", "day,hours\n1,2\n"))
    with pytest.raises(TaskDataError, match="no such file or folder; for a data set on the hub"):
        find_sources(tmp_path / "nowhere")
    with pytest.raises(TaskDataError, match="no task data in this folder"):
        find_sources(tmp_path / "x")
    with pytest.raises(TaskDataError, match="There is no column role 'body'"):
        DataOptions({"body": "text"})
    # A file that is named is looked at before anything is computed; one in a folder fails alone.
    path, options = write("y/b.csv", LABELLED), DataOptions({"label": "lable"})
    with pytest.raises(TaskDataError, match="no column 'lable' for the role 'label'"):
        find_sources(path, options)
    assert [source.type for source in find_sources(tmp_path / "y", options)] == ["unknown"]


def test_selection_by_type_name_and_folder(write: Write, tmp_path: Path) -> None:
    write("spam/sms.csv", LABELLED)
    write("clustering/news_t.csv", LABELLED)
    sources = find_sources(tmp_path)
    assert [s.name for s in select_sources(sources, ["news-t"])] == ["clustering/news_t"]
    assert len(select_sources(sources, ["spam"])) == 2
    assert len(select_sources(sources, ["classification"])) == 1
    with pytest.raises(TaskDataError, match="no task 'sts' in the data; the types are"):
        select_sources(sources, ["sts"])


def test_frames_and_data_sets_in_memory() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text1": ["a", "b"], "text2": ["c", "d"], "score": [1, 2]})
    assert load({"pets": frame}) == STS("pets", ["a", "b"], ["c", "d"], [1.0, 2.0])
    frame.loc[0, "text1"] = None
    with pytest.raises(TaskDataError, match="pets: column 'text1' has missing values"):
        load({"pets": frame})
    with pytest.raises(TaskDataError, match="is a int; expected a path"):
        load(7)


def test_hugging_face_data_sets() -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["ham", "spam"])}
    )
    columns = {"text": ["a", "b"], "label": [0, 1]}
    part = datasets.Dataset.from_dict(columns, features=features)
    task = load(datasets.DatasetDict(train=part, test=part))
    assert task.train_labels == ["ham", "spam"]
    with pytest.raises(TaskDataError, match="the split 'test' has no rows"):
        load(datasets.DatasetDict(train=part, test=part.select([])))


def test_one_broken_file_does_not_stop_the_others(
    write: Write, tmp_path: Path, word_sum: Any
) -> None:
    write("sts/good.csv", "text1,text2,score\na b,a b,5\na b,c,0\nd e,d f,3\n")
    write("sts/bad.csv", "text1,similar\na,1\n")
    write("mine/worse.csv", 'text,label\n"a"b,c\n')
    evaluation = evaluate(word_sum, tmp_path)
    failed = {r.task: r.error for r in evaluation.failed}
    assert set(failed) == {"sts/bad", "mine/worse"}
    assert "bad.csv: no column for the 'text2' role" in failed["sts/bad"]
    assert "--column text2=NAME" in failed["sts/bad"]
    [good] = [r for r in evaluation.results if r.task == "sts/good"]
    assert good.score == pytest.approx(1.0)


def test_columns_may_be_given_for_each_file(write: Write, tmp_path: Path) -> None:
    write("a.csv", "body,mark\n" + "x 1,p\ny 2,q\n" * 10)
    write("b.csv", "title,body,label\n" + "t,x 1,p\nu,y 2,q\n" * 10)
    columns = {"text": "body", "a.csv": {"label": "mark"}, "b": {"text": "title"}}
    found = find_sources(tmp_path, DataOptions(columns))
    texts = {s.name: s.load().train_texts for s in found if s.type == "classification-full"}
    assert set(texts["a"]) == {"x 1", "y 2"}
    assert set(texts["b"]) == {"t", "u"}
    with pytest.raises(TaskDataError, match=r"given for 'c\.csv', which is not among the data 'b'"):
        find_sources(tmp_path, DataOptions({"c.csv": {"text": "body"}}))
    with pytest.raises(TaskDataError, match="There is no column role 'title'"):
        DataOptions({"a.csv": {"title": "body"}})


def test_the_command_takes_columns_for_each_file(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write("data/a.csv", "body,mark\n" + "x 1,p\ny 2,q\n" * 10)
    write("data/b.csv", "title,label\n" + "t,p\nu,q\n" * 10)
    words = ["eval", "--list", "--data", str(tmp_path / "data")]
    words += ["--column", "a.csv:text=body", "--column", "a.csv:label=mark"]
    words += ["--column", "b.csv:text=title"]
    assert main(words) == 0
    listed = capsys.readouterr().out.split()
    assert listed == ["classification", "a", "classification-full", "a"] + [
        *("classification", "b", "classification-full", "b")
    ]
