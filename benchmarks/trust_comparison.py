"""What damage, odd input, threads and kills do to skm2v and to Model2Vec: the same probes on both.

    python -m venv peer && peer/bin/pip install model2vec==0.10.0
    python benchmarks/trust_comparison.py --peer peer/bin/python [--mutants 2000] [--model FOLDER]

Each package loads the model (a folder in Model2Vec's layout), saves it in its own way, and is tried
in processes of its own. "Silent": something was damaged, and without an error the model has another
table, or other vectors of some texts, than before. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "tests" / "model" / "fixtures" / "model2vec-float32"
TEXTS = ["the bank of london", "free money", "water", "", "x" * 300, "the " * 700, "é中文 👩‍👧"]
SECONDS = 5  # after which a call is a hang


def loader(package: str) -> Callable[[str], Any]:
    if package == "skm2v":
        sys.path.insert(0, str(ROOT))
        from skm2v import StaticModel

        return StaticModel.from_pretrained
    from model2vec import StaticModel as Theirs

    return Theirs.from_pretrained


def encode(model: Any, texts: Any) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        vectors: np.ndarray = model.encode(texts)
    return vectors


def content(model: Any) -> bytes:
    """Return all numbers of a model, and its vectors of some texts."""
    names = ("embedding", "weights", "token_mapping")
    arrays = [getattr(model, name, None) for name in names]
    parts = [np.asarray(array).tobytes() for array in arrays if array is not None]
    return b"|".join([*parts, encode(model, TEXTS).tobytes()])


def in_child(work: Callable[[], str]) -> str:
    """Return what a forked child says, or how it died."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)  # libraries print warnings there
        os.dup2(nowhere, 2)  # and panics of Rust there
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        try:
            said = work()
        except BaseException as error:
            said = f"error {type(error).__name__}"
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        said = file.read().decode()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "hang" if os.WTERMSIG(status) == signal.SIGALRM else "crash"
    return said


def mutate(data: bytes, rng: random.Random) -> bytes:
    changed, place = bytearray(data), rng.randrange(max(len(data), 1))
    way = rng.choice(("flip", "flip", "flip", "cut", "double"))
    if way == "flip" and data:
        changed[place] ^= 1 << rng.randrange(8)
        return bytes(changed)
    return data[:place] if way == "cut" else data[:place] + data[place : place + 9] + data[place:]


def summary(outcomes: Counter[str]) -> str:
    kinds = Counter[str]()
    for outcome, n in outcomes.items():
        kinds["refused" if outcome.startswith("error") else outcome] += n
    names = sorted(name for name in outcomes if name.startswith("error"))
    listed = f" (as {', '.join(name.removeprefix('error ') for name in names)})" if names else ""
    order = ("refused", "same", "silent", "crash", "hang")
    return ", ".join(f"{kinds[kind]} {kind}" for kind in order if kinds[kind]) + listed


def damaged_files(model: Any, load: Any, size: int, folder: Path) -> str:
    model.save_pretrained(folder / "model")
    files = [
        path for path in (folder / "model").iterdir() if path.suffix in (".safetensors", ".json")
    ]
    wanted, outcomes = encode(load(str(folder / "model")), TEXTS).tobytes(), Counter[str]()

    def use() -> str:
        return (
            "same" if encode(load(str(folder / "model")), TEXTS).tobytes() == wanted else "silent"
        )

    for number in range(size):
        rng = random.Random(number)
        path = rng.choice(files)
        data = path.read_bytes()
        path.write_bytes(mutate(data, rng))
        outcomes[in_child(use)] += 1
        path.write_bytes(data)
    return summary(outcomes)


def flipped_pickles(model: Any, load: Any, size: int, folder: Path) -> str:
    try:
        data = pickle.dumps(model)
    except Exception as error:
        return f"cannot be pickled: {type(error).__name__}"
    wanted, outcomes = content(model), Counter[str]()
    for number in range(size):
        rng = random.Random(number)
        changed = bytearray(data)
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)

        def use(changed: bytes = bytes(changed)) -> str:
            again = pickle.loads(changed)
            return "same" if content(again) == wanted else "silent"

        outcomes[in_child(use)] += 1
    return summary(outcomes)


ODD: dict[str, Any] = {
    "None among texts": ["a", None],
    "NaN among texts": ["a", float("nan")],
    "numbers": [1, 2],
    "bytes": [b"a"],
    "a dict": {"a": 1, "b": 2},
    "a lone surrogate": ["\ud800"],
    "two columns": np.array([["a", "b"], ["c", "d"]], dtype=object),
    "an iterator of two": ["a", "b"],
}


