"""Token ids of the compiled kernel against Hugging Face ``tokenizers``, string for string.

    python benchmarks/exactness.py (--teacher FOLDER | --tokenizer FILE) [--data ../shared/data]
        [--examples 200000]

Compares the ids of every text of a folder of development data (csv.gz, jsonl.gz and txt.gz files),
every code point alone and between letters, all ordered pairs of combining marks that survive
normalization, and random strings, for several normalizers and pre-tokenizers of the tokenizer's
family: WordPiece with the BERT normalizer, Unigram with Metaspace, byte-level BPE. Ends with status
1 at the first difference.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import itertools
import json
import random
import sys
import time
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from skm2v._pooling import PoolingTable, TextTokenizer
from skm2v._pooling.byte_level import GPT4
from skm2v._pooling.kernel import Kernel, build_kernel

BLOCK = 2000

#: Strings that random texts are made of: everything the tokenizer treats in a special way.
INTERESTING = [
    *"aAbzZéÉßİıſKΩσςΣǅ0９.,!?-_'\"#@[]{}()$+<=>^`|~",
    *" \t\n\r\x00\x01\x0b\x0c\x1c\x1f\x7f\x80\x85\xa0\xad\u1680\u2000\u2028\u2029\u202f\u205f",
    *"\u3000\u200b\u200d\u200e\u202e\u2060\ufeff\ufffd\ufffe\U000e0001\U0001f1e6\U0001f3fb\U0001f600",
    *"中文語\u3007\uf900\u2f00\U00020000かガㇰ한각힣\u1100\u1161\u11a8กำทُอঁক্ষगूหिन्दीَّ\u05b0\u05bc",
    *"\u0300\u0301\u0308\u0315\u0327\u0344\u0345\u0488\u20dd\u302a\u302e\u302f\u1b44\u0f71\u0f72",
    *"\U0001d15e\U0001d165\U0001d16d\u0e4d\u0deb\u2126\u212b\u037e\u1fef\u2260\ufb01\ufdfa\u01c4",
    *[
        "[CLS]",
        "[SEP]",
        "[UNK]",
        "[PAD]",
        "[MASK]",
        "##",
        "##ing",
        "unaffable",
        "New York",
        "a" * 101,
    ],
]


def data_texts(folder: Path) -> Iterator[str]:
    """Every string in the development data."""
    csv.field_size_limit(1 << 30)
    for path in sorted(folder.rglob("*.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            if path.name.endswith(".csv.gz"):
                yield from (value for row in csv.DictReader(file) for value in row.values())
            elif path.name.endswith(".jsonl.gz"):
                yield from (text for line in file for text in _strings(json.loads(line)))
            else:
                yield from file.read().split("\n")


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def code_points() -> Iterator[str]:
    """Every code point alone, between letters, before a mark and beside spaces."""
    for code_point in itertools.chain(range(0xD800), range(0xE000, 0x110000)):
        c = chr(code_point)
        yield c
        yield f"a{c}b"
        yield f"  {c}e\u0301 {c} "


def surviving_marks(tokenizer: TextTokenizer) -> list[str]:
    """Code points with output that canonical ordering may move, or that Python does not know."""
    normalizer = tokenizer.copy_hf().normalizer
    marks = [
        chr(code_point)
        for code_point in range(0x110000)
        if unicodedata.category(chr(code_point))[0] == "M"
        or any(unicodedata.combining(c) for c in unicodedata.normalize("NFD", chr(code_point)))
    ]
    return [c for c in marks if normalizer.normalize_str(c) and unicodedata.combining(c)] + [
        c
        for c in marks
        if not unicodedata.combining(c)
        and any(unicodedata.combining(x) for x in normalizer.normalize_str(c))
    ]


def mark_pairs(tokenizer: TextTokenizer, most: int) -> Iterator[str]:
    """Ordered pairs of surviving marks, alone and with a stripped mark between them."""
    marks = surviving_marks(tokenizer)
    pairs = list(itertools.product(marks, marks))
    if len(pairs) > most:
        pairs = random.Random(0).sample(pairs, most)
    for left, right in pairs:
        yield f"a{left}{right}b"
        yield f"{left}\u0301{right}"


def random_texts(n: int, seed: int = 0) -> Iterator[str]:
    """Strings of interesting and of arbitrary characters."""
    rng = random.Random(seed)
    for _ in range(n):
        parts = []
        for _ in range(rng.randrange(1, 24)):
            kind = rng.random()
            if kind < 0.7:
                parts.append(rng.choice(INTERESTING))
            elif kind < 0.9:
                parts.append(chr(rng.randrange(0x20, 0x2000)))
            else:
                code_point = rng.randrange(0x110000)
                parts.append("x" if 0xD800 <= code_point < 0xE000 else chr(code_point))
        yield "".join(parts)


def difference(tokenizer: TextTokenizer, kernel: Kernel, texts: list[str]) -> str | None:
    """Describe the first text whose ids differ, or None."""
    want, want_indptr = tokenizer.ids(texts)
    got, got_indptr = kernel.ids(texts)
    if np.array_equal(want_indptr, got_indptr) and want.tobytes() == got:
        return None
    got_ids = np.frombuffer(got, dtype=np.int32)
    for i, text in enumerate(texts):
        left = want[want_indptr[i] : want_indptr[i + 1]].tolist()
        right = got_ids[got_indptr[i] : got_indptr[i + 1]].tolist()
        if left != right:
            return f"{text!r}: tokenizers {left[:20]}, kernel {right[:20]}"
    return "row boundaries differ"


def check(name: str, tokenizer: TextTokenizer, kernel: Kernel, texts: Iterable[str]) -> int:
    """Compare in blocks; print the count and end the program at a difference."""
    start, n = time.perf_counter(), 0
    texts = iter(texts)
    while block := list(itertools.islice(texts, BLOCK)):
        found = difference(tokenizer, kernel, block)
        if found:
            sys.exit(f"{name}: DIFFERENT {found}")
        n += len(block)
    print(f"{name}: {n:,} strings equal ({time.perf_counter() - start:.1f} s)", flush=True)
    return n


def settings(tokenizer_json: str) -> Iterator[tuple[str, TextTokenizer]]:
    """The tokenizer itself and with other settings of its family."""
    spec = json.loads(tokenizer_json)
    yield "as is", TextTokenizer(tokenizer_json)
    kind = spec["model"]["type"]
    if kind != "WordPiece":
        parts = unigram_settings(spec) if kind == "Unigram" else byte_level_settings()
        for name, changes in parts:
            yield name, TextTokenizer(json.dumps({**spec, **changes}))
        return
    for lowercase, strip_accents, clean_text, chinese in (
        (False, False, True, True),
        (True, False, True, True),
        (False, True, True, True),
        (False, None, False, False),
        (True, True, False, False),
    ):
        spec["normalizer"] = {
            "type": "BertNormalizer",
            "clean_text": clean_text,
            "handle_chinese_chars": chinese,
            "strip_accents": strip_accents,
            "lowercase": lowercase,
        }
        name = f"lowercase={lowercase} strip_accents={strip_accents} clean_text={clean_text}"
        yield f"{name} chinese={chinese}", TextTokenizer(json.dumps(spec))


def unigram_settings(spec: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Normalizers and pre-tokenizers of Unigram tokenizers."""
    metaspace = {
        "type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True
    }  # fmt: skip
    collapse = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    strip = {"type": "Strip", "strip_left": False, "strip_right": True}
    own = [spec["normalizer"]] if spec["normalizer"] else []
    for name, steps, changes in (
        ("each space", own, {}),
        ("runs of spaces", [*own, collapse], {}),
        ("runs of spaces, whole texts", [*own, collapse], {"split": False}),
        ("no space at the end", [*own, strip, collapse], {"prepend_scheme": "first"}),
        ("NFKC and lowercase", [{"type": "NFKC"}, {"type": "Lowercase"}], {}),
        ("lowercase and NFC", [{"type": "Lowercase"}, {"type": "NFC"}], {"split": False}),
        ("without accents", [{"type": "NFD"}, {"type": "StripAccents"}], {}),
    ):
        normalizer = {"type": "Sequence", "normalizers": steps}
        yield name, {"normalizer": normalizer, "pre_tokenizer": {**metaspace, **changes}}


