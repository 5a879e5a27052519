"""What `objective="sentences"` gains, what it costs, and whether it repeats itself.

    python benchmarks/sentence_distillation.py in-domain --data DIR --cache DIR
    python benchmarks/sentence_distillation.py rival     --data DIR --cache DIR
    python benchmarks/sentence_distillation.py general   --data DIR --cache DIR
    python benchmarks/sentence_distillation.py scale     [--texts 50000 ...] [--vocabulary 30522]
    python benchmarks/sentence_distillation.py threads

The first three compare with the table of model2vec's own `distill` of the same teacher, with 256
dimensions, and with the teacher; they need model2vec[distill,train] and the development sets.
`--cache` keeps the teacher's vectors and the scores, so that a second run takes minutes. The last
two use a synthetic teacher, which costs nothing, and measure the fit alone. Each case of these runs
in a process of its own.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from speed_common import environment, show_environment, simd_in_use  # noqa: E402


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    help_ = {
        "in-domain": "fit to unlabelled texts of a domain, test on unseen ones of it",
        "rival": "model2vec's StaticModelForSimilarity, fitted to the same texts and vectors",
        "general": "the bundled default model, on all development sets",
    }
    for name, text in help_.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("--data", type=Path, required=True, help="the development sets")
        command.add_argument("--cache", type=Path, required=True, help="kept between runs")
        command.add_argument("--teacher", type=Path, help="folder of all-MiniLM-L6-v2")
        command.add_argument("--without", default="", help="sets to leave out, with commas")
        if name == "in-domain":
            command.add_argument("--seeds", type=int, default=5, help="halvings of Stack Overflow")
        elif name == "rival":
            command.add_argument("--corpus", type=Path, help="general texts, one a line")
            command.add_argument("--only", default="", help="part of the name of a domain")
        else:
            command.add_argument("--model", default="default", help="folder of another model")
    scale = commands.add_parser("scale", help="seconds and memory of each stage, by size")
    scale.add_argument("--texts", type=int, nargs="+", default=[5_000, 50_000, 500_000])
    scale.add_argument("--vocabulary", type=int, default=30_522)
    scale.add_argument("--kind", default="wordpiece", choices=("wordpiece", "unigram"))
    scale.add_argument("--pairs", action="store_true", help="ngram_range=(1, 2)")
    scale.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    threads = commands.add_parser("threads", help="the same bytes with 1 and 2 threads?")
    threads.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    threads.add_argument("--teacher", type=Path, help="folder; its own pass is compared, too")
    threads.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    options = _arguments()
    if options.command in ("scale", "threads"):
        import sentence_cost as part
    else:
        import sentence_quality as part  # type: ignore[no-redef]
    child = getattr(options, "child", None)
    if not child:
        show_environment(environment(simd_in_use()))
    return part.run(options)


if __name__ == "__main__":
    sys.exit(main())
