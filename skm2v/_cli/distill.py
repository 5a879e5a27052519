"""``skm2v distill``: make a static model of a sentence transformer."""

from __future__ import annotations

import argparse
import contextlib
import os
from pathlib import Path

from skm2v._cli.arguments import optional
from skm2v._cli.process import on_terminal, say
from skm2v._cli.text_columns import DELIMITER_HELP
from skm2v._cli.text_files import TextFile
from skm2v._model.quantization import DTYPES
from skm2v.distill import distill
from skm2v.exceptions import TextValueError

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "distill"
HELP = "make a static model of a sentence transformer"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``skm2v distill`` to a parser."""
    from skm2v._distillation.teacher.device import TEACHER_DTYPES
    from skm2v._distillation.teacher.teacher import POOLINGS

    parser.description = "Distil a sentence transformer into a static model (needs skm2v[distill])."
    argument = parser.add_argument
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
    argument("--column", help="column of the corpus, a CSV file, or JSON field, of the texts")
    argument("--delimiter", metavar="CHARACTER", help=DELIMITER_HELP)
    argument("--field", help="the same, for JSON only")
    argument("--vocabulary", type=_word_list, metavar="FILE", help="words to add, one on each line")
    argument(
        "--sif-coefficient",
        type=optional(float),
        default=1e-4,
        metavar="A",
        help="smooth inverse frequency; 'none' for no weights; default: 1e-4",
    )
    argument(
        "--pooling",
        choices=POOLINGS,
        default="mean",
        help="how the teacher's states of a token become one vector; default: mean",
    )
    argument(
        "--quantize-to",
        choices=DTYPES,
        default="float16",
        help="type of the stored table; default: float16",
    )
    argument("--vocabulary-quantization", type=int, metavar="K", help="share K rows among tokens")
    argument(
        "--max-length",
        type=optional(int),
        default=512,
        metavar="N",
        help="tokens of a text that count; 'none' for all; default: 512",
    )
    argument("--no-normalize", action="store_true", help="leave vectors at their own length")
    argument(
        "--stretch",
        action="append",
        type=_axis,
        metavar="NAME=FACTOR",
        help="make distances along an axis longer, such as valence=1.5; may be repeated",
    )
    argument("--memory", metavar="DIR", help="keep what the teacher read, for the next time")
    argument(
        "--prompt",
        metavar="TEXT",
        help="what the teacher reads before every token and text, such as 'query: ' for E5",
    )
    argument("--device", help="torch device, such as cpu or cuda")
    argument(
        "--teacher-dtype",
        choices=TEACHER_DTYPES,
        default="float32",
        help="what the teacher computes in; bfloat16 takes half the time, where the processor or "
        "GPU has instructions for it; default: float32",
    )
    argument("--revision", help="commit, tag or branch of a hub id")
    argument("--subfolder", help="folder inside the repository")
    argument("--trust-remote-code", action="store_true", help="run code that the teacher brings")
    argument(
        "--allow-pickle-weights",
        action="store_true",
        help="load weights from pickles, which can run any code, where there are no safetensors",
    )
    argument("-q", "--quiet", action="store_true", help="no progress bar, no summary")


def run(arguments: argparse.Namespace) -> None:
    """Run ``skm2v distill``."""
    if os.path.lexists(arguments.output) and not arguments.force:
        raise FileExistsError(f"{arguments.output} exists. Use --force to replace the model in it.")
    corpus = None
    if arguments.corpus is not None:
        with TextFile(
            arguments.corpus,
            column=arguments.column,
            field=arguments.field,
            delimiter=arguments.delimiter,
        ) as source:
            corpus = list(source.texts())
    elif arguments.column or arguments.field or arguments.delimiter:
        raise ValueError(
            "--column, --field and --delimiter are for --corpus FILE, which is missing."
        )
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
        stretch=dict(arguments.stretch) if arguments.stretch else None,
        prompt=arguments.prompt,
        device=arguments.device,
        teacher_dtype=arguments.teacher_dtype,
        revision=arguments.revision,
        subfolder=arguments.subfolder,
        trust_remote_code=arguments.trust_remote_code,
        allow_pickle_weights=arguments.allow_pickle_weights,
        memory=arguments.memory,
        show_progress_bar=on_terminal() and not arguments.quiet,
    )
    model.save_pretrained(arguments.output)
    if not arguments.quiet:
        size = (Path(arguments.output) / "model.safetensors").stat().st_size
        say(
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


def _axis(text: str) -> tuple[str, float]:
    name, _, factor = text.partition("=")
    with contextlib.suppress(ValueError):
        return name, float(factor)
    raise argparse.ArgumentTypeError(f"{text!r} is no axis with a factor, such as valence=1.5")


def _word_list(path: str) -> list[str]:
    try:
        with TextFile(path, kind="lines") as source:
            words = [line.strip() for line in source.texts()]
    except (OSError, TextValueError) as error:
        raise argparse.ArgumentTypeError(f"cannot read {path}: {error}") from error
    return [word for word in words if word]
