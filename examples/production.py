"""
Production: train, fuse, and serve from processes that share one table
======================================================================

A classifier is trained with everything that training needs, then fused: collapsed into one table
with scores for each token, in one file that holds numbers and strings only. The processes that
serve it load neither torch nor scikit-learn's training code, and map the file into memory, so that
the operating system keeps one copy of the table however many of them there are.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skm2v import StaticEmbedder, StaticTextClassifier, fuse
from skm2v.datasets import load_sms_spam

# %%
# What each serving process runs. It reads messages, one JSON string a line, and answers in kind.
SERVER = """
import json, resource, sys, time
start = time.perf_counter()
from skm2v import FusedTextClassifier
model = FusedTextClassifier.load(sys.argv[1], mmap=True)
model.predict(["warm up"])
ready = time.perf_counter() - start
training = [name for name in sys.modules if name in (
    "torch", "sklearn.linear_model", "sklearn.svm", "sklearn.model_selection", "sklearn.pipeline")]
answers, seconds = [], []
for line in sys.stdin:
    message = json.loads(line)
    start = time.perf_counter()
    answers.append(int(model.predict([message])[0]))
    seconds.append(time.perf_counter() - start)
json.dump({"answers": answers, "ready": ready, "training": training,
    "median": sorted(seconds)[len(seconds) // 2],
    "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}, sys.stdout)
"""


def serve(path: Path, messages: list[str], n_processes: int = 2) -> list[dict]:
    """Let several processes classify shares of the messages."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SERVER, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(n_processes)
    ]
    for i, process in enumerate(processes):
        for message in messages[i::n_processes]:
            process.stdin.write(json.dumps(message) + "\n")
        process.stdin.close()
    reports = [json.loads(process.stdout.read()) for process in processes]
    for process in processes:
        process.stdout.close()
        process.wait()
    return reports


def main() -> None:
    X_train, y_train = load_sms_spam(subset="train", return_X_y=True)
    X_test, y_test = load_sms_spam(subset="test", return_X_y=True)
    # Without normalisation no vector is needed at predict time: one score for each token.
    pipeline = make_pipeline(
        StaticEmbedder(normalize=False), LogisticRegression(C=100, max_iter=1000)
    )
    models = {"Pipeline": pipeline, "StaticTextClassifier": StaticTextClassifier()}
    with tempfile.TemporaryDirectory() as folder:
        for name, model in models.items():
            start = time.perf_counter()
            model.fit(X_train, y_train)
            seconds = time.perf_counter() - start
            path = Path(folder) / f"{name}.safetensors"
            fuse(model).save(path)
            expected = model.predict(X_test)
            print(f"{name}: fitted in {seconds:.1f} s, fused into {path.stat().st_size:,} bytes")
            reports = serve(path, X_test)
            for i, report in enumerate(reports):
                same = np.array_equal(report["answers"], expected[i :: len(reports)])
                print(
                    f"  process {i}: ready in {report['ready']:.2f} s,"
                    f" {1e6 * report['median']:.0f} us a message, {report['megabytes']:.0f} MB,"
                    f" training code loaded: {report['training'] or 'none'},"
                    f" answers {'the same' if same else 'DIFFERENT'}"
                )
            print(f"  accuracy {np.mean(expected == y_test):.4f}")


if __name__ == "__main__":
    main()
