"""Write down what the compiled kernels are given and give back, for a program without Python.

    python -m tests.cross.record FOLDER

The models are those of `tests/corpus/`, whose vectors are of the first release, the bundled one in
several types of numbers, one with added words, and a fused classifier. `main.c` reads the files on
machines for which there is no Python at hand, such as big-endian ones: see `tools/cross.py`.
"""

from __future__ import annotations

import contextlib
import os
import struct
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from skm2v._pooling._kernel import DTYPES, Kernel

from skm2v import FusedTextClassifier, StaticModel, StaticTextClassifier, fuse
from skm2v._pairs import NeighborSearch, engines, pairs_above
from skm2v._pooling import kernel as kernel_module
from skm2v.datasets import load_banking77, load_sms_spam
from tests.corpus.make import CORPUS, TEXTS

ODD = [
    "", " ", "\t\n\r", "a\0b", "word" * 300, "x " * 700, "\u200b\ufeff", "\xa0\u3000\u2028x",
    "caf\u00e9 CAFE\u0301 \u00c5ngstr\u00f6m", "e\u0301\u0323 \u0323\u0301", "\ufb01ne \u2460",
    "don't stop, I'll (re-)try: 3.14 = \u03c0?!", "love\U0001f618\u2764\U0001f496 you",
    "\u041f\u0440\u0438\u0432\u0435\u0442", "\u039a\u03b1\u03bb\u03b7", "\u4e2d\u6587\u6f22\u5b57",
    "\u0928\u092e\u0938\u094d\u0924\u0947", "\u0e2a\u0e27\u0e31\u0e2a",
    "\U0001d400\U0001d401 \U00020000",
]  # fmt: skip


class Recording(Kernel):
    """A kernel that writes down its tables, what it asks, and what it answers."""

    def __init__(self, rows: Any, weights: Any, mapping: Any, pairs: Any, **options: Any) -> None:
        self.tables = {"rows": rows, "weights": weights, "mapping": mapping, "pairs": pairs}
        self.options = dict(options)
        self.described: dict[int, list[Any]] = {}
        self.chunks: dict[bytes, np.ndarray] = {}
        self.runs: list[dict[str, Any]] = []
        self.n_eager: int | None = None
        self._last: list[int] = []
        options["describe"] = self._described_by(options["describe"])
        options["tokenize_chunks"] = self._answered_by(options["tokenize_chunks"])
        if options.get("added") is not None:
            edges = self._edged_by(options["added"]["edges"])
            options["added"] = {**options["added"], "edges": edges}
        super().__init__(rows, weights, mapping, pairs, **options)

    def _described_by(self, describe: Any) -> Any:
        def recorded(code_points: list[int]) -> list[bytes]:
            self._last = list(code_points)
            found = describe(code_points)
            self.described.update({c: [d, 0] for c, d in zip(code_points, found, strict=True)})
            return found

        return recorded

    def _edged_by(self, edges: Any) -> Any:
        def recorded(descriptions: list[bytes]) -> Any:
            found = edges(descriptions)
            for code_point, edge in zip(self._last, found, strict=True):
                self.described[code_point][1] = int(edge)
            return found

        return recorded

    def _answered_by(self, tokenize: Any) -> Any:
        def recorded(chunks: list[str]) -> Any:
            ids, indptr = tokenize(chunks)
            for chunk, start, stop in zip(chunks, indptr[:-1], indptr[1:], strict=True):
                self.chunks[chunk.encode()] = np.array(ids[start:stop], dtype="<i4")
            return ids, indptr

        return recorded

    def set_words_alone(self, code_points: Iterable[int]) -> None:
        """Add code points as :class:`Kernel` does."""
        super().set_words_alone(code_points)
        for c in code_points:
            self.described[c] = [b"\0\1\1 \0\3" + chr(c).encode() + b"\1\1 ", 4]

    def pool_into(self, texts: Any, out: Any, *, empty: Any, truncated: Any, **options: Any) -> Any:
        """Pool texts, and write down all of it."""
        if self.n_eager is None:
            self.n_eager = len(self.described)
        noted = super().pool_into(texts, out, empty=empty, truncated=truncated, **options)
        ids, indptr = self.ids(texts, max_length=options["max_length"])
        scaling = 1 if options["normalize"] else 2 if options.get("total") else 0
        self.runs.append(
            {
                "texts": list(texts),
                "options": [
                    -1 if options["max_length"] is None else options["max_length"], scaling
                ],
                "out": out.copy(),
                "empty": np.array(empty).view(np.uint8).copy(),
                "truncated": np.array(truncated).view(np.uint8).copy(),
                "ids": np.frombuffer(ids, dtype=np.int32).copy(),
                "ids.ends": np.array(indptr),
            }
        )  # fmt: skip
        return noted


