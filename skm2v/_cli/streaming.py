"""From a file of texts to a file of what is made of them, in constant memory."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from skm2v._cli.arguments import positive
from skm2v._cli.batch import Batch
from skm2v._cli.formats import Columns, Format
from skm2v._cli.in_order import in_order
from skm2v._cli.parquet import ParquetTexts
from skm2v._cli.partial import Partial, identity_of
from skm2v._cli.process import say
from skm2v._cli.sinks import Sink
from skm2v._cli.text_columns import DELIMITER_HELP
from skm2v._cli.text_files import FORMATS, TextFile
from skm2v._pooling.threads import count_threads
from skm2v._progress import progress
from skm2v._version import __version__

__all__ = [
    "Made",
    "Source",
    "add_source_arguments",
    "check_names",
    "open_source",
    "say_losses",
    "stream",
]

Source = TextFile | ParquetTexts
# Rows at a time, which are a group of rows in a Parquet file.
ROWS = 10_000
# Batches that are worked on at a time where several threads can share one: while one batch is made
# into bytes, there is another.
AT_A_TIME = 2
# Arguments that do not decide about the rows of the output; of files it is their content that does.
NOT_DECIDING = {"run", "input", "output", "model", "n_jobs", "resume", "quiet"}


class Made(NamedTuple):
    """What was made of a batch, and how many of its texts lost something, by kind."""

    columns: Columns
    losses: dict[str, int]


def add_source_arguments(parser: argparse.ArgumentParser, kept: str) -> None:
    """Add what is said about a file of texts; `kept` is what stands beside these in the output."""
    argument = parser.add_argument
    argument(
        "--format",
        choices=(*FORMATS, "parquet"),
        help="of the input; default: by its name, else lines",
    )
    argument("--column", help="column of a CSV or Parquet file, or JSON field, of the texts")
    argument("--field", help="the same, for JSON only")
    argument("--delimiter", metavar="CHARACTER", help=DELIMITER_HELP)
    argument(
        "--handle-missing",
        choices=("error", "zero"),
        default="error",
        help="a JSON field that is null or not there, a null of a Parquet file, an empty line of a"
        " CSV file of one column: an error, or an empty text",
    )
    argument(
        "--keep",
        action="append",
        metavar="COLUMN",
        help=f"column or field to write beside {kept}, instead of the text; again for more",
    )
    argument(
        "--resume",
        action="store_true",
        help="keep what is finished if the run ends early, and go on from there",
    )
    argument("--n-jobs", type=int, metavar="N", help="threads; -1 for all cores; default: 1")
    argument("--batch-size", type=positive, default=ROWS, metavar="N", help=argparse.SUPPRESS)
    argument("-q", "--quiet", action="store_true", help="no progress, no summary")


def check_names(keep: list[str] | None, made: list[str]) -> list[str]:
    """Return the names of all columns of the output, or raise unless each has one of its own."""
    names = [*(["text"] if keep is None else keep), *made]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise ValueError(
            f"The output would have two columns {twice[0]!r}: leave it out of --keep, or rename it"
            " in the input."
        )
    return names


def open_source(arguments: argparse.Namespace, keep: list[str] | None) -> Source:
    """Open the file that `arguments.input` names, with the columns that batches have."""
    path, kind = arguments.input, arguments.format
    missing_is_empty = arguments.handle_missing == "zero"
    if kind == "parquet" or (kind is None and Path(path).suffix.lower() == ".parquet"):
        for name in ("field", "delimiter"):
            if getattr(arguments, name) is not None:
                raise ValueError(f"--{name} is not for Parquet, which has columns: --column.")
        if path == "-":
            raise ValueError("A Parquet file cannot be read from stdin: name the file.")
        return ParquetTexts(
            path, column=arguments.column, keep=keep, missing_is_empty=missing_is_empty
        )
    return TextFile(
        path,
        kind=kind,
        column=arguments.column,
        field=arguments.field,
        delimiter=arguments.delimiter,
        missing_is_empty=missing_is_empty,
        keep=keep,
    )


def stream(
    source: Source,
    make: Callable[[Any, int], Made],
    form: Format,
    arguments: argparse.Namespace,
    *,
    doing: str,
    shares: bool,
    model_sha256: Callable[[], str],
) -> tuple[int, Counter[str]]:
    """Write what is made of the texts of a source.

    Parameters
    ----------
    source : TextFile or ParquetTexts
    make : callable
        From texts, and a number of threads to use, to what is made of them; threads call it.
    form : Format
    arguments : Namespace
        Those that `add_source_arguments` adds, and `output`.
    doing : str
        What the progress is called.
    shares : bool
        Whether `make` can use more than one thread.
    model_sha256 : callable
        Tells what makes rows, for a run that goes on.

    Returns
    -------
    n_rows : int
    losses : Counter
        Texts that lost something, by kind.
    """
    n_threads = count_threads(arguments.n_jobs)
    at_a_time = min(n_threads, AT_A_TIME) if shares else n_threads

    def work(item: _Item) -> tuple[int, dict[str, int], Any]:
        first, batch, alone = item
        made = make(batch.texts, n_threads if alone else n_threads // at_a_time)
        encoded = form.encode({**batch.columns, **made.columns}, first)
        return len(batch.texts), made.losses, encoded

    def finish(worked: tuple[int, dict[str, int], Any]) -> int:
        n_texts, losses, encoded = worked
        sink.write(encoded, n_texts, losses)
        return n_texts

    quiet = arguments.quiet
    with source, _sink(form, arguments, model_sha256) as sink:
        if sink.n_rows:
            source.skip(sink.n_rows)
            if not quiet:
                say(f"going on after {sink.n_rows:,} rows")
        n_left = None if source.n_rows is None else source.n_rows - sink.n_rows
        items = _items(source, arguments.batch_size, sink.n_rows + 1, n_threads > 1)
        with (
            progress(
                doing, n_left, "texts", False if quiet else None, share=_share_of_rest(source)
            ) as advance,
            closing(in_order(items, work, finish, at_a_time)) as finished,
        ):
            for n_texts in finished:
                advance(n_texts)
    return sink.n_rows, sink.losses


def _sink(
    form: Format, arguments: argparse.Namespace, model_sha256: Callable[[], str]
) -> Sink | Partial:
    if not arguments.resume:
        return Sink(arguments.output, form)
    if arguments.output == "-":
        raise ValueError("--resume needs a file to go on with: name --output.")
    options = {
        f"--{name.replace('_', '-')}": value
        for name, value in vars(arguments).items()
        if name not in NOT_DECIDING
    }
    made_of = {
        **identity_of(arguments.input),
        "model": model_sha256(),
        "version of skm2v": __version__,
        **options,
    }
    return Partial(arguments.output, form, made_of)


def _share_of_rest(source: Source) -> Callable[[], float | None]:
    """Return what tells the share that is read of what is left now."""
    before = source.share_read()

    def share() -> float | None:
        now = source.share_read()
        if now is None or before is None:
            return now
        return (now - before) / (1 - before) if before < 1 else 1.0

    return share


class _Item(NamedTuple):
    """A batch, the number of its first row from 1, and whether there is no other batch."""

    first: int
    batch: Batch
    alone: bool


def _items(source: Source, size: int, first: int, look_ahead: bool) -> Iterator[_Item]:
    """Yield all batches, or one of no rows, of which what is made tells the types of columns.

    Without looking ahead nobody who waits for the answer to a line has to write another one.
    """
    batches, alone = source.batches(size), False
    if look_ahead:
        some = list(islice(batches, 2))
        batches, alone = chain(some, batches), len(some) == 1
    no_rows = first == 1
    for batch in batches:
        yield _Item(first, batch, alone)
        first += len(batch.texts)
        no_rows = False
    if no_rows:
        yield _Item(first, source.no_rows(), alone)


def say_losses(losses: Counter[str], messages: dict[str, str]) -> None:
    """Tell what texts lost, by kind.

    Counted over the whole file: a warning for each batch would be many, and none the sum.
    """
    for kind, message in messages.items():
        if losses[kind]:
            say(f"warning: {message}: {losses[kind]:,}")
