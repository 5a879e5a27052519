"""``skm2v search``: index the texts of a file, and search them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from skm2v._cli.arguments import optional, positive
from skm2v._cli.process import output, say
from skm2v._cli.row_files import RowFile
from skm2v._cli.text_columns import DELIMITER_HELP
from skm2v._cli.text_files import TextFile, batches
from skm2v.exceptions import ModelFormatError

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "search"
HELP = "index the texts of a file, and search them by words and meaning"

# Lines of a file that are searched at a time.
LINES = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``skm2v search`` to a parser."""
    parser.description = "Index the texts of a file, and search them by words and meaning."
    actions = parser.add_subparsers(title="actions", dest="action", required=True, metavar="ACTION")
    index = actions.add_parser("index", help="make an index, one file, of the texts of a file")
    argument = index.add_argument
    argument("input", help="file.csv, .tsv, .jsonl (each also .gz), .parquet, or lines of text")
    argument("-o", "--output", required=True, metavar="INDEX", help="file of the index")
    argument("-m", "--model", default="default", help="folder or hub id; default: bundled model")
    argument("--column", help="column or field of the texts, if there are several")
    argument("--delimiter", metavar="CHARACTER", help=DELIMITER_HELP)
    argument("--id", metavar="COLUMN", help="column or field of their ids; default: row numbers")
    argument(
        "--stemmer",
        type=optional(str),
        default="english",
        metavar="NAME",
        help="language of PyStemmer, 'learned', or 'none'; default: english",
    )
    argument("--weight", type=float, default=0.5, metavar="W", help="of words, 0 to 1; default: .5")
    argument("--n-jobs", type=int, metavar="N", help="threads; -1 for all cores; default: 1")
    argument("-q", "--quiet", action="store_true", help="no summary")
    query = actions.add_parser("query", help="search an index")
    argument = query.add_argument
    argument("index", help="file that `skm2v search index` or TextSearcher.save wrote")
    argument("query", nargs="*", help="what to search; none, or '-': lines of standard input")
    argument("-k", type=positive, default=10, metavar="K", help="most hits of a query; default: 10")
    argument("--weight", type=float, metavar="W", help="of words, 0 to 1; default: as indexed")
    argument("--json", action="store_true", help="a line of JSON for each query")
    argument("--n-jobs", type=int, metavar="N", help="threads; -1 for all cores; default: 1")


def run(arguments: argparse.Namespace) -> None:
    """Run ``skm2v search``."""
    if arguments.action == "index":
        _index(arguments)
    else:
        _query(arguments)


def _index(arguments: argparse.Namespace) -> None:
    from skm2v._embedder import StaticEmbedder
    from skm2v._search.searcher import TextSearcher

    source = RowFile(arguments.input, arguments.column, arguments.delimiter)
    ids = None
    if arguments.id is not None:
        if arguments.id not in source.columns:
            raise ValueError(f"{arguments.input} has no column {arguments.id!r} for --id.")
        ids = source[arguments.id]
    searcher = TextSearcher(
        StaticEmbedder(arguments.model, n_jobs=arguments.n_jobs),
        stemmer=arguments.stemmer,
        lexical_weight=arguments.weight,
        n_jobs=arguments.n_jobs,
    )
    searcher.fit(source[source.column], ids=ids).save(arguments.output)
    if not arguments.quiet:
        report = searcher.fit_report_
        say(f"{report['n_documents']:,} texts, {report['n_terms']:,} terms")


def _query(arguments: argparse.Namespace) -> None:
    from skm2v._search.searcher import TextSearcher

    try:
        searcher = TextSearcher.load(arguments.index, mmap=True, n_jobs=arguments.n_jobs)
    except ModelFormatError as error:
        raise ModelFormatError(
            f"{error} An index is what `skm2v search index` writes of a file of texts."
        ) from error
    if arguments.weight is not None:
        searcher.set_params(lexical_weight=arguments.weight)
    for queries in _queries(arguments.query):
        for query, hits in zip(queries, searcher.search(queries, arguments.k), strict=True):
            for line in _as_json(query, hits) if arguments.json else _as_text(hits):
                output().write(line + "\n")
            if not arguments.json:
                output().write("\n")
        output().flush()


def _queries(given: list[str]) -> Iterator[list[str]]:
    """Batches of queries: those that are given, or lines of standard input."""
    if given and given != ["-"]:
        yield given
        return
    with TextFile("-", kind="lines") as source:
        # Whoever writes into a pipe may wait for the answer before asking on.
        size = LINES if source.is_stored() else 1
        for batch in batches(source.texts(), size):
            yield list(batch)


def _as_text(hits: list[Any]) -> Iterator[str]:
    for hit in hits:
        yield f"{hit.score:.3f}\t{hit.id}\t{' '.join(hit.text.split())}"


def _as_json(query: str, hits: list[Any]) -> Iterator[str]:
    names = ("id", "score", "cosine", "bm25", "text")
    found = [{name: getattr(hit, name) for name in names} for hit in hits]
    yield json.dumps({"query": query, "hits": found}, ensure_ascii=False)
