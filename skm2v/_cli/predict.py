"""``skm2v predict``: texts of a file to what a classifier says about them."""

from __future__ import annotations

import argparse
from typing import Any

from skm2v._cli.formats import TABLES, format_of, table_format
from skm2v._cli.process import say
from skm2v._cli.streaming import (
    Made,
    add_source_arguments,
    check_names,
    open_source,
    say_losses,
    stream,
)
from skm2v._pooling.losses import collected_losses

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "predict"
HELP = "predict the class of the texts of a file"

LOSSES = {
    "empty": "texts without a known token, of which nothing can be told",
    "truncated": "texts cut to the maximum length of the model",
    "foreign": "texts in a language that the model seems not to know",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``skm2v predict`` to a parser."""
    parser.description = (
        "Predict the class, the labels or the number of each text: lines, a column of a CSV or"
        " Parquet file or a field of a JSON file."
    )
    argument = parser.add_argument
    argument(
        "model",
        help="file of a fused model; joblib:FILE of any fitted pipeline that takes texts, which"
        " runs what its writer wanted: only files you trust; skops:FILE",
    )
    argument("input", nargs="?", default="-", help="file of texts, gzip too; default: stdin")
    argument(
        "-o",
        "--output",
        default="-",
        help="file.csv, .tsv, .jsonl or .parquet; default: JSONL to stdout",
    )
    argument("--proba", action="store_true", help="also the probability of each class")
    argument(
        "--floor",
        type=float,
        metavar="P",
        help="predict nothing where no class is as probable as this",
    )
    add_source_arguments(parser, "a prediction")


def run(arguments: argparse.Namespace) -> None:
    """Run ``skm2v predict``."""
    from skm2v._cli.predictors import Predictor, load_predictor, sha256_of

    suffix = format_of(arguments.output, TABLES)
    model, path = load_predictor(arguments.model)
    predictor = Predictor(model, arguments.model, proba=arguments.proba, floor=arguments.floor)
    names = check_names(arguments.keep, predictor.names)

    def predict(texts: Any, n_threads: int) -> Made:
        predictor.use_threads(n_threads)
        with collected_losses() as losses:
            columns = predictor.columns(texts if isinstance(texts, list) else list(texts))
        return Made(columns, losses)

    n_rows, losses = stream(
        open_source(arguments, arguments.keep),
        predict,
        table_format(suffix, names, predictor.like),
        arguments,
        doing="predicting",
        shares=predictor.has_threads,
        model_sha256=lambda: sha256_of(path),
    )
    say_losses(losses, LOSSES)
    if not arguments.quiet and arguments.output != "-":
        say(f"{arguments.output}: {n_rows:,} rows")
