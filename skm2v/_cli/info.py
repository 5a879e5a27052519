"""``skm2v info``: describe a model."""

from __future__ import annotations

import argparse
import json
from typing import Any

from skm2v._cli.arguments import load_model
from skm2v._cli.process import output

__all__ = ["HELP", "NAME", "add_arguments", "run"]

NAME = "info"
HELP = "describe a model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``skm2v info`` to a parser."""
    parser.description = "Say what a static model is made of."
    parser.add_argument(
        "model", nargs="?", default="default", help="folder or hub id; default: bundled model"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(arguments: argparse.Namespace) -> None:
    """Run ``skm2v info``."""
    file = output()
    model = load_model(arguments.model)
    config = model.config
    facts: dict[str, Any] = {
        "model": arguments.model,
        "teacher": config.teacher,
        "revision": config.revision,
        "licence": config.licence,
        "objective": config.objective,
        "prompt": config.prompt,
        "teacher dtype": config.teacher_dtype,
        "pooling": config.pooling,
        "sif coefficient": config.sif_coefficient,
        "tokens": len(model.tokens),
        "dimensions": model.dim,
        "rows": int(model.embedding.shape[0]),
        "stored as": str(model.embedding.dtype),
        "normalize": model.normalize,
        "max length": model.max_length,
        "split unknown": model.split_unknown,
        "columns ordered": config.pca_ordered,
        "adapted": "; ".join(map(str, config.adaptations)) or None,
        "stretched along": "; ".join(map(str, config.stretches)) or None,
        "made with": ", ".join(f"{k} {v}" for k, v in config.created_with.items()) or None,
    }
    if arguments.json:
        print(json.dumps(facts, indent=2), file=file)
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}} : {'-' if value is None else value}", file=file)
