"""What is tried to break each promise of `docs/reliability.md`, in a size that can be chosen.

Every probe does as much as its size says and returns what it counted. What must not happen is
counted under a name of `WRONG`.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import polars as pl

from skm2v import StaticEmbedder, StaticModel
from skm2v.exceptions import Skm2vError
from tests import tiny
from tests.model.forge import tiny_model
from tests.pickled import KINDS, content_of, flip_in_children, make_objects
from tests.sharing import run_in_threads, surroundings
from tests.trust.random_tokenizers import CHARACTERS, WORDS, compare

ROOT = Path(__file__).parents[2]
Counts = Counter[str]
WRONG = (
    "errors",
    "different",
    "lost rows",
    "crashes",
    "silent changes",
    "left behind",
    "leaked MB",
)


@dataclass(frozen=True)
class Probe:
    """One way to try a promise.

    Attributes
    ----------
    promise, what : str
        The number in the guide, and what is tried.
    ci, release : int
        How often, in `make test` and in `make soak`.
    run : callable
        From such a number, and a folder, to what was counted.
    """

    promise: str
    what: str
    ci: int
    release: int
    run: Callable[[int, Path], Counts]

    def __str__(self) -> str:
        return f"{self.promise} {self.what}"


PROBES: list[Probe] = []


def probe(promise: str, what: str, *, ci: int, release: int) -> Callable[[Any], Any]:
    def register(run: Callable[[int, Path], Counts]) -> Callable[[int, Path], Counts]:
        PROBES.append(Probe(promise, what, ci, release, run))
        return run

    return register


def wrong_in(counts: Counts) -> Counts:
    """Return the part of what was counted that must not be there."""
    return Counter({name: counts[name] for name in WRONG if counts[name]})


@contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# --- Things to embed, and things to embed them with ---------------------------------------------


def random_text(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.5:
        return " ".join(rng.choices([*tiny.WORDS, *WORDS], k=rng.choice([0, 1, 2, 5, 20])))
    if kind < 0.9:
        return "".join(rng.choices(CHARACTERS, k=rng.choice([0, 1, 3, 10, 50])))
    return "".join(chr(rng.choice([*range(0xD800), *range(0xE000, 0x11000)])) for _ in range(8))


def random_cell(rng: random.Random) -> Any:
    odd = [None, math.nan, pd.NA, 1, 2.5, b"text", ["a"], ("a", "b"), {"a": 1}, {"a"}, "\ud800"]
    return rng.choice(odd) if rng.random() < 0.1 else random_text(rng)


CONTAINERS: tuple[Callable[[list[Any]], Any], ...] = (
    list,
    tuple,
    iter,
    lambda rows: np.array([*rows, None], dtype=object)[:-1],
    lambda rows: np.array([*rows, None], dtype=object)[:-1].reshape(-1, 1),
    lambda rows: np.array([str(row) for row in rows]),
    lambda rows: pd.Series(rows, dtype=object),
    lambda rows: pd.DataFrame({"text": pd.Series(rows, dtype=object)}),
    lambda rows: pl.Series("text", [None if row is None else str(row) for row in rows], pl.String),
    lambda rows: str(rows[0]) if rows else "",
    dict.fromkeys,
    lambda rows: {"text": rows},
    lambda rows: np.ones((len(rows), 2)),
    lambda rows: [rows, rows],
)


def embedders() -> list[StaticEmbedder]:
    kinds = [("wordpiece", "float32"), ("bpe", "int8"), ("unigram", "float16")]
    models = [tiny_model(kind, dtype) for kind, dtype in kinds]
    return [StaticEmbedder(model).fit(["a"]) for model in models]


def labelled() -> tuple[list[str], np.ndarray]:
    texts = list(tiny.SENTENCES)
    return texts, np.array(["ham", "spam"])[np.arange(len(texts)) % 2]


def objects() -> dict[str, Any]:
    """Return fitted objects that can be asked about texts."""
    names = ("StaticModel", "StaticEmbedder", "StaticTextClassifier", "FusedTextClassifier")
    names += ("FusedTextClassifier of a pipeline", "FusedTextRegressor")
    made = make_objects()
    return {name: made[name] for name in names}


def answers_of(fitted: Any) -> bytes:
    """Return what an object says of some texts, to the bit."""
    texts = list(tiny.SENTENCES[:12])
    names = ("encode", "transform", "decision_function", "predict")
    (method, *_) = [getattr(fitted, name) for name in names if hasattr(fitted, name)]
    with quiet():
        answers = np.asarray(method(texts))
    return answers.tobytes() + str(answers.dtype).encode()


# --- Input ----------------------------------------------------------------------------------------


@probe("P1", "any input gives a row for each text, or an error of ours", ci=600, release=200_000)
def any_input(size: int, folder: Path) -> Counts:
    rng, counts = random.Random(0), Counter[str]()
    some = [*embedders(), *(StaticEmbedder(e.model_, handle_missing="zero") for e in embedders())]
    for embedder in some[3:]:
        embedder.fit(["a"])
    with quiet():
        for _ in range(size):
            rows = [random_cell(rng) for _ in range(rng.choice([0, 1, 2, 7]))]
            embedder = rng.choice(some)
            try:
                X = rng.choice(CONTAINERS)(rows)
            except (TypeError, ValueError):  # such cells do not go into such a container
                counts["not made"] += 1
                continue
            try:
                vectors = embedder.transform(X)
            except (TypeError, ValueError) as error:
                counts["refused"] += 1
                if not isinstance(error, Skm2vError):
                    print(repr(error)[:300], repr(X)[:300], file=sys.stderr)
                    counts["errors"] += 1
                continue
            except Exception as error:
                print(repr(error), repr(X)[:200], file=sys.stderr)
                counts["errors"] += 1
                continue
            counts["embedded"] += 1
            counts["lost rows"] += vectors.shape != (len(rows), embedder.model_.dim)
            counts["errors"] += not np.isfinite(vectors).all()
    return counts


@probe("P2", "one column in every container gives the same", ci=20, release=5_000)
def containers(size: int, folder: Path) -> Counts:
    rng, counts = random.Random(1), Counter[str]()
    (embedder, *_) = embedders()
    with quiet():
        for _ in range(size):
            rows = [random_text(rng).replace("\0", "") for _ in range(rng.choice([1, 3, 20]))]
            wanted = embedder.transform(rows).tobytes()
            for container in CONTAINERS[1:9]:
                counts["calls"] += 1
                counts["different"] += embedder.transform(container(rows)).tobytes() != wanted
    return counts


@probe("P3", "a missing row changes no other row", ci=150, release=50_000)
def bad_rows(size: int, folder: Path) -> Counts:
    rng, counts = random.Random(2), Counter[str]()
    some = [StaticEmbedder(e.model_, handle_missing="zero").fit(["a"]) for e in embedders()]
    with quiet():
        for _ in range(size):
            rows = [random_text(rng) for _ in range(rng.choice([1, 3, 20]))]
            embedder, place = rng.choice(some), rng.randrange(len(rows) + 1)
            wanted = embedder.transform(rows)
            got = embedder.transform([*rows[:place], None, *rows[place:]])
            counts["calls"] += 1
            counts["different"] += got[place].any()
            counts["different"] += not np.array_equal(np.delete(got, place, axis=0), wanted)
    return counts


@probe("P4", "rows that were cut or are empty are counted in one warning", ci=100, release=20_000)
def losses(size: int, folder: Path) -> Counts:
    rng, counts = random.Random(3), Counter[str]()
    some = [StaticEmbedder(e.model_, max_length=4).fit(["a"]) for e in embedders()]
    for _ in range(size):
        embedder = rng.choice(some)
        rows = [random_text(rng) for _ in range(rng.choice([1, 3, 20]))]
        pooler = embedder.model_.pooler
        n_tokens = pooler.tokenizer.ids(rows).lengths
        n_cut = int((n_tokens > 4).sum())
        n_empty = int((pooler.token_ids(rows, max_length=4).lengths == 0).sum())
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            embedder.transform(rows)
        said = " ".join(str(warning.message) for warning in caught)
        counts["calls"] += 1
        counts["different"] += len(caught) != bool(n_cut or n_empty)
        counts["different"] += bool(n_cut) != (f"{n_cut} were cut" in said)
        counts["different"] += bool(n_empty) != (f"{n_empty} without a known token" in said)
    return counts


# --- Results --------------------------------------------------------------------------------------


@probe("P6", "rows in any batch, order and number of threads", ci=1_500, release=200_000)
def batches(size: int, folder: Path) -> Counts:
    counts = Counter[str]()
    with quiet():
        for number, embedder in enumerate(embedders()):
            rng = random.Random(number)
            texts = [random_text(rng) for _ in range(size // 3)]
            wanted = embedder.transform(texts)
            order = rng.sample(range(len(texts)), len(texts))
            layouts = [
                np.concatenate([embedder.transform([text]) for text in texts[:500]]),
                np.concatenate([embedder.transform(texts[i : i + 7]) for i in range(0, 700, 7)]),
                embedder.transform([texts[i] for i in order])[np.argsort(order)],
                embedder.transform([text for text in texts for _ in "ab"])[::2],
                np.concatenate(list(embedder.transform_iter(iter(texts), batch_size=64))),
                clone_with(embedder, n_jobs=2).transform(texts),
                clone_with(embedder, n_jobs=3).transform(tuple(texts)),
                embedder.transform(pd.Series(texts)),
            ]
            for got in layouts:
                counts["rows"] += len(got)
                counts["different"] += int((got != wanted[: len(got)]).any(axis=1).sum())
    return counts


def clone_with(embedder: StaticEmbedder, **parameters: Any) -> StaticEmbedder:
    return StaticEmbedder(embedder.model_, **parameters).fit(["a"])


SETTINGS: tuple[tuple[dict[str, str], tuple[str, ...]], ...] = (
    ({}, ()),
    ({"PYTHONHASHSEED": "1"}, ()),
    ({"PYTHONHASHSEED": "4294967295"}, ()),
    ({"LC_ALL": "C", "PYTHONUTF8": "0"}, ()),
    ({"LANG": "tr_TR.UTF-8"}, ()),
    ({"SKM2V_SIMD": "scalar"}, ()),
    ({"SKM2V_SIMD": "sse2"}, ()),
    ({"NPY_DISABLE_CPU_FEATURES": "AVX512F AVX2"}, ()),
    ({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}, ()),
    ({"OPENBLAS_CORETYPE": "Prescott"}, ()),
    ({}, ("-O",)),
    ({}, ("-X", "dev")),
)
HASHED = """
import hashlib, warnings
warnings.simplefilter("ignore")
from tests.trust.probes import embedders, random_text
import random
rng = random.Random(7)
texts = [random_text(rng) for _ in range(300)]
print(hashlib.sha256(b"".join(e.transform(texts).tobytes() for e in embedders())).hexdigest())
"""


@probe("P7", "processes with other settings give the same bytes", ci=4, release=12)
def settings(size: int, folder: Path) -> Counts:
    digests = []
    for environment, options in SETTINGS[:size]:
        if environment.get("SKM2V_SIMD") == "sse2" and os.uname().machine != "x86_64":
            continue
        digests.append(python(HASHED, environment=environment, options=options))
    return Counter(processes=len(digests), different=sum(one != digests[0] for one in digests))


def python(
    code: str, *arguments: str, environment: dict[str, str] | None = None, options: Any = ()
) -> str:
    """Run code in a process of its own and return what it prints."""
    return subprocess.run(
        [sys.executable, *options, "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        timeout=1800,
    ).stdout


@probe("P8", "norms are 1 or 0 at every scale of the table", ci=150, release=50_000)
def norms(size: int, folder: Path) -> Counts:
    rng, counts = np.random.default_rng(0), Counter[str]()
    tokenizer = tiny.tiny_tokenizer()
    n = tokenizer.get_vocab_size()
    texts = list(tiny.SENTENCES[:10])
    with quiet():
        for _ in range(size):
            dtype = rng.choice(["float16", "float32", "float64"])
            exponent = rng.uniform(-7, 4) if dtype == "float16" else rng.uniform(-30, 30)
            rows = rng.normal(size=(n, int(rng.integers(1, 8)))) * 10**exponent
            rows[rng.random(n) < 0.2] = 0
            model = StaticModel(rows.astype(dtype), tokenizer)
            lengths = np.linalg.norm(model.encode(texts).astype(float), axis=1)
            counts["rows"] += len(texts)
            right = (lengths == 0) | (np.abs(lengths - 1) < 1e-5)
            counts["different"] += int((~right).sum())
    return counts


@probe("P34", "texts under random tokenizers have the ids of tokenizers", ci=4_000, release=500_000)
def random_tokenizers(size: int, folder: Path) -> Counts:
    found = compare(1_000_000, n_tokenizers=-(-size // 50), n_texts=50)
    for line in found.differences[:5]:
        print(line[:500], file=sys.stderr)
    return Counter(found.counts) + Counter(different=len(found.differences))


# --- Running --------------------------------------------------------------------------------------


@probe("P10", "threads call one shared object", ci=4_000, release=1_000_000)
def threads(size: int, folder: Path) -> Counts:
    texts, _ = labelled()
    shared = [(one, [texts[:1], texts[3:8], texts]) for one in objects().values()]
    calls = [
        (getattr(one, name), job, getattr(one, name)(job).tobytes())
        for one, jobs in shared
        for name in ("encode", "transform", "predict")
        if hasattr(one, name)
        for job in jobs
    ]
    counts = Counter[str]()
    lock = threading.Lock()

    def work(number: int) -> None:
        rng, different = random.Random(number), 0
        for _ in range(size // 8):
            call, job, wanted = rng.choice(calls)
            different += call(job).tobytes() != wanted
        with lock:
            counts.update({"calls": size // 8, "different": different})

    try:
        run_in_threads(work, 8)
    except Exception as error:
        print(repr(error), file=sys.stderr)
        counts["errors"] += 1
    return counts


@probe("P11", "calls change nothing around them", ci=100, release=20_000)
def side_effects(size: int, folder: Path) -> Counts:
    rng, counts = random.Random(4), Counter[str]()
    some = list(objects().values())
    for _ in range(size):
        one = rng.choice(some)
        names = ("encode", "transform", "predict")
        method = next(getattr(one, name) for name in names if hasattr(one, name))
        X = [random_cell(rng) for _ in range(rng.choice([0, 1, 7]))]
        with quiet():
            before = surroundings(), joblib.hash(one)
            try:
                method(X)
            except (TypeError, ValueError):
                counts["refused"] += 1
            counts["different"] += (surroundings(), joblib.hash(one)) != before
        counts["calls"] += 1
    return counts


@probe("P12", "workers of every kind embed what this process does", ci=3, release=60)
def workers(size: int, folder: Path) -> Counts:
    (embedder, *_) = embedders()
    texts = list(tiny.SENTENCES)
    wanted, counts = embedder.transform(texts).tobytes(), Counter[str]()
    for backend in ("loky", "threading", "multiprocessing") * (size // 3):
        results = joblib.Parallel(n_jobs=2, backend=backend)(
            joblib.delayed(_embed)(embedder, texts) for _ in range(2)
        )
        counts["workers"] += 2
        counts["different"] += sum(result != wanted for result in results)
    return counts


def _embed(embedder: StaticEmbedder, texts: list[str]) -> bytes:
    return embedder.transform(texts).tobytes()


STREAMED = """
import resource, sys, warnings
warnings.simplefilter("ignore")
from tests.trust.probes import embedders
embedder = embedders()[0]
size = int(sys.argv[1])
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
def stream(n):
    for i in range(n):
        yield f"word{i} the bank of {i % 977}"
