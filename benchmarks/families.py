"""Texts per second of kinds of tokenizers other than WordPiece: skm2v and model2vec, cold.

    python benchmarks/families.py [--data ../shared/data] [--tokenizer FILE ...] [--rounds 6]
        [--json FILE]

Without a tokenizer, a Unigram one with Metaspace and a byte-level BPE one are trained on the
multilingual sentences. Both engines take turns; what is timed is half of a language's sentences,
after the other half was seen, in a new object: words and characters are met as in a stream.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from speed_common import (
    environment,
    limit_threads,
    markdown,
    multilingual,
    show_environment,
    simd_in_use,
    timed,
    write_json,
)

DIMS = 256


def trained(texts: list[str]) -> Iterator[tuple[str, str]]:
    """Names and JSON of tokenizers that are trained on texts."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    unigram = Tokenizer(models.Unigram())
    unigram.normalizer = normalizers.NFKC()
    unigram.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    trainer: Any = trainers.UnigramTrainer(
        vocab_size=30_000, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    unigram.train_from_iterator(texts, trainer)
    yield "Unigram, NFKC, Metaspace", unigram.to_str()
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=30_000,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    yield "byte-level BPE", bpe.to_str()


def compare(tokenizer: str, languages: dict[str, list[str]], rounds: int) -> dict[str, Any]:
    """Return seconds per text of both engines for every language, and how far they differ."""
    import model2vec
    import numpy as np
    from tokenizers import Tokenizer

    from skm2v import StaticModel
    from skm2v._pooling import byte_level, unigram

    size = Tokenizer.from_str(tokenizer).get_vocab_size()
    table = np.random.default_rng(0).normal(size=(size, DIMS)).astype(np.float32)
    result: dict[str, Any] = {}
    for language, texts in languages.items():
        half = len(texts) // 2
        times: dict[str, list[float]] = {"skm2v": [], "model2vec": []}
        for i in range(rounds):
            seen, fresh = texts[:half], texts[half : 2 * half]
            if i % 2:
                seen, fresh = fresh, seen
            unigram._code_points.cache_clear()  # as in a new process: every character is new
            byte_level._code_points.cache_clear()
            ours = StaticModel(table, tokenizer)
            theirs = model2vec.StaticModel(table, Tokenizer.from_str(tokenizer), normalize=True)
            ours.encode(seen)
            theirs.encode(seen, use_multiprocessing=False)
            times["skm2v"].append(timed(lambda m=ours, t=fresh: m.encode(t)) / half)
            times["model2vec"].append(
                timed(lambda m=theirs, t=fresh: m.encode(t, use_multiprocessing=False)) / half
            )
        difference = np.abs(ours.encode(fresh) - theirs.encode(fresh, use_multiprocessing=False))
        result[language] = {"seconds": times, "difference": float(difference.max())}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--tokenizer", type=Path, nargs="*", help="files like tokenizer.json")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    limit_threads(1)
    warnings.simplefilter("ignore")
    languages = multilingual(args.data)
    env = environment(simd_in_use())
    show_environment(env)
    if args.tokenizer:
        tokenizers = [(path.name, path.read_text(encoding="utf-8")) for path in args.tokenizer]
    else:
        tokenizers = list(trained([text for texts in languages.values() for text in texts]))
    results = {}
    for name, tokenizer in tokenizers:
        results[name] = compare(tokenizer, languages, args.rounds)
        rows = []
        for language, result in results[name].items():
            ours, theirs = result["seconds"]["skm2v"], result["seconds"]["model2vec"]
            rows.append([
                language, min(ours) * 1e6, median(ours) * 1e6, min(theirs) * 1e6,
                median(theirs) * 1e6, min(theirs) / min(ours), median(theirs) / median(ours),
                f"{result['difference']:.1e}",
            ])  # fmt: skip
        print(f"### {name}\n")
        header = ["", "skm2v min µs", "median", "model2vec min µs", "median", "× min", "× median"]
        print(markdown([*header, "difference"], rows) + "\n", flush=True)
    write_json(args.json, {"environment": env, "dims": DIMS, "results": results})


if __name__ == "__main__":
    main()
