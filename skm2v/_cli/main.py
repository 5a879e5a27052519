"""The ``skm2v`` command: distil a teacher, embed texts, describe a model, evaluate models."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from skm2v._cli.text_files import FORMATS, TextFile, VectorWriter, batches
from skm2v._version import __version__
from skm2v.exceptions import Skm2vError

if TYPE_CHECKING:
    from skm2v._static_model import StaticModel

# Exit codes: 0 done, 1 the reader of our output went away, 2 the user can mend it, 130 Ctrl-C.
_USER_ERROR = 2

_OF_MODEL: Any = object()  # None already means no limit


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, default=None
        Arguments without the program's name; None takes those of the process.

    Returns
    -------
    code : int
        Exit status: 0 on success, 2 with a message on stderr for anything the user can mend.
    """
    arguments = _parser().parse_args(argv)
    run: Callable[[argparse.Namespace], None] = arguments.run
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            run(arguments)
            sys.stdout.flush()
        except BrokenPipeError:
            # `skm2v embed ... | head`: nobody reads on. Python would complain again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except KeyboardInterrupt:
            _say("interrupted")
            return 130
        except (Skm2vError, OSError, ValueError) as error:
            _say(f"error: {error}")
            return _USER_ERROR
    return 0


def _say(message: str) -> None:
    print(f"skm2v: {message}", file=sys.stderr)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    _say(f"warning: {message}")


# --- distill --------------------------------------------------------------------------------


def _distill(arguments: argparse.Namespace) -> None:
    from skm2v.distill import distill

    if os.path.lexists(arguments.output) and not arguments.force:
        raise FileExistsError(f"{arguments.output} exists. Use --force to replace the model in it.")
    corpus = None
    if arguments.corpus is not None:
        with TextFile(arguments.corpus, column=arguments.column, field=arguments.field) as source:
            corpus = list(source.texts())
    elif arguments.column or arguments.field:
        raise ValueError("--column and --field name the texts of --corpus FILE, which is missing.")
    model = distill(
        arguments.teacher,
        objective="tokens" if corpus is None else "sentences",
        corpus=corpus,
        vocabulary=arguments.vocabulary,
        pca_dims=arguments.pca_dims,
        sif_coefficient=arguments.sif_coefficient,
        pooling=arguments.pooling,
        quantize_to=arguments.quantize_to,
        vocabulary_quantization=arguments.vocabulary_quantization,
        max_length=arguments.max_length,
        normalize=not arguments.no_normalize,
        device=arguments.device,
        revision=arguments.revision,
        subfolder=arguments.subfolder,
        trust_remote_code=arguments.trust_remote_code,
        memory=arguments.memory,
        show_progress_bar=sys.stderr.isatty() and not arguments.quiet,
    )
    model.save_pretrained(arguments.output)
    if not arguments.quiet:
        size = (Path(arguments.output) / "model.safetensors").stat().st_size
        _say(
            f"{arguments.output}: {len(model.tokens):,} tokens x {model.dim} dimensions, "
            f"{model.embedding.dtype}, {size / 1e6:.1f} MB"
        )


def _pca_dims(text: str) -> int | float | str | None:
    if text.lower() == "none":
        return None
    if text == "auto":
        return text
    with contextlib.suppress(ValueError):
        return float(text) if "." in text else int(text)
    raise argparse.ArgumentTypeError(
        f"{text!r} is not a number of dimensions (256), a share of the variance (0.9), "
        "'auto' or 'none'"
    )


def _optional(convert: Callable[[str], Any]) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        return None if text.lower() == "none" else convert(text)

    parse.__name__ = convert.__name__  # argparse says "invalid int value"
    return parse


def _word_list(path: str) -> list[str]:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"cannot read {path}: {error}") from error
    return [line.strip() for line in lines if line.strip()]


# --- embed ----------------------------------------------------------------------------------


def _embed(arguments: argparse.Namespace) -> None:
    source = TextFile(
        arguments.input,
        kind=arguments.format,
        column=arguments.column,
        field=arguments.field,
        delimiter=arguments.delimiter,
        missing_is_empty=arguments.handle_missing == "zero",
    )
    model = _load(arguments.model, arguments.dims)
    max_length = model.max_length if arguments.max_length is _OF_MODEL else arguments.max_length
    empty = truncated = 0
    with source, VectorWriter(arguments.output, model.dim) as writer:
        progress = _Progress(source, enabled=sys.stderr.isatty() and not arguments.quiet)
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
            progress.update(writer.rows)
        progress.close()
    # Counted over the whole file: a warning for each batch would be many, and none the sum.
    if empty:
        _say(f"warning: texts without a known token, their vectors are zero: {empty:,}")
    if truncated:
        _say(f"warning: texts cut to the maximum length, see --max-length: {truncated:,}")
    if not arguments.quiet and arguments.output != "-":
        _say(f"{arguments.output}: {writer.rows:,} x {model.dim}")


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


def _load(name: str, dims: int | None = None) -> StaticModel:
    from skm2v._static_model import StaticModel
    from skm2v.datasets import default_model_path

    return StaticModel.from_pretrained(
        default_model_path() if name == "default" else name, dimensionality=dims
    )


# --- info -----------------------------------------------------------------------------------


