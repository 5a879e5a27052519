"""The ``skm2v eval`` command."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from skm2v._cli.process import output, say

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "eval"
HELP = "score models on tasks, with MTEB's protocols"

# Names that are taken for the page itself.
REPORTS = (".html", ".htm", ".md", ".json")
DEFAULT_MODELS = ("default", "words", "both")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``skm2v eval`` to a parser."""
    parser.description = (
        "Score embedding models on tasks with MTEB's protocols: quality with intervals, speed, "
        "size, and the worst errors. Without --data, the sets that come with the package are used."
    )
    parser.add_argument(
        "-m",
        "--model",
        action="append",
        metavar="MODEL",
        help="model to evaluate, again for more: default, words (tf-idf and BM25), both, tfidf, "
        "tfidf-svd, bm25, a folder or hub id of a static model, model2vec:FOLDER, teacher:FOLDER, "
        "joblib:FILE, fused:FILE, python:MODULE:ATTRIBUTE; NAME=MODEL names it (default: default, "
        "words and both)",
    )
    parser.add_argument(
        "--data",
        action="append",
        metavar="PATH",
        help="file (CSV, TSV, JSON lines, Parquet) or folder of them, hub:NAME for a data set on "
        "the Hugging Face hub, or 'bundled'; again for more",
    )
    parser.add_argument(
        "--tasks",
        metavar="WORD[,WORD...]",
        help="types, names or folders of the tasks to run, such as sts,banking77 (default: all)",
    )
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="[FILE:]ROLE=NAME",
        help="column of a role, such as text or label, where it is not guessed; again for more, "
        "and with a file where files differ",
    )
    parser.add_argument("--train-split", metavar="NAME", help="split to train on")
    parser.add_argument("--test-split", metavar="NAME", help="split to score on")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("skm2v-eval"),
        metavar="DIR",
        help="folder for report.html, report.md, results.json and the results kept for the next "
        "run (default: skm2v-eval)",
    )
    parser.add_argument("--fresh", action="store_true", help="compute everything again")
    parser.add_argument(
        "--no-texts", action="store_true", help="keep no text of the data in results and report"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of Markdown")
    parser.add_argument("--list", action="store_true", help="list the tasks and stop")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr")


def run(args: argparse.Namespace) -> None:
    """Run ``skm2v eval``.

    Raises
    ------
    TaskDataError
        If there is no data or task, or if not one result was computed.
    """
    from skm2v.evaluation import DataOptions, Listener, TaskDataError, evaluate, find_sources
    from skm2v.evaluation._progress import Progress

    _check_folder(args.output)
    listener = Listener() if args.quiet or sys.stderr is None else Progress(sys.stderr)
    columns = _columns(args.column)
    # The report is in a folder whatever happens to stdout, but JSON is what was asked for.
    printed_to = output() if args.json or args.list else sys.stdout
    data = args.data
    if args.list:
        options = DataOptions(columns, args.train_split, args.test_split)
        for source in find_sources(data, options, listener.note):
            print(f"{source.type}\t{source.name}", file=printed_to)
        return
    store = args.output / "results"
    if args.fresh and store.is_dir():
        for file in store.glob("*.json"):
            file.unlink()
    evaluation = evaluate(
        list(args.model or DEFAULT_MODELS),
        data,
        args.tasks.split(",") if args.tasks else None,
        columns=columns,
        train_split=args.train_split,
        test_split=args.test_split,
        store=store,
        n_worst=0 if args.no_texts else 5,
        listener=listener,
    )
    page = evaluation.save(args.output)
    print(evaluation.to_json() if args.json else evaluation.to_markdown(), file=printed_to)
    say(f"report: {page}")
    if len(evaluation.failed) == len(evaluation.results):
        raise TaskDataError(f"Every task failed, the first with: {evaluation.failed[0].error}")


def _check_folder(output: Path) -> None:
    """Raise, before anything is computed, if the output is a file or named as one."""
    if output.is_file() or (output.suffix.lower() in REPORTS and not output.is_dir()):
        raise ValueError(
            f"--output must be a folder, which gets report.html, report.md and results.json; got"
            f" {str(output)!r}. Fix: name a folder, such as {str(output.with_suffix(''))!r}."
        )


def _columns(words: list[str]) -> dict[str, Any]:
    """Columns of all files by role, and by file those of one."""
    columns: dict[str, Any] = {}
    for word in words:
        head, equals, name = word.partition("=")
        if not equals:
            raise ValueError(
                f"--column {word}: expected ROLE=NAME or FILE:ROLE=NAME, such as text=body."
            )
        file, colon, role = head.rpartition(":")
        (columns.setdefault(file, {}) if colon else columns)[role] = name
    return columns
