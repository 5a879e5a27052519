"""``skm2v embed``: texts of a file to vectors in a file."""

from __future__ import annotations

import argparse
import sys

from skm2v._cli.arguments import load_model, optional, positive
from skm2v._cli.process import on_terminal, say
from skm2v._cli.text_files import FORMATS, TextFile, batches
from skm2v._cli.vector_files import VectorWriter

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "embed"
HELP = "embed the texts of a file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``skm2v embed`` to a parser."""
    parser.description = "Embed texts: lines, a column of a CSV file or a field of a JSON file."
    argument = parser.add_argument
    argument("input", nargs="?", default="-", help="file of texts, gzip too; default: stdin")
    argument("-m", "--model", default="default", help="folder or hub id; default: bundled model")
    argument("-o", "--output", default="-", help="file.npy or file.jsonl; default: JSONL to stdout")
    argument("--format", choices=FORMATS, help="of the input; default: by its name, else lines")
    argument("--column", help="name of the CSV column that holds the texts")
    argument("--field", help="name of the JSONL field that holds the texts")
    argument("--delimiter", help="of the CSV; default: a comma, or a tab for .tsv")
    argument(
        "--handle-missing",
        choices=("error", "zero"),
        default="error",
        help="a JSON field that is null or not there, an empty line of a CSV file of one column: "
        "an error, or a zero vector",
    )
    argument("--dims", type=int, metavar="K", help="keep the first K dimensions")
    argument(
        "--max-length",
        type=optional(int),
        default=argparse.SUPPRESS,
        metavar="N",
        help="in tokens; 'none' for all; default: the model's",
    )
    argument("--no-normalize", action="store_true", help="leave vectors at their own length")
    argument("--n-jobs", type=int, metavar="N", help="threads; -1 for all cores; default: 1")
    argument("--batch-size", type=positive, default=10_000, metavar="N", help=argparse.SUPPRESS)
    argument("-q", "--quiet", action="store_true", help="no progress, no summary")


def run(arguments: argparse.Namespace) -> None:
    """Run ``skm2v embed``."""
    source = TextFile(
        arguments.input,
        kind=arguments.format,
        column=arguments.column,
        field=arguments.field,
        delimiter=arguments.delimiter,
        missing_is_empty=arguments.handle_missing == "zero",
    )
    model = load_model(arguments.model, arguments.dims)
    max_length = getattr(arguments, "max_length", model.max_length)  # None is no limit
    empty = truncated = foreign = 0
    with source, VectorWriter(arguments.output, model.dim) as writer:
        progress = _Progress(source, enabled=on_terminal() and not arguments.quiet)
        for texts in batches(source.texts(), arguments.batch_size):
            pooled = model.pooler.pool(
                texts,
                max_length=max_length,
                normalize=model.normalize and not arguments.no_normalize,
                n_jobs=arguments.n_jobs,
            )
            writer.write(texts, pooled.vectors)
            empty += int(pooled.empty.sum())
            truncated += int(pooled.truncated.sum())
            foreign += int(pooled.foreign.sum())
            progress.update(writer.rows)
        progress.close()
    # Counted over the whole file: a warning for each batch would be many, and none the sum.
    if empty:
        say(f"warning: texts without a known token, their vectors are zero: {empty:,}")
    if truncated:
        say(f"warning: texts cut to the maximum length, see --max-length: {truncated:,}")
    if foreign:
        say(f"warning: texts in a language that the model seems not to know: {foreign:,}")
    if not arguments.quiet and arguments.output != "-":
        say(f"{arguments.output}: {writer.rows:,} x {model.dim}")


class _Progress:
    """A line on the terminal: share of the file read, texts done."""

    def __init__(self, source: TextFile, *, enabled: bool) -> None:
        self._source, self._enabled = source, enabled

    def update(self, rows: int) -> None:
        if self._enabled:
            share = self._source.share_read()
            percent = "" if share is None else f"{share:4.0%} "
            print(f"\r{percent}{rows:,} texts", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._enabled:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