def _info(arguments: argparse.Namespace) -> None:
    model = _load(arguments.model)
    config = model.config
    facts: dict[str, Any] = {
        "model": arguments.model,
        "teacher": config.teacher,
        "revision": config.revision,
        "licence": config.licence,
        "objective": config.objective,
        "pooling": config.pooling,
        "sif coefficient": config.sif_coefficient,
        "tokens": len(model.tokens),
        "dimensions": model.dim,
        "rows": int(model.embedding.shape[0]),
        "stored as": str(model.embedding.dtype),
        "normalize": model.normalize,
        "max length": model.max_length,
        "columns by variance": config.pca_ordered,
        "adapted": "; ".join(map(str, config.adaptations)) or None,
        "made with": ", ".join(f"{k} {v}" for k, v in config.created_with.items()) or None,
    }
    if arguments.json:
        print(json.dumps(facts, indent=2))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}} : {'-' if value is None else value}")


# --- arguments ------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print(f"skm2v: error: {message}\nTry `{self.prog} --help`.", file=sys.stderr)
        raise SystemExit(_USER_ERROR)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="skm2v", description="Static text embeddings for scikit-learn.")
    parser.add_argument("--version", action="version", version=f"skm2v {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_distill(commands)
    _add_embed(commands)
    _add_info(commands)
    _add_eval(commands)
    return parser


def _add_distill(commands: Any) -> None:
    add = commands.add_parser(
        "distill",
        help="make a static model of a sentence transformer",
        description="Distil a sentence transformer into a static model (needs skm2v[distill]).",
    )
    add.set_defaults(run=_distill)
    argument = add.add_argument
    argument("teacher", help="hub id, or folder of a sentence transformer")
    argument("output", help="folder to write the model to")
    argument("--force", action="store_true", help="replace a model that is in OUTPUT")
    argument(
        "--pca-dims",
        type=_pca_dims,
        default=256,
        metavar="N",
        help="dimensions: a number, a share of the variance, 'auto' (rotate, keep all) or 'none'; "
        "default: 256",
    )
    argument(
        "--corpus",
        metavar="FILE",
        help="texts like those to embed, as lines, CSV or JSONL: the teacher reads them and the "
        "table is fitted to them",
    )
    argument("--column", help="name of the corpus's CSV column that holds the texts")
    argument("--field", help="name of the corpus's JSONL field that holds the texts")
    argument("--vocabulary", type=_word_list, metavar="FILE", help="words to add, one on each line")
    argument(
        "--sif-coefficient",
        type=_optional(float),
        default=1e-4,
        metavar="A",
        help="smooth inverse frequency; 'none' for no weights; default: 1e-4",
    )
    argument(
        "--pooling",
        choices=("mean", "last", "first", "pooler", "auto"),
        default="mean",
        help="how the teacher's states of a token become one vector; default: mean",
    )
    argument(
        "--quantize-to",
        choices=("float16", "float32", "float64", "int8"),
        default="float16",
        help="type of the stored table; default: float16",
    )
    argument("--vocabulary-quantization", type=int, metavar="K", help="share K rows among tokens")
    argument(
        "--max-length",
        type=_optional(int),
        default=512,
        metavar="N",
        help="tokens of a text that count; 'none' for all; default: 512",
    )
    argument("--no-normalize", action="store_true", help="leave vectors at their own length")
    argument("--memory", metavar="DIR", help="keep what the teacher read, for the next time")
    argument("--device", help="torch device, such as cpu or cuda")
    argument("--revision", help="commit, tag or branch of a hub id")
    argument("--subfolder", help="folder inside the repository")
    argument("--trust-remote-code", action="store_true", help="run code that the teacher brings")
    argument("-q", "--quiet", action="store_true", help="no progress bar, no summary")


def _add_embed(commands: Any) -> None:
    add = commands.add_parser(
        "embed",
        help="embed the texts of a file",
        description="Embed texts: lines, a column of a CSV file or a field of a JSONL file.",
    )
    add.set_defaults(run=_embed)
    argument = add.add_argument
    argument("input", nargs="?", default="-", help="file of texts, may end in .gz; default: stdin")
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
        help="a JSONL field that is null or not there: an error, or a zero vector",
    )
    argument("--dims", type=int, metavar="K", help="keep the first K dimensions")
    argument("--max-length", type=_optional(int), default=_OF_MODEL, metavar="N", help="in tokens")
    argument("--no-normalize", action="store_true", help="leave vectors at their own length")
    argument("--n-jobs", type=int, metavar="N", help="threads; -1 for all cores; default: 1")
    argument("--batch-size", type=_positive, default=10_000, metavar="N", help=argparse.SUPPRESS)
    argument("-q", "--quiet", action="store_true", help="no progress, no summary")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def _add_info(commands: Any) -> None:
    add = commands.add_parser(
        "info", help="describe a model", description="Say what a static model is made of."
    )
    add.set_defaults(run=_info)
    add.add_argument(
        "model", nargs="?", default="default", help="folder or hub id; default: bundled model"
    )
    add.add_argument("--json", action="store_true", help="as JSON")


def _add_eval(commands: Any) -> None:
    from skm2v._cli import evaluate

    add = commands.add_parser("eval", help="score models on tasks, with MTEB's protocols")
    add.set_defaults(run=evaluate.run)
    evaluate.add_arguments(add)
