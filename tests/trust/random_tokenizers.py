"""Random tokenizers of every family, and texts that are unkind to them.

What the compiled kernel and the reference make of a text is compared with Hugging Face's
`tokenizers` itself, given the same file. So is what the kernel makes of it with its state from a
file.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import tokenizers
from tokenizers import Tokenizer

from skm2v._model.kernel_check import open_tokenizer
from skm2v._model.kernel_tables import pack, unpack
from skm2v._model.tokenizer_check import build_tokenizer
from skm2v._pooling import PoolingTable, TextPooler, TextTokenizer
from skm2v._pooling.kernel import make_state
from skm2v._pooling.reference import ReferenceEngine
from skm2v.exceptions import ModelFormatError
from tests.pooling.charsmaps import charsmap

FAMILIES = ("WordPiece", "Unigram", "byte-level BPE", "BPE", "WordLevel")
MARKER = "\u2581"
# Letters, marks, digits, signs and white space of many kinds, and what normalizers delete.
CHARACTERS = (
    "aaabbcdeinorstxyzABZ0123 .,!?'-_#[]éüßçÅİıſﬁﬀ½²①Ωµ中文字かなカナ한국ñ\u0301\u0308\u0323\u0345"
    "\u0915\u094d\u0937\u0e01\u0e33\u05d0\u05b0\u0627\u064b\u200d\u200b\u00ad\ufeff\0\x01\x7f\x85"
    "\t\n\r\x0b\x0c\xa0\u2003\u3000\u2028👩🏽🇩🇪\U0001d400\ue000\ufffd\u1e9b\u1100\u1161\u11a8"
) + MARKER
WORDS = ("the", "bank", "of", "a", "in", "ing", "er", "th", "Straße", "naïve", "e\u0301", "[UNK]")


def bert_normalizer(rng: random.Random) -> dict[str, Any]:
    return {
        "type": "BertNormalizer",
        "clean_text": rng.random() < 0.8,
        "handle_chinese_chars": rng.random() < 0.7,
        "strip_accents": rng.choice([None, True, False]),
        "lowercase": rng.random() < 0.6,
    }


def random_charsmap(rng: random.Random) -> str:
    entries = {}
    for _ in range(rng.randint(1, 12)):
        key = "".join(rng.choices(CHARACTERS.replace("\0", ""), k=rng.choice([1, 1, 1, 2, 3])))
        entries[key] = rng.choice(["", " ", "a", "th", "b c", rng.choice(WORDS)])
    return charsmap(entries)


def normalizer_step(rng: random.Random) -> dict[str, Any]:
    kind = rng.choice(
        ["NFC", "NFD", "NFKC", "NFKD", "Nmt", "Lowercase", "StripAccents"]
        + ["Strip", "Prepend", "Replace", "Runs", "Precompiled"]
    )
    if kind == "Strip":
        return {"type": kind, "strip_left": rng.random() < 0.7, "strip_right": rng.random() < 0.7}
    if kind == "Prepend":
        return {"type": kind, "prepend": rng.choice([MARKER, "a", " "])}
    if kind == "Replace":
        pattern = rng.choice([" ", "a", "``", "\u0301", "th", "\n", MARKER])
        content = rng.choice(["", " ", MARKER, "b", '"'])
        return {"type": kind, "pattern": {"String": pattern}, "content": content}
    if kind == "Runs":
        pattern = {"Regex": rng.choice([r" {2,}", r"\s+"])}
        return {"type": "Replace", "pattern": pattern, "content": rng.choice([" ", MARKER])}
    if kind == "Precompiled":
        return {"type": kind, "precompiled_charsmap": random_charsmap(rng)}
    return {"type": kind}


def random_normalizer(rng: random.Random, *, bert: bool) -> dict[str, Any] | None:
    if bert and rng.random() < 0.8:
        return bert_normalizer(rng)
    steps = [normalizer_step(rng) for _ in range(rng.choice([0, 1, 1, 2, 2, 3]))]
    if not bert and rng.random() < 0.5:  # as converters of SentencePiece models order them
        steps = steps[:1]
        if rng.random() < 0.5:
            steps.append({"type": "Strip", "strip_left": rng.random() < 0.5, "strip_right": True})
        if rng.random() < 0.7:
            content = rng.choice([" ", MARKER])
            steps.append({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": content})
    if not steps:
        return None
    return steps[0] if len(steps) == 1 else {"type": "Sequence", "normalizers": steps}


def metaspace(rng: random.Random) -> dict[str, Any]:
    return {
        "type": "Metaspace",
        "replacement": MARKER,
        "prepend_scheme": rng.choice(["always", "first", "first", "never"]),
        "split": rng.random() < 0.7,
    }


def random_pre_tokenizer(rng: random.Random, family: str) -> dict[str, Any] | None:
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": rng.random() < 0.5,
        "trim_offsets": True,
        "use_regex": rng.random() < 0.8,
    }
    others: list[dict[str, Any]] = [
        {"type": "Whitespace"},
        {"type": "WhitespaceSplit"},
        {"type": "Punctuation", "behavior": "Isolated"},
        {"type": "Digits", "individual_digits": rng.random() < 0.5},
        {"type": "CharDelimiterSplit", "delimiter": "-"},
    ]
    if family == "byte-level BPE":
        steps = [rng.choice(others), byte_level] if rng.random() < 0.2 else [byte_level]
    elif family == "Unigram":
        steps = [metaspace(rng)]
        if rng.random() < 0.3:
            steps.insert(0, {"type": "WhitespaceSplit"})
    elif family == "BPE":
        steps = rng.choice([[metaspace(rng)], [rng.choice(others)], []])
    else:
        steps = [rng.choice([{"type": "BertPreTokenizer"}] * 6 + others)]
    if not steps:
        return None
    return steps[0] if len(steps) == 1 else {"type": "Sequence", "pretokenizers": steps}


def random_piece(rng: random.Random, alphabet: str) -> str:
    if rng.random() < 0.3:
        return rng.choice(WORDS)
    return "".join(rng.choices(alphabet, k=rng.choice([1, 1, 1, 2, 2, 3, 4, 7])))


def random_pieces(rng: random.Random, size: int, alphabet: str = CHARACTERS) -> list[str]:
    """Return so many different pieces, or somewhat fewer where they repeat."""
    return list(dict.fromkeys(random_piece(rng, alphabet) for _ in range(size)))


def word_model(rng: random.Random, size: int, family: str) -> dict[str, Any]:
    pieces = ["[UNK]", *(p for p in random_pieces(rng, size) if p != "[UNK]")]
    if family == "WordPiece":
        pieces = [p if i == 0 or rng.random() < 0.6 else f"##{p}" for i, p in enumerate(pieces)]
    vocab = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    if family == "WordLevel":
        return {"type": family, "vocab": vocab, "unk_token": "[UNK]"}
    return {
        "type": family,
        "vocab": vocab,
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": rng.choice([1, 5, 100, 100]),
    }


def unigram_model(rng: random.Random, size: int) -> dict[str, Any]:
    pieces = [p if rng.random() < 0.5 else MARKER + p for p in random_pieces(rng, size)]
    pieces = ["<unk>", *(p for p in dict.fromkeys(pieces) if p != "<unk>")]
    fallback = rng.random() < 0.2
    if fallback:
        pieces += [f"<0x{byte:02X}>" for byte in range(256)]
    # Ties and near ties, as trained vocabularies have them.
    scores = [rng.choice([-1.0, -2.0, -2.5, rng.uniform(-12, 0)]) for _ in pieces]
    return {
        "type": "Unigram",
        "unk_id": 0,
        "vocab": list(map(list, zip(pieces, scores, strict=True))),
        "byte_fallback": fallback,
    }


def bpe_model(rng: random.Random, size: int, *, byte_level: bool) -> dict[str, Any]:
    """Merges of random neighbours, all of which are in the vocabulary."""
    alphabet = CHARACTERS
    if byte_level:
        alphabet = "".join(sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()))
    # All bytes, or so few that most text is unknown.
    letters = list(dict.fromkeys(alphabet))
    if not byte_level or rng.random() < 0.3:
        letters = rng.sample(letters, rng.randint(1, len(letters)))
    tokens = dict.fromkeys(["<unk>", *letters])
    common = [c for c in "abcdeinorst\u0120" + MARKER if c in tokens] or letters
    merges: list[list[str]] = []
    for _ in range(size):
        parts = [token for token in tokens if token != "<unk>"]
        left, right = rng.choice([*common, *parts]), rng.choice(common)
        if len(left + right) < 12 and [left, right] not in merges:
            merges.append([left, right])
            tokens[left + right] = None
    return {
        "type": "BPE",
        "vocab": {token: i for i, token in enumerate(tokens)},
        "merges": merges,
        "unk_token": rng.choice(["<unk>", None]) if not byte_level else None,
        "fuse_unk": rng.random() < 0.3,
        "ignore_merges": byte_level and rng.random() < 0.2,
    }


def random_spec(rng: random.Random) -> dict[str, Any]:
    """Return the JSON of a tokenizer of 1 to about 600 tokens."""
    family = rng.choice(FAMILIES)
    size = rng.choice([1, 3, 20, 100, 300, 590])
    if family == "Unigram":
        model = unigram_model(rng, size)
    elif family in ("BPE", "byte-level BPE"):
        model = bpe_model(rng, min(size, 120), byte_level=family != "BPE")
    else:
        model = word_model(rng, size, family)
    vocab = model["vocab"]
    tokens = [entry[0] for entry in vocab] if isinstance(vocab, list) else list(vocab)
    added = []
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        content = rng.choice([*WORDS, "<extra>", "new york", "th"])
        if all(token["content"] != content for token in added):
            new = content not in tokens
            added.append(
                {
                    "id": len(tokens) if new else tokens.index(content),
                    "content": content,
                    "special": rng.random() < 0.5,
                    "normalized": rng.random() < 0.5,
                    **dict.fromkeys(("single_word", "lstrip", "rstrip"), False),
                }
            )
            tokens += [content] if new else []
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": sorted(added, key=lambda token: token["id"]),
        "normalizer": random_normalizer(rng, bert=family in ("WordPiece", "WordLevel")),
        "pre_tokenizer": random_pre_tokenizer(rng, family),
        "post_processor": None,
        "decoder": None,
        "model": model,
    }


def random_text(rng: random.Random, pieces: list[str]) -> str:
    """Join pieces of the vocabulary, words and odd characters."""
    n = rng.choice([0, 1, 1, 2, 3, 5, 12, 40])
    parts = [
        rng.choice(pieces).replace("##", "").replace(MARKER, rng.choice(["", " ", MARKER]))
        if rng.random() < 0.5
        else rng.choice([*WORDS, "".join(rng.choices(CHARACTERS, k=rng.choice([1, 1, 2, 5])))])
        for _ in range(n)
    ]
    return rng.choice(["", " ", " ", "  ", "\t"]).join(parts)


def random_table(rng: np.random.Generator, tokenizer: TextTokenizer) -> PoolingTable:
    """Make a table of any number type, with or without weights, pairs and a mapping."""
    n = len(tokenizer.tokens)
    dtype = rng.choice(["float16", "float32", "float64", "int8"])
    mapped, n_rows = rng.random() < 0.4, n
    parts: dict[str, Any] = {}
    if mapped:
        n_rows = int(rng.integers(1, n + 1))
        parts["mapping"] = rng.integers(0, n_rows, n).astype(np.int32)
    if rng.random() < 0.4:
        pairs = np.unique(rng.integers(0, n, (int(rng.integers(1, 300)), 2)), axis=0)
        parts["pairs"] = pairs.astype(np.int32)
        n_rows += len(pairs)
    n_entries = n + len(parts.get("pairs", ()))
    if dtype == "int8" or rng.random() < 0.5:
        parts["weights"] = rng.uniform(0.1, 2, n_entries).astype(np.float32)
    shape = n_rows, int(rng.integers(1, 24))
    rows = rng.integers(-127, 128, shape) if dtype == "int8" else rng.normal(size=shape)
    return PoolingTable(rows.astype(dtype), **parts)


def as_kept(tokenizer: TextTokenizer) -> TextTokenizer | None:
    """Return the tokenizer as a file has it that holds what the kernel needs, if it can."""
    state = make_state(tokenizer)
    if state is None:
        return None
    field, tensors = pack(tokenizer.json, state)
    text, kept, _ = unpack(json.loads(json.dumps(field)), tensors, what="", verify=True)
    return open_tokenizer(text, kept)


@dataclass
class Comparison:
    """What was compared, and what differed: seeds, tokenizers' parts and texts."""

    counts: Counter[str]
    differences: list[str]