def byte_level_settings() -> Iterator[tuple[str, dict[str, Any]]]:
    """Normalizers and pre-tokenizers of byte-level tokenizers."""
    nfc = {"type": "NFC"}
    byte_level = {
        "type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True
    }  # fmt: skip
    yield "NFC and prefix space", {"normalizer": nfc, "pre_tokenizer": byte_level}
    for expression, digits in GPT4.items():
        split = {
            "type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated",
            "invert": False,
        }  # fmt: skip
        plain = {**byte_level, "add_prefix_space": False, "use_regex": False}
        yield (
            f"{digits} digit(s)",
            {
                "normalizer": nfc if digits == 1 else None,
                "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, plain]},
            },
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--teacher", type=Path, help="folder with tokenizer.json")
    source.add_argument("--tokenizer", type=Path, help="file like tokenizer.json")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--examples", type=int, default=200_000)
    parser.add_argument("--pairs", type=int, default=1_000_000, help="at most this many pairs")
    parser.add_argument("--quick", action="store_true", help="only the tokenizer as it is")
    args = parser.parse_args()
    path = args.tokenizer or args.teacher / "tokenizer.json"
    json_text = path.read_text(encoding="utf-8")
    total = 0
    for name, tokenizer in settings(json_text):
        table = PoolingTable(np.zeros((len(tokenizer.tokens), 1), dtype=np.float32))
        kernel = build_kernel(tokenizer, table)
        if kernel is None or not kernel.native:
            sys.exit(f"{name}: no native kernel for this tokenizer")
        print(f"-- {name}")
        total += check("code points", tokenizer, kernel, code_points())
        if tokenizer.copy_hf().normalizer:
            total += check("pairs of marks", tokenizer, kernel, mark_pairs(tokenizer, args.pairs))
        total += check("random strings", tokenizer, kernel, random_texts(args.examples))
        if args.data.is_dir():
            total += check("development data", tokenizer, kernel, data_texts(args.data))
        else:
            print(f"development data: {args.data} is not there, skipped")
        if args.quick:
            break
    print(f"{total:,} strings, no difference")


if __name__ == "__main__":
    main()
