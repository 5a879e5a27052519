"""``skm2v dedup``: the rows of a file without those that say the same."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Literal

from skm2v._cli.formats import TABLES, format_of
from skm2v._cli.process import say
from skm2v._cli.row_files import RowFile
from skm2v._cli.sinks import write_table
from skm2v._cli.text_columns import DELIMITER_HELP
from skm2v._cli.whole_file import write_whole
from skm2v._html_text import titled_page
from skm2v._progress import progress

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "dedup"
HELP = "leave out rows of a file that say the same as others"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``skm2v dedup`` to a parser."""
    parser.description = (
        "Write the rows of a CSV, JSONL, Parquet or text file without exact, near and semantic"
        " duplicates: every row that is left out is at or above the threshold to a row that is"
        " written."
    )
    argument = parser.add_argument
    argument("input", help="file.csv, .tsv, .jsonl (each also .gz), .parquet, or lines of text")
    argument("-o", "--output", default="-", help="file of the same kind; default: stdout")
    argument("-m", "--model", default="default", help="folder or hub id; default: bundled model")
    argument("--column", help="column or field of the texts, if there are several")
    argument("--delimiter", metavar="CHARACTER", help=DELIMITER_HELP)
    argument("--threshold", type=float, default=0.9, metavar="T", help="least cosine; default: 0.9")
    argument("--near", type=float, metavar="J", help="also texts with such a Jaccard similarity")
    argument("--exact-only", action="store_true", help="only equal texts, but for case and spaces")
    argument(
        "--keep",
        default="central",
        metavar="RULE",
        help="central, first, longest, or a column with the largest value; default: central",
    )
    argument("--within", metavar="COLUMN", help="compare only rows with the same value of a column")
    argument("--compare-numbers", action="store_true", help="other numbers make other texts")
    argument("--groups", choices=("star", "components"), default="star")
    argument(
        "--method",
        choices=("auto", "exact", "partition"),
        default="auto",
        help="exact: all pairs; partition: nearly all, measured; default: exact up to 4 million",
    )
    argument(
        "--pairs",
        metavar="FILE",
        help="write all pairs of rows (from 0) with similarity and kind: .csv, .jsonl or .parquet",
    )
    argument("--report", metavar="FILE", help="write counts, groups and borderline pairs (HTML)")
    argument("--n-jobs", type=int, metavar="N", help="threads; -1 for all cores; default: 1")
    argument("-q", "--quiet", action="store_true", help="no progress, no summary")


def run(arguments: argparse.Namespace) -> None:
    """Run ``skm2v dedup``."""
    from skm2v._dedup.deduplicator import Deduplicator
    from skm2v._embedder import StaticEmbedder

    if arguments.pairs:
        format_of(arguments.pairs, TABLES, "--pairs")  # before there is any output
    source = RowFile(arguments.input, arguments.column, arguments.delimiter)
    kinds: list[Literal["exact", "near", "semantic"]] = ["exact"]
    kinds += ["near"] * (arguments.near is not None)
    kinds += ["semantic"] * (not arguments.exact_only)
    deduplicator = Deduplicator(
        StaticEmbedder(arguments.model, n_jobs=arguments.n_jobs),
        threshold=arguments.threshold,
        kinds=tuple(kinds),
        near_threshold=0.7 if arguments.near is None else arguments.near,
        groups=arguments.groups,
        keep=arguments.keep,
        column=source.column,
        within=arguments.within,
        compare_numbers=arguments.compare_numbers,
        method=arguments.method,
        handle_missing="keep",
        n_jobs=arguments.n_jobs,
    )
    compared = _Compared()
    show = False if arguments.quiet else None
    with progress("comparing", None, "pairs", show, share=compared.share) as advance:

        def tell(done: int, total: int) -> None:
            advance(compared.more(done, total))

        deduplicator.fit_with_progress(source, tell)
    source.write(arguments.output, ~deduplicator.is_duplicate_)
    if arguments.pairs:
        pairs = deduplicator.pairs_
        names = ("left", "right", "similarity", "kind")
        write_table(arguments.pairs, {name: getattr(pairs, name).tolist() for name in names})
    if arguments.report:
        title = f"Duplicates in {Path(arguments.input).name}"
        page = titled_page(title, deduplicator.report_.to_html())
        write_whole(arguments.report, lambda path: path.write_bytes(page.encode()))
    if not arguments.quiet:
        counts = deduplicator.report_.n_dropped
        dropped = ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)
        n_kept = deduplicator.report_.n_kept
        say(f"{len(deduplicator.groups_):,} rows, {n_kept:,} kept; left out: {dropped or 'none'}")
        if deduplicator.fit_report_["method"] == "partition":
            say(deduplicator.report_.completeness)


class _Compared:
    """How many pairs were compared, of one group of rows after the other."""

    def __init__(self) -> None:
        self._done, self._total = 0, 1

    def more(self, done: int, total: int) -> int:
        """Return how many there are since the last time."""
        before = self._done if total == self._total and done >= self._done else 0
        self._done, self._total = done, total
        return done - before

    def share(self) -> float:
        return self._done / max(self._total, 1)