def compare(seed: int, n_tokenizers: int, n_texts: int) -> Comparison:
    """Compare ids and vectors of random texts under random tokenizers.

    The ids of both engines have to be those of `tokenizers`, and the vectors of the kernel those of
    the reference up to rounding.
    """
    found = Comparison(Counter(), [])
    for number in range(seed, seed + n_tokenizers):
        rng = random.Random(number)
        spec = random_spec(rng)
        text = json.dumps(spec)
        try:
            tokenizer = build_tokenizer(text)
        except ModelFormatError:
            found.counts["refused"] += 1
            continue
        table = random_table(np.random.default_rng(number), tokenizer)
        pooler = TextPooler(tokenizer, table)
        slow = TextPooler(tokenizer, table, ReferenceEngine(tokenizer, table))
        compiled = not isinstance(pooler.engine, ReferenceEngine)
        found.counts["compiled" if compiled else "reference"] += 1
        engines = {"engine": pooler, "reference": slow}
        if (kept := as_kept(tokenizer)) is not None:
            engines["state"] = TextPooler(kept, table)
            found.counts["state"] += 1
        theirs = Tokenizer.from_str(text)
        theirs.encode_special_tokens = True
        texts = [random_text(rng, list(tokenizer.tokens)) for _ in range(n_texts)]
        try:
            encoded = [theirs.encode(one, add_special_tokens=False).ids for one in texts]
        except BaseException as error:
            found.differences.append(f"{number}: tokenizers fails: {error!r}; {spec}")
            continue
        wanted = [[i for i in ids if i != tokenizer.unk_id] for ids in encoded]
        for name, one in engines.items():
            ids = one.token_ids(texts, max_length=None).split()
            for of_text, want, ours in zip(texts, wanted, ids, strict=True):
                if ours.tolist() != want:
                    found.differences.append(
                        f"{number} {name}: {of_text!r} has ids {ours.tolist()}, not {want};"
                        f" {spec['normalizer']}, {spec['pre_tokenizer']}"
                    )
        vectors = {
            name: one.pool(texts, max_length=20, normalize=True).vectors
            for name, one in engines.items()
        }
        if not np.allclose(vectors["engine"], vectors["reference"], atol=2e-5):
            found.differences.append(f"{number}: vectors")
        if "state" in vectors and not np.array_equal(vectors["engine"], vectors["state"]):
            found.differences.append(f"{number}: vectors from the state")
        found.counts["texts"] += len(texts)
    return found


if __name__ == "__main__":
    import sys

    result = compare(*map(int, sys.argv[1:4]))
    print(result.counts)
    for line in result.differences[:40]:
        print(line[:600])
    print(len(result.differences))
