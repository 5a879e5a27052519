"""The cost of a fit to sentences: seconds, memory, and bytes (see sentence_distillation.py)."""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from speed_common import limit_threads, markdown

SCRIPT = Path(__file__).with_name("sentence_distillation.py")
TEACHER_PASS = "teacher's texts"  # the stage that a real teacher would spend minutes in
# Name, texts, vocabulary: one for each way that the regression can take.
SOLVERS = (
    ("factorised, unknowns", 12_000, 5_000),
    ("factorised, texts", 3_000, 30_522),
    ("iterated", 20_000, 30_522),
)


def run(options: argparse.Namespace) -> int:
    """Run the command that the arguments ask for."""
    if options.command == "scale":
        return _scale_child(options) if options.child else _scale(options)
    return _threads_child(options) if options.child else _threads(options)


def _fit(n_texts: int, n_tokens: int, kind: str, *, pairs: bool = False) -> Any:
    from synthetic_teacher import SyntheticTeacher, made_up_texts

    from skm2v._distillation import SentenceRecipe, TeacherPass, TokenRecipe

    teacher = SyntheticTeacher(n_tokens, kind)
    texts = made_up_texts(teacher.words, n_texts)
    recipe = SentenceRecipe(
        TokenRecipe(pca_dims=256, quantize_to="float32"), ngram_range=(1, 2 if pairs else 1)
    )
    return lambda: recipe.build(TeacherPass(teacher, lambda: teacher), texts)


# ---- scale -----------------------------------------------------------------------------------


class _Stages(logging.Handler):
    """Peak memory of each stage, from the messages at their ends."""

    def __init__(self) -> None:
        super().__init__()
        self.peaks: dict[str, float] = {}
        self.outer = 0.0
        _peak_since_last()

    def emit(self, record: logging.LogRecord) -> None:
        name, _, seconds = record.getMessage().removeprefix("distill: ").rpartition(" in ")
        if seconds.endswith(" s"):
            self.peaks[name] = max(self.peaks.get(name, 0.0), _peak_since_last())


def _peak_since_last() -> float:
    """Largest resident memory since the last call, in MB (Linux; elsewhere since the start)."""
    try:
        status = Path("/proc/self/status").read_text()
        peak = int(status.split("VmHWM:")[1].split()[0]) / 1e3
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        return peak
    except (OSError, IndexError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _scale_child(options: argparse.Namespace) -> int:
    [n_texts] = options.texts
    fit = _fit(n_texts, options.vocabulary, options.kind, pairs=options.pairs)
    logger = logging.getLogger("skm2v")
    logger.setLevel(logging.INFO)
    before = _peak_since_last()
    logger.addHandler(stages := _Stages())
    cpu = time.process_time()
    _, report = fit()
    facts = {**report.to_dict(), "cpu": time.process_time() - cpu}
    json.dump({**facts, "peaks": stages.peaks, "before": before}, sys.stdout)
    return 0


def _scale(options: argparse.Namespace) -> int:
    print(
        f"synthetic teacher of {options.vocabulary:,} tokens ({options.kind}), 384 dimensions;"
        f" texts of 12 words on average; table of 256 dimensions{', pairs' * options.pairs};"
        f" OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'all')}\n"
    )
    results = {}
    for n_texts in options.texts:
        command = [sys.executable, SCRIPT, "scale", "--child", "--texts", str(n_texts)]
        command += ["--vocabulary", str(options.vocabulary), "--kind", options.kind]
        command += ["--pairs"] * options.pairs
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        results[n_texts] = json.loads(done.stdout)
    names = list(dict.fromkeys(name for r in results.values() for name in r["seconds"]))
    names.remove("all")
    rows: list[list[Any]] = []
    for name in names:
        cells = [
            f"{r['seconds'].get(name, 0):.1f} s, {r['peaks'].get(name, 0):,.0f} MB"
            for r in results.values()
        ]
        rows.append([name, *cells])
    cpu = ["processor seconds, all", *(f"{r['cpu']:.1f} s" for r in results.values())]
    whole, facts = ["fit without the teacher's texts"], ["tokens seen; gamma, rho; held-out cosine"]
    for result in results.values():
        seconds = result["seconds"]["all"] - result["seconds"][TEACHER_PASS]
        peak = max(peak for name, peak in result["peaks"].items())
        whole.append(f"{seconds:.1f} s, {peak:,.0f} MB")
        cosines = result.get("held_out_cosine", {})
        facts.append(
            f"{result.get('n_seen_tokens', 0):,}; {result.get('gamma')}, {result.get('rho')};"
            f" {cosines.get('tokens', 0):.3f} -> {cosines.get('result', 0):.3f}"
        )
    print(markdown(["stage", *(f"{n:,} texts" for n in results)], [*rows, whole, cpu, facts]))
    before = ", ".join(f"{result['before']:,.0f}" for result in results.values())
    print(
        "\nMemory is the largest of the process in the stage; texts and synthetic teacher alone,"
        f" before: {before} MB."
    )
    return 0


# ---- threads ---------------------------------------------------------------------------------


def _threads_child(options: argparse.Namespace) -> int:
    for number, (_, n_texts, n_tokens) in enumerate(SOLVERS):
        model, _ = _fit(n_texts, n_tokens, "wordpiece")()
        model.save_pretrained(options.child / str(number))
    if options.teacher:
        from skm2v import load_teacher
        from skm2v.datasets import load_banking77

        texts = load_banking77(subset="test").data[:512]
        vectors = load_teacher(str(options.teacher), device="cpu").encode(texts)
        np.save(options.child / "teacher.npy", vectors)
    return 0


def _threads(options: argparse.Namespace) -> int:
    """Fit in processes with different numbers of threads, and compare what they saved."""
    differing = 0
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name, str(n)) for n in options.threads]
        for n, folder in zip(options.threads, folders, strict=True):
            environment = dict(os.environ)
            limit_threads(n)
            environment |= {key: os.environ[key] for key in os.environ if key.endswith("_THREADS")}
            command = [sys.executable, SCRIPT, "threads", "--child", folder]
            command += ["--teacher", options.teacher] if options.teacher else []
            subprocess.run(command, check=True, env=environment)
        for number, (case, n_texts, n_tokens) in enumerate(SOLVERS):
            files = [_digests(folder / str(number)) for folder in folders]
            other = [file for file in files[0] if any(f[file] != files[0][file] for f in files)]
            differing += bool(other)
            print(f"{case} ({n_texts:,} texts, {n_tokens:,} tokens):", end=" ")
            if not other:
                print(f"the same bytes with {options.threads} threads")
            else:
                print(f"{', '.join(other)} differ with {options.threads} threads;", end=" ")
                print(_difference([folder / str(number) for folder in folders]))
            print(f"    model.safetensors {files[0]['model.safetensors']}")
        if options.teacher:
            passes = [np.load(folder / "teacher.npy") for folder in folders]
            largest = max(np.abs(vectors - passes[0]).max() for vectors in passes[1:])
            print(f"the teacher's own vectors of {len(passes[0])} texts differ by {largest:.1e}")
    return differing


def _digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def _difference(folders: list[Path]) -> str:
    from skm2v import StaticModel

    tables = [StaticModel.from_pretrained(folder).embedding for folder in folders]
    largest = max(np.abs(table - tables[0]).max() for table in tables[1:])
    return f"entries by at most {largest:.1e}, where the largest is {np.abs(tables[0]).max():.2f}"