@contextlib.contextmanager
def recorded() -> Iterator[list[Recording]]:
    """Let kernels that are built meanwhile write down what they do."""
    built: list[Recording] = []

    def build(*args: Any, **options: Any) -> Recording:
        built.append(Recording(*args, **options))
        return built[-1]

    with mock.patch.object(kernel_module, "Kernel", build), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield built


# ---- files -----------------------------------------------------------------------------------


class Writer:
    """Named arrays, as `main.c` reads them."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._parts = path, []
        self.add("name", name.encode() + b"\0")

    def add(self, name: str, values: Any, dtype: str | None = None) -> None:
        """Add an array: bytes, or numbers of a type."""
        if isinstance(values, bytes):
            array = np.frombuffer(values, dtype=np.uint8)
        else:
            array = np.ascontiguousarray(values, dtype=dtype)
        size = array.dtype.itemsize
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        self._parts.append(name.encode() + b"\0" + struct.pack("<BQ", size, array.size))
        self._parts.append(little.tobytes())

    def add_strings(self, name: str, values: Iterable[bytes]) -> None:
        """Add byte strings, one after the other, and where they end."""
        values = list(values)
        self.add(name, b"".join(values))
        self.add(f"{name}.ends", np.cumsum([0, *map(len, values)]), "i8")

    def close(self) -> Path:
        """Write the file."""
        self._path.write_bytes(b"".join(self._parts))
        return self._path


def write_kernel(path: Path, name: str, kernel: Recording) -> Path:
    """Write down a kernel and its runs."""
    file, options, tables = Writer(path, name), kernel.options, kernel.tables
    rows, pairs = tables["rows"], tables["pairs"]
    n_pairs = 0 if pairs is None else len(pairs)
    mapping = tables["mapping"]
    native = 2 if options.get("unigram") else 3 if options.get("byte_level") else options["native"]
    file.add("rows", rows)
    numbers = [
        DTYPES[rows.dtype.char],
        rows.shape[1],
        len(rows) - n_pairs if mapping is None else len(mapping),
        int(native),
        not options["native"],
        options["unknown"],
        options["max_chars"],
        options["dropped"],
        len(rows) - n_pairs,
        kernel.n_eager,
    ]
    file.add("options", numbers, "i8")
    for table, dtype in (("weights", "f4"), ("mapping", "i4"), ("pairs", "i4")):
        if tables[table] is not None:
            file.add(table, tables[table], dtype)
    if options.get("foreign") is not None:
        file.add("foreign", options["foreign"], "u1")
    if options["native"]:
        entries = _entries(options["words"], options.get("prefix"))
        file.add_strings("words", (word for _, word, _ in entries))
        file.add("words.roots", [root for root, _, _ in entries], "i4")
        file.add("words.ids", [token for _, _, token in entries], "i4")
    if unigram := options.get("unigram"):
        file.add("unigram.scores", unigram["scores"], "f8")
        file.add("unigram.unknown_score", [unigram["unknown_score"]], "f8")
        file.add("unigram.marker", unigram["marker"])
        file.add("unigram.options", [unigram["spaces"], unigram["split"]], "i8")
        file.add("unigram.byte_ids", unigram["byte_ids"], "i4")
    if bpe := options.get("byte_level"):
        names = ("whole_words", "prefix_space", "any_prefix", "any_case", "digits", "lines")
        file.add("bpe.byte_ids", bpe["byte_ids"], "i4")
        file.add("bpe.merges", bpe["merges"], "i4")
        file.add("bpe.options", [int(bpe[one]) for one in names], "i8")
    if added := options.get("added"):
        file.add_strings("added.words", added["words"])
        file.add("added.flags", bytes(added["flags"]))
        file.add("added.ids", list(added["ids"]), "i4")
        file.add("added.collapse", added["collapse"])
        file.add("added.options", [int(added["bare"])], "i8")
    file.add("described", list(kernel.described), "u4")
    file.add_strings("descriptions", (one for one, _ in kernel.described.values()))
    file.add("edges", [edge for _, edge in kernel.described.values()], "u1")
    file.add_strings("chunks", kernel.chunks)
    file.add("chunks.ids", np.concatenate([np.zeros(0, "i4"), *kernel.chunks.values()]), "i4")
    file.add("chunks.ids.ends", np.cumsum([0, *map(len, kernel.chunks.values())]), "i8")
    _add_runs(file, kernel.runs)
    return file.close()


def _entries(words: dict[Any, int], prefix: str | None) -> list[tuple[int, bytes, int]]:
    """Entries of the trie as (root, UTF-8, id), as `_words` of the kernel makes them."""
    entries = []
    for word, token in words.items():
        utf8 = word if isinstance(word, bytes) else word.encode()
        entries.append((0, utf8, token))
        if prefix is not None and utf8.startswith(prefix.encode()):
            entries.append((1, utf8[len(prefix.encode()) :], token))
    return entries


def _add_runs(file: Writer, runs: list[dict[str, Any]]) -> None:
    numbers: dict[str, int] = {}
    for run in runs:
        for text in run["texts"]:
            numbers.setdefault(text, len(numbers))
    units: dict[int, list[Any]] = {1: [], 2: [], 4: []}
    starts = dict.fromkeys(units, 0)
    fields = []
    for text in numbers:  # as Python has them in memory
        most = max(map(ord, text), default=0)
        unit = 1 if most < 0x100 else 2 if most < 0x10000 else 4
        values = np.array([*map(ord, text)], dtype=f"u{unit}")
        fields.append([unit, starts[unit], len(values), text.isascii()])
        starts[unit] += len(values)
        units[unit].append(values)
    file.add("texts", np.array(fields), "i8")
    for unit, parts in units.items():
        file.add(f"texts.{unit}", np.concatenate([np.zeros(0), *parts]), f"u{unit}")
    for i, run in enumerate(runs):
        file.add(f"run{i}.options", run["options"], "i8")
        file.add(f"run{i}.texts", [numbers[text] for text in run["texts"]], "i8")
        for name, dtype in (("out", "f4"), ("empty", "u1"), ("truncated", "u1")):
            file.add(f"run{i}.{name}", run[name], dtype)
        file.add(f"run{i}.ids", run["ids"], "i4")
        file.add(f"run{i}.ids.ends", run["ids.ends"], "i8")


# ---- scans -----------------------------------------------------------------------------------


class RecordingScan:
    """A scan that writes down its arrays and what it found."""

    made: list[RecordingScan] = []
    real = engines._scan.Scan

    def __init__(self, name: str, left: Any, right: Any, *, triangle: bool, permitted: Any = None):
        assert name == "scalar", "codes are those of the scalar scanner and of neon"
        self.scan = self.real(name, left, right, triangle=triangle, permitted=permitted)
        self.left, self.right = left, right
        self.triangle, self.permitted = triangle, permitted
        self.found: list[Any] = []
        self.near: list[Any] = []
        self.made.append(self)

    def pairs(self, start: int, stop: int, threshold: float, cursor: int, *out: Any) -> Any:
        """Find pairs, and write them down."""
        if cursor == 0:
            self.found.append([(start, stop), threshold, [], [], []])
        n, cursor, n_candidates = self.scan.pairs(start, stop, threshold, cursor, *out)
        for kept, values in zip(self.found[-1][2:], out, strict=True):
            kept.append(np.array(values[:n]))
        return n, cursor, n_candidates

    def nearest(self, start: int, stop: int, k: int, threshold: float) -> Any:
        """Find the nearest, and write them down in the order of similarity and number."""
        similarity, found, filled = self.scan.nearest(start, stop, k, threshold)
        rows, cosines = np.full((stop - start, k), -1, "i4"), np.full((stop - start, k), -1, "f4")
        for i, n in enumerate(filled):
            order = np.lexsort((found[i, :n], -similarity[i, :n]))
            rows[i, :n], cosines[i, :n] = found[i, order], similarity[i, order]
        self.near.append([(start, stop, k), threshold, rows, cosines])
        return similarity, found, filled


def write_scans(path: Path, name: str, scans: list[RecordingScan]) -> Path:
    """Write down scans and what they found."""
    file = Writer(path, name)
    file.add("scan", [1], "i8")
    for i, one in enumerate(scans):
        left, right = one.left, one.right
        half = right.vectors.dtype == np.float16
        options = [left.codes.shape[1], left.vectors.shape[1], one.triangle, half]
        file.add(f"scan{i}.options", options, "i8")
        file.add(f"scan{i}.scale", [left.scale * right.scale], "f8")
        for field in ("codes", "rest", "length", "error", "rows", "vectors", "squares"):
            file.add(f"scan{i}.left.{field}", getattr(left, field))
        for field in ("codes", "limits", "rest", "rounded", "error", "rows", "vectors", "squares"):
            file.add(f"scan{i}.right.{field}", getattr(right, field))
        if one.permitted is not None:
            file.add(f"scan{i}.permitted", one.permitted)
        file.add(f"scan{i}.pairs", [ends for ends, *_ in one.found], "i8")
        file.add(f"scan{i}.pairs.thresholds", [t for _, t, *_ in one.found], "f4")
        sizes = [sum(map(len, parts)) for _, _, parts, _, _ in one.found]
        file.add(f"scan{i}.pairs.ends", np.cumsum([0, *sizes]), "i8")
        for at, field, dtype in ((2, "left", "i4"), (3, "right", "i4"), (4, "cosines", "f4")):
            parts = [part for call in one.found for part in call[at]]
            file.add(f"scan{i}.pairs.{field}", np.concatenate([np.zeros(0, dtype), *parts]), dtype)
        starts = np.cumsum([0, *(call[2].size for call in one.near)])
        fields = [[*call[0], start] for call, start in zip(one.near, starts, strict=False)]
        file.add(f"scan{i}.nearest", np.array(fields), "i8")
        file.add(f"scan{i}.nearest.thresholds", [call[1] for call in one.near], "f4")
        for at, field, dtype in ((2, "found", "i4"), (3, "cosines", "f4")):
            parts = [call[at].ravel() for call in one.near]
            file.add(f"scan{i}.nearest.{field}", np.concatenate([np.zeros(0), *parts]), dtype)
    return file.close()


# ---- what is recorded ------------------------------------------------------------------------


def record_corpus(folder: Path) -> Iterator[Path]:
    """Models of every release; their vectors must be those of then."""
    for path in sorted(one.parent for one in CORPUS.glob("[0-9]*/*/model.safetensors")):
        with recorded() as built:
            model = StaticModel.from_pretrained(path)
            pooled = model.pooler.pool(
                [*TEXTS], max_length=model.max_length, normalize=model.normalize
            )
            assert np.array_equal(pooled.vectors, np.load(path / "vectors.npy"))
            model.encode([*ODD, *TEXTS])
        yield write_kernel(folder / f"{path.name}.golden", f"corpus {path.name}", built[-1])


def record_default(folder: Path, n_texts: int) -> Iterator[Path]:
    """Record the bundled model in several types of numbers, and with added words."""
    texts = [*ODD, *load_sms_spam(subset="test").data[:n_texts]]
    texts += load_banking77(subset="test").data[:n_texts]
    model = StaticModel.from_pretrained("default").with_dimensions(40)
    vectors = np.random.default_rng(0).normal(size=(3, 40)).astype(np.float32)
    words = ["new card", "top-up", "\u6f22\u5b57"]
    kinds: dict[str, Callable[[], StaticModel]] = {
        "int8": lambda: model.quantized("int8"),
        "float16": lambda: model.quantized("float16"),
        "float32": lambda: model.quantized("float32"),
        "added words": lambda: model.extend(words, vectors=vectors),
    }
    for name, make in kinds.items():
        with recorded() as built:
            one = make()
            one.encode(texts)
            one.encode([f"new card, {text}" for text in texts[:50]], max_length=7)
            one.encode(texts[:50], normalize=False)
        yield write_kernel(folder / f"default-{name}.golden".replace(" ", "-"), name, built[-1])


def record_fused(folder: Path, n_texts: int) -> Path:
    """Record a fused classifier, whose table is of float64 sums."""
    X, y = load_sms_spam(subset="train", return_X_y=True)
    path = folder / "fused.safetensors"
    fuse(StaticTextClassifier(C=1.0).fit(X[:300], y[:300])).save(path)
    with recorded() as built:
        FusedTextClassifier.load(path).decision_function([*ODD, *X[:n_texts]])
    path.unlink()
    return write_kernel(folder / "fused.golden", "fused classifier", built[-1])


def record_scans(folder: Path, n_texts: int) -> Path:
    """Record all pairs and nearest neighbours of vectors of questions."""
    texts = load_banking77(subset="train").data[:n_texts]
    vectors = StaticModel.from_pretrained("default").encode(texts)
    RecordingScan.made = []
    with (
        mock.patch.object(engines._scan, "Scan", RecordingScan),
        mock.patch.dict(os.environ, {"SKM2V_SCAN": "scalar"}),
    ):
        for threshold in (0.95, 0.5):
            pairs_above(vectors, threshold)
        pairs_above(vectors[:, :30], 0.9)
        NeighborSearch(vectors.astype(np.float16)).nearest(vectors[:100], 5, minimum=0.6)
        permitted = np.arange(len(vectors)) % 3 > 0
        NeighborSearch(vectors).nearest(None, 3, permitted=permitted)
    return write_scans(folder / "scan.golden", "pairs", RecordingScan.made)


def record(folder: Path, n_texts: int = 300) -> list[Path]:
    """Write the files of all models into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        *record_corpus(folder),
        *record_default(folder, n_texts),
        record_fused(folder, n_texts),
        record_scans(folder, 4 * n_texts),
    ]


if __name__ == "__main__":
    for written in record(Path(sys.argv[1])):
        print(written.name, f"{written.stat().st_size:,} bytes")
