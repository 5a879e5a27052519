"""``skm2v embed``: texts of a file to vectors in a file."""

from __future__ import annotations

import argparse
from typing import Any

from skm2v._cli.arguments import load_model, optional
from skm2v._cli.formats import Format, Jsonl, Npy, Parquet, format_of
from skm2v._cli.process import say
from skm2v._cli.streaming import (
    Made,
    add_source_arguments,
    check_names,
    open_source,
    say_losses,
    stream,
)

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "embed"
HELP = "embed the texts of a file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``skm2v embed`` to a parser."""
    parser.description = (
        "Embed texts: lines, a column of a CSV or Parquet file or a field of a JSON file."
    )
    argument = parser.add_argument
    argument("input", nargs="?", default="-", help="file of texts, gzip too; default: stdin")
    argument("-m", "--model", default="default", help="folder or hub id; default: bundled model")
    argument(
        "-o",
        "--output",
        default="-",
        help="file.npy, .jsonl or .parquet; default: JSONL to stdout",
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
    add_source_arguments(parser, "a vector")


def run(arguments: argparse.Namespace) -> None:
    """Run ``skm2v embed``."""
    suffix = format_of(arguments.output, (".npy", ".jsonl", ".parquet"))
    keep = arguments.keep
    if suffix == ".npy":
        if keep is not None:
            raise ValueError("--keep needs a place for columns: write .jsonl or .parquet.")
        keep = []
    check_names(keep, ["embedding"])
    source = open_source(arguments, keep)
    model = load_model(arguments.model, arguments.dims)
    max_length = getattr(arguments, "max_length", model.max_length)  # None is no limit
    normalize = model.normalize and not arguments.no_normalize

    def embed(texts: Any, n_threads: int) -> Made:
        pooled = model.pooler.pool(
            texts, max_length=max_length, normalize=normalize, n_jobs=n_threads
        )
        losses = {name: int(getattr(pooled, name).sum()) for name in LOSSES}
        return Made({"embedding": pooled.vectors}, losses)

    form: Format = Npy(model.dim) if suffix == ".npy" else FORMATS[suffix]()
    n_rows, losses = stream(
        source,
        embed,
        form,
        arguments,
        doing="embedding",
        shares=True,
        model_sha256=lambda: model.sha256,
    )
    say_losses(losses, LOSSES)
    if not arguments.quiet and arguments.output != "-":
        say(f"{arguments.output}: {n_rows:,} x {model.dim}")


FORMATS: dict[str, Any] = {".jsonl": Jsonl, ".parquet": Parquet}
LOSSES = {
    "empty": "texts without a known token, their vectors are zero",
    "truncated": "texts cut to the maximum length, see --max-length",
    "foreign": "texts in a language that the model seems not to know",
}
