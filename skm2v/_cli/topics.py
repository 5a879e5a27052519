"""``skm2v topics``: what the texts of a file are about."""

from __future__ import annotations

import argparse
import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from skm2v._cli.arguments import positive
from skm2v._cli.formats import Columns, table_format
from skm2v._cli.process import say
from skm2v._cli.row_files import RowFile
from skm2v._cli.sinks import Sink
from skm2v._cli.text_columns import DELIMITER_HELP
from skm2v._cli.whole_file import write_whole
from skm2v._clustering.periods import PERIODS
from skm2v._pooling import check_texts
from skm2v._progress import hidden

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "topics"
LABELS = ("row", "topic", "name", "outlier_score")
DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?")
HELP = "find out what the texts of a file are about"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``skm2v topics`` to a parser."""
    parser.description = (
        "Group the texts of a CSV, JSONL, Parquet or text file by topic: a page with a map and a"
        " table of the topics, and a CSV file with the topic of each row. The same file gives the"
        " same topics every time."
    )
    argument = parser.add_argument
    argument("input", help="file.csv, .tsv, .jsonl (each also .gz), .parquet, or lines of text")
    argument("-o", "--output", default="topics.html", help="report; default: topics.html")
    argument(
        "--labels",
        default="topics.csv",
        metavar="FILE",
        help="row, topic, name, outlier_score, text of each row, as .csv, .tsv, .jsonl or .parquet;"
        " - for CSV to stdout; default: topics.csv",
    )
    argument(
        "--keep",
        action="append",
        metavar="COLUMN",
        help="column or field to write beside a topic, instead of the text; again for more",
    )
    argument("-m", "--model", default="default", help="folder or hub id; default: bundled model")
    argument("--column", help="column or field of the texts, if there are several")
    argument("--delimiter", metavar="CHARACTER", help=DELIMITER_HELP)
    argument("-k", "--topics", type=positive, metavar="N", help="number of topics; default: chosen")
    argument(
        "--by",
        metavar="COLUMN",
        help="also show how shares change over the dates or values of a column",
    )
    argument("--period", choices=tuple(PERIODS), help="of --by; default: what makes six of them")
    argument("--n-jobs", type=int, metavar="N", help="threads; -1 for all cores; default: 1")
    argument("-q", "--quiet", action="store_true", help="no progress, no table of topics")


def run(arguments: argparse.Namespace) -> None:
    """Run ``skm2v topics``."""
    from skm2v._clustering.shares import cluster_shares
    from skm2v._clustering.topics import find_topics
    from skm2v._embedder import StaticEmbedder

    source = RowFile(arguments.input, arguments.column, arguments.delimiter)
    by = None
    if arguments.by is not None:
        if arguments.by not in source.columns:
            raise ValueError(f"{arguments.input} has no column {arguments.by!r} for --by.")
        by = _dates(source[arguments.by])
    # Before the topics are found, which takes a while: whether shares of them can be counted.
    if by is not None:
        cluster_shares(np.zeros(len(by), dtype=np.int64), by, period=arguments.period)
    elif arguments.period is not None:
        raise ValueError("--period says how long the periods of --by are. Fix: name that column.")
    kept = {name: source.kept(name) for name in arguments.keep or ()}
    if wrong := [name for name in kept if name in LABELS]:
        raise ValueError(f"--keep {wrong[0]}: the file of labels has a column of this name.")
    # A missing text is an empty one: every row gets a topic.
    texts = list(check_texts(source[source.column], handle_missing="zero").texts)
    embedder = StaticEmbedder(arguments.model, n_jobs=arguments.n_jobs)
    with hidden() if arguments.quiet else nullcontext():
        topics = find_topics(texts, arguments.topics, embedder=embedder, n_jobs=arguments.n_jobs)
    names = topics.table.names
    columns = {
        "row": list(range(len(texts))),
        **kept,
        "topic": topics.labels,
        "name": [names[label] for label in topics.labels.tolist()],
        "outlier_score": topics.outlier_scores,
    }
    if arguments.keep is None:
        columns["text"] = texts
    shares = None
    if by is not None:
        shares = cluster_shares(topics.labels, by, period=arguments.period)
    page = topics.to_html(f"Topics of {Path(arguments.input).name}", shares=shares)
    write_whole(arguments.output, lambda path: path.write_bytes(page.encode()))
    _write_labels(arguments.labels, columns)
    if not arguments.quiet:
        say(f"{len(texts):,} texts, {len(names):,} topics\n{topics}")


def _write_labels(path: str, columns: Columns) -> None:
    kind = Path(path).suffix.lower()
    if path == "-" or kind not in (".jsonl", ".parquet"):
        columns["outlier_score"] = [f"{score:.4f}" for score in columns["outlier_score"].tolist()]
        table = table_format(".tsv" if kind == ".tsv" else ".csv", [*columns])
    else:
        table = table_format(kind, [*columns])
    with Sink(path, table) as sink:
        sink.write(table.encode(columns, 1), len(columns["row"]), {})


def _dates(values: list[Any]) -> Any:
    """Dates of a column of which each cell begins with one, as ISO 8601 has them; or the column."""
    found = [DATE.match(value) for value in values if isinstance(value, str)]
    texts = [one[0] for one in found if one is not None]
    if not texts or len(texts) < len(values):
        return values
    try:
        # The time as it is on the clock where it was taken: without its zone.
        return np.array([text.replace(" ", "T") for text in texts], "M8[s]")
    except ValueError as error:
        raise ValueError(f"--by has a date that is none: {error}.") from error