def odd_input(model: Any, load: Any, size: int, folder: Path) -> str:
    found = []
    for name, texts in ODD.items():
        given = iter(texts) if name.startswith("an iterator") else texts

        def use(given: Any = given) -> str:
            vectors = encode(model, given)
            rows = vectors.shape[0] if vectors.ndim == 2 else vectors.shape
            return f"{rows} rows{'' if np.isfinite(vectors).all() else ', not finite'}"

        said = in_child(use).removeprefix("error ")
        found.append(f"{name}: {said}")
    return "; ".join(found)


def batches(model: Any, load: Any, size: int, folder: Path) -> str:
    rng = np.random.default_rng(0)
    words = ["the", "bank", "of", "london", "free", "money", "water", "card", "now", "find"]
    texts = [" ".join(rng.choice(words, rng.integers(1, 40))) for _ in range(size)]
    wanted = encode(model, texts)
    alone = np.concatenate([encode(model, [text]) for text in texts])
    turned = encode(model, texts[::-1])[::-1]
    n = sum(int((got != wanted).any(axis=1).sum()) for got in (alone, turned))
    return f"{n} of {2 * size} rows differ"


def threads(model: Any, load: Any, size: int, folder: Path) -> str:
    jobs = [TEXTS[i:] for i in range(len(TEXTS))]
    wanted = [encode(model, job).tobytes() for job in jobs]
    counts = Counter[str]()

    def work(number: int) -> None:
        rng = random.Random(number)
        for _ in range(size // 8):
            job = rng.randrange(len(jobs))
            try:
                counts["other vectors"] += model.encode(jobs[job]).tobytes() != wanted[job]
            except BaseException as error:
                counts[type(error).__name__] += 1

    sys.setswitchinterval(1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        running = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    bad = ", ".join(f"{n} {name}" for name, n in counts.items() if n)
    return f"{bad or 'none wrong'} of {size // 8 * 8} calls"


def killed_saves(model: Any, load: Any, size: int, folder: Path) -> str:
    """Kill saves of two models over each other; a reader has to get one of the two."""
    other = pickle.loads(pickle.dumps(model))
    table = np.asarray(model.embedding)
    if hasattr(other, "with_dimensions"):  # ours is not changed in place
        other = type(model)((table * -2).astype(table.dtype), model.tokenizer)
    else:
        other.embedding = (table * -2).astype(table.dtype)
    target, outcomes = folder / "model", Counter[str]()
    model.save_pretrained(target)
    answers = []
    start = time.perf_counter()
    for one in (other, model):
        one.save_pretrained(target)
        answers.append(content(load(str(target))))
    seconds = time.perf_counter() - start

    def use() -> str:
        return "same" if content(load(str(target))) in answers else "silent"

    rng = random.Random(0)
    for _ in range(size):
        child = os.fork()
        if child == 0:
            while True:
                other.save_pretrained(target)
                model.save_pretrained(target)
        time.sleep(rng.uniform(0, seconds))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        outcomes[in_child(use)] += 1
        model.save_pretrained(target)
    return summary(outcomes)


def long_text(model: Any, load: Any, size: int, folder: Path) -> str:
    """Processor seconds and memory of ten million characters without a space."""
    import resource

    def use() -> str:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.process_time()
        encode(model, ["x" * 10_000_000])
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        return f"{time.process_time() - start:.2f} s, {used / 1024:.0f} MB"

    return in_child(use)


PROBES: dict[str, tuple[Callable[..., str], float]] = {
    "damaged files": (damaged_files, 1),
    "flipped bits of a pickle": (flipped_pickles, 1),
    "odd input": (odd_input, 0),
    "batches and order": (batches, 1),
    "8 threads, one model": (threads, 4),
    "killed saves": (killed_saves, 0.05),
    "10 MB without a space": (long_text, 0),
}


def run_probe(package: str, name: str, model_folder: str, size: int) -> None:
    load = loader(package)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(PROBES[name][0](load(model_folder), load, size, Path(folder))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", help="the Python of an environment with model2vec")
    parser.add_argument("--model", default=str(MODEL), help="a folder in Model2Vec's layout")
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)  # package, probe, size
    arguments = parser.parse_args()
    if arguments.one:
        package, name, size = arguments.one
        run_probe(package, name, arguments.model, int(size))
        return
    pythons = {"skm2v": sys.executable, "model2vec": arguments.peer}
    print(f"| probe | {' | '.join(pythons)} |\n|---|---|---|")
    for name, (_, share) in PROBES.items():
        size = max(1, round(arguments.mutants * share))
        cells = []
        for package, python in pythons.items():
            if python is None:
                cells.append("not run")
                continue
            options = ["--one", package, name, str(size), "--model", arguments.model]
            done = subprocess.run(
                [python, __file__, *options], stdout=subprocess.PIPE, text=True, check=False
            )
            cells.append(json.loads(done.stdout) if done.returncode == 0 else "the probe failed")
        print(
            f"| {name}, {size:,} | {' | '.join(cells)} |"
            if share
            else f"| {name} | {' | '.join(cells)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