list(embedder.transform_iter(stream(2000), batch_size=512))
before, rows = peak(), 0
for batch in embedder.transform_iter(stream(size), batch_size=512):
    rows += len(batch)
print(rows, round(peak() - before))
"""


@probe("P29", "a stream of texts needs the memory of a batch", ci=20_000, release=10_000_000)
def streamed(size: int, folder: Path) -> Counts:
    rows, grown = map(int, python(STREAMED, str(size)).split())
    return Counter({"texts": rows, "MB more": grown, "leaked MB": grown if grown > 50 else 0})


GROWN = """
import gc, pickle, sys, warnings
warnings.simplefilter("ignore")
from skm2v import StaticModel
from tests.trust.probes import embedders
size = int(sys.argv[1])
def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20
embedder = embedders()[0]
data = pickle.dumps(embedder.model_)
def some(first, last):
    for i in range(first, last):
        embedder.transform([f"w{i} {i * 7919} the bank", "a"])
        if i % 10 == 0:
            pickle.loads(data).encode(["the bank"])
some(0, 2000)
before = resident()
some(2000, 2000 + size)
print(round(resident() - before))
"""


@probe("P30", "calls, new words and loads leave no memory behind", ci=3_000, release=1_000_000)
def leaks(size: int, folder: Path) -> Counts:
    grown = int(python(GROWN, str(size)))
    return Counter({"calls": size, "MB more": grown, "leaked MB": grown if grown > 10 else 0})


@probe("P31", "Ctrl-C at any time leaves the object as it was", ci=12, release=500)
def interrupts(size: int, folder: Path) -> Counts:
    rng, counts = random.Random(5), Counter[str]()
    (embedder, *_) = embedders()
    texts = list(tiny.SENTENCES)
    wanted, state = embedder.transform(texts).tobytes(), joblib.hash(embedder)
    many = ["the bank of water " * 50] * 4000
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for _ in range(size):
            timer = threading.Timer(rng.uniform(0, 0.05), signal.raise_signal, [signal.SIGINT])
            try:
                timer.start()
                while True:
                    embedder.transform(many)
            except KeyboardInterrupt:
                counts["interrupted"] += 1
            timer.join()
            counts["different"] += embedder.transform(texts).tobytes() != wanted
            counts["different"] += joblib.hash(embedder) != state
    finally:
        signal.signal(signal.SIGINT, inherited)
    return counts


# --- Pickles and files ----------------------------------------------------------------------------


@probe("P14", "round trips of random models", ci=12, release=1_000)
def round_trips(size: int, folder: Path) -> Counts:
    rng, counts = random.Random(6), Counter[str]()
    for _ in range(size):
        model = tiny_model(
            rng.choice(tiny.KINDS),
            rng.choice(["float16", "float32", "float64", "int8"]),
            normalize=rng.random() < 0.5,
            max_length=rng.choice([None, 3, 512]),
        )
        wanted = answers_of(model)
        copies = [pickle.loads(pickle.dumps(model, protocol)) for protocol in (2, 3, 4, 5)]
        path = folder / "model.joblib"
        joblib.dump(model, path, compress=rng.choice([0, 0, 3]))
        copies.append(joblib.load(path))
        model.save_pretrained(folder / "saved")
        copies.append(StaticModel.from_pretrained(folder / "saved"))
        counts["copies"] += len(copies)
        counts["different"] += sum(answers_of(one) != wanted or one != model for one in copies)
    return counts


@probe("P16", "flipped bits of pickles of every class", ci=5_000, release=2_700_000)
def flipped_bits(size: int, folder: Path) -> Counts:
    """Flip bits one by one: so many in all, which are all that there are in the size of a release.

    Those that change nothing are in names of versions. What breaks the machine of pickle itself,
    before a state of ours is looked at, ends the process: any pickle can do that.
    """
    rng, counts = random.Random(0), Counter[str]()
    for fitted in make_objects().values():
        data = pickle.dumps(fitted, protocol=5)
        n_bits, wanted = 8 * len(data), size // len(KINDS)
        bits = [*range(n_bits)] if wanted >= n_bits else rng.sample(range(n_bits), wanted)
        outcome = flip_in_children(data, bits, type(fitted), content_of(fitted))
        ended, refused = outcome.count(0), outcome.count(b"R")
        counts.update(
            {
                "bits": len(bits),
                "refused": refused,
                "ended by pickle": ended,
                "silent changes": outcome.count(b"C"),
                "crashes": max(0, ended - len(bits) // 100 - 2),
                "errors": refused + ended < 0.7 * len(bits),
            }
        )
    return counts


@probe("P19", "damaged model files are refused, or harmless (P20, P22)", ci=300, release=6_000_000)
def mutants(size: int, folder: Path) -> Counts:
    counts = Counter[str]()
    for seed in range(-(-size // 20_000)):
        count = min(20_000, size - 20_000 * seed)
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.model.fuzz",
                str(folder),
                f"{100 + seed}",
                "0",
                f"{count}",
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            check=False,
        )
        if done.returncode:
            counts["crashes"] += 1
            continue
        result = json.loads(done.stdout)
        counts += Counter(result["outcomes"])
        counts["errors"] += len(result["bad"]) + len(result["events"])
    return counts


@probe("P25", "saves that are killed leave the old or the new model", ci=12, release=2_000)
def kills(size: int, folder: Path) -> Counts:
    return contest("killed", folder / "model", size)


@probe("P27", "loads while two processes save", ci=60, release=100_000)
def races(size: int, folder: Path) -> Counts:
    return contest("race", folder / "model", size)


def contest(name: str, folder: Path, size: int) -> Counts:
    code = "import sys; from tests.model.contest import main; main(sys.argv[1:])"
    result = json.loads(python(code, name, str(folder), str(size)))
    return Counter({**result, "different": result["wrong"]})
