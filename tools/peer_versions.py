"""Read what every version of Model2Vec wrote: versions x families x options -> difference.

    python tools/peer_versions.py WORK
    python tools/peer_versions.py WORK --record tests/model/versions

In an environment of its own, each version distils tiny teachers (one of each family of
tokenizers), saves them with each of its options and computes vectors of some texts. They are read
here, and the largest difference of a vector is printed, for texts of known tokens and for texts
with unknown ones, from what the version itself computed and from what the newest version makes of
the same files. Environments, teachers and models stay in WORK. ``--python VERSION=PATH`` uses an
environment that is there already.

Only texts of known tokens decide. Model2Vec before 0.10 averages the vector of the unknown token
where the model is a Unigram; 0.10 leaves it out, and so does this package. 0.8 to 0.10 write
a wrong `unk_id` into such models (the id before tokens were removed), and 0.10 leaves out the word
that has the number now. Here that word counts where it did in the version that wrote the file.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import numpy as np

VERSIONS = ("0.3.8", "0.4.1", "0.5.0", "0.6.0", "0.7.0", "0.8.1", "0.9.0", "0.10.0")
TORCH = "torch==2.13.0"
TOLERANCE = 1e-6
# A table of half precision is averaged in half precision by the peer, in single precision here.
HALF_TOLERANCE = 2.0**-10

KNOWN = [
    "the bank of london",
    "calling the bank: free prize!",
    "new york, new york",
    "",
    "win a mobile phone now",
    "a remdesivir claim",
    "NEW York",
    "text " * 40,
]
UNKNOWN = ["the bank 😘 of 北京", "日本語 prize", "⤴︎", "kahvaltı Ωmega bank"]

# How a model is made and saved: arguments of distill, then what is done to the model.
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "words": {"vocabulary": ["remdesivir", "kahvaltı"]},
    "phrases": {"vocabulary": ["remdesivir", "new york"]},
    "no-pca": {"pca_dims": None},
    "pca-auto": {"pca_dims": "auto"},
    "no-sif": {"sif_coefficient": None},
    "clusters": {"vocabulary_quantization": 40},
    "float16": {"quantize_to": "float16"},
    "int8": {"quantize_to": "int8"},
    "not-normalized": {"after": {"normalize": False}},
    "subfolder": {"save": {"subfolder": "inner"}},
    "language": {"after": {"language": ["de", "en"]}},
}
FAMILIES = ("wordpiece", "bpe", "bytes", "unigram", "sentencepiece-bpe")


def write_teachers(folder: Path) -> None:
    """Write a teacher of each family."""
    from tests import tiny

    for family in FAMILIES:
        path = folder / family
        if path.exists():
            continue
        if family in tiny.KINDS:
            tiny.write_transformer(path, family)
        else:
            # The encoder of RoBERTa serves any tokenizer with as many tokens.
            tiny.write_transformer(path, "bpe")
            spec = json.loads((path / "tokenizer.json").read_text(encoding="utf-8"))
            change = _bytes if family == "bytes" else _sentencepiece
            change(spec)
            text = json.dumps(spec, ensure_ascii=False)
            (path / "tokenizer.json").write_text(text, encoding="utf-8")
            for name in ("tokenizer_config.json", "special_tokens_map.json"):
                settings = json.loads((path / name).read_text(encoding="utf-8"))
                if family == "bytes":
                    settings.pop("unk_token")
                (path / name).write_text(json.dumps(settings), encoding="utf-8")


def _bytes(spec: dict[str, Any]) -> None:
    """Make it a byte-level tokenizer without an unknown token, like ModernBERT's or Qwen's."""
    vocabulary = spec["model"]["vocab"]
    number = vocabulary.pop("<unk>")
    vocabulary["<|spare|>"] = number
    for token in spec["added_tokens"]:
        if token["content"] == "<unk>":
            token["content"] = "<|spare|>"


def _sentencepiece(spec: dict[str, Any]) -> None:
    """Make it a BPE over characters with spaces as marks and bytes for the rest, like Gemma's."""
    from tests import tiny

    n_tokens = len(spec["model"]["vocab"])
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
    merges: list[list[str]] = []
    letters = sorted({char for word in tiny.WORDS for char in word})
    pieces += ["▁", *letters]
    for word in tiny.WORDS:
        left = "▁"
        for letter in word:
            # The last entry is the mask, which keeps its place.
            if [left, letter] not in merges and len(pieces) < n_tokens - 1:
                merges.append([left, letter])
                pieces.append(left + letter)
            if left + letter not in pieces:
                break
            left += letter
    pieces += [f"<spare{i}>" for i in range(n_tokens - 1 - len(pieces))] + ["<mask>"]
    spec["model"].update(
        vocab={piece: number for number, piece in enumerate(pieces)},
        merges=merges,
        unk_token="<unk>",
        fuse_unk=True,
        byte_fallback=True,
    )
    spec["normalizer"] = {
        "type": "Sequence",
        "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ],
    }
    spec["pre_tokenizer"] = None
    spec["decoder"] = {
        "type": "Sequence",
        "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
        ],
    }


def make(teachers: Path, out: Path) -> None:
    """Distil, save and embed with the Model2Vec of this environment."""
    from model2vec import StaticModel
    from model2vec.distill import distill

    known = inspect.signature(distill).parameters
    os.chdir(teachers)  # so that no file names a folder of this machine
    for family in FAMILIES:
        for option, given in OPTIONS.items():
            settings = {"pca_dims": 8, "device": "cpu", "quantize_to": "float32", **given}
            after, save = settings.pop("after", {}), settings.pop("save", {})
            path = out / family / option
            if (path / "expected.json").exists():
                continue
            if set(given) - {"after", "save"} - set(known):
                _note(path, skipped="this version has no such option")
                continue
            settings = {name: value for name, value in settings.items() if name in known}
            try:
                model = distill(family, **settings)
                for name, value in after.items():
                    setattr(model, name, value)
                if "subfolder" in inspect.signature(model.save_pretrained).parameters:
                    model.save_pretrained(path / "model", **save)
                else:
                    model.save_pretrained(path / "model" / save.get("subfolder", ""))
                loaded = StaticModel.from_pretrained(path / "model", **save)
                vectors = _vectors(loaded)
            except Exception as error:
                _note(path, skipped=f"{type(error).__name__}: {error}"[:300])
                continue
            _note(path, subfolder=save.get("subfolder"), **vectors)


def reread(models: Path) -> None:
    """Read what all versions wrote with the Model2Vec of this environment."""
    from model2vec import StaticModel

    for file in sorted(models.glob("*/*/*/expected.json")):
        expected = json.loads(file.read_text(encoding="utf-8"))
        if "skipped" not in expected:
            folder = file.parent / "model"
            model = StaticModel.from_pretrained(folder, subfolder=expected["subfolder"])
            text = json.dumps(_vectors(model))
            (file.parent / "newest.json").write_text(text + "\n", encoding="utf-8")


def _vectors(model: Any) -> dict[str, list[list[float]]]:
    return {
        name: model.encode(texts).astype(np.float32).tolist()
        for name, texts in (("known", KNOWN), ("unknown", UNKNOWN))
    }


def _note(path: Path, **values: Any) -> None:
    path.mkdir(parents=True, exist_ok=True)
    text = json.dumps(values, ensure_ascii=False)
    (path / "expected.json").write_text(text + "\n", encoding="utf-8")


def compare(folder: Path) -> list[str]:
    """Read the models of a version; print a line for each; return those that differ."""
    from skm2v import StaticModel

    bad = []
    for family in FAMILIES:
        for option in OPTIONS:
            path = folder / family / option
            expected = json.loads((path / "expected.json").read_text(encoding="utf-8"))
            label = f"{folder.name:8} {family:18} {option:15}"
            if "skipped" in expected:
                print(f"{label} the peer cannot: {expected['skipped'][:90]!r}")
                continue
            spec = path / "model" / (expected["subfolder"] or "")
            kind = json.loads((spec / "tokenizer.json").read_text(encoding="utf-8"))["model"]
            label += f" {kind['type']:9}"
            try:
                model = StaticModel.from_pretrained(path / "model", subfolder=expected["subfolder"])
            except Exception as error:
                bad.append(label)
                print(f"{label} REFUSED: {error!s:.160}")
                continue
            newest = json.loads((path / "newest.json").read_text(encoding="utf-8"))
            gaps = [
                _gap(model, texts, source[name])
                for source in (expected, newest)
                for name, texts in (("known", KNOWN), ("unknown", UNKNOWN))
            ]
            half = model.embedding.dtype == np.float16
            wrong = not gaps[0] <= (HALF_TOLERANCE if half else TOLERANCE)
            bad += [label] * wrong
            cells = " ".join(f"{gap:8.1e}" for gap in gaps)
            print(f"{label} {model.embedding.dtype!s:8} {cells}{'  DIFFERENT' * wrong}")
    return bad


def _gap(model: Any, texts: list[str], expected: list[list[float]]) -> float:
    pooled = model.pooler.pool(texts, max_length=model.max_length, normalize=model.normalize)
    wanted = np.array(expected, dtype=np.float32)
    scale = max(1.0, float(np.abs(wanted).max()))
    return float(np.abs(pooled.vectors - wanted).max()) / scale


# What the tests keep: each version, family and kind of trouble once.
RECORDED = (
    ("0.3.8", "wordpiece", "words"),
    ("0.4.1", "bpe", "plain"),
    ("0.5.0", "unigram", "no-sif"),
    ("0.6.0", "bytes", "language"),
    ("0.7.0", "bytes", "clusters"),
    ("0.8.1", "sentencepiece-bpe", "plain"),
    ("0.9.0", "unigram", "language"),
    ("0.10.0", "bytes", "subfolder"),
)


def record(models: Path, target: Path) -> None:
    """Keep some small models with what the peer made of the texts."""
    for version, family, option in RECORDED:
        source = models / version / family / option
        folder = target / f"{version}-{family}-{option}"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(source / "model", folder)
        expected = json.loads((source / "expected.json").read_text(encoding="utf-8"))
        kept = {"texts": KNOWN, "vectors": expected["known"], "subfolder": expected["subfolder"]}
        text = json.dumps(kept, ensure_ascii=False)
        (folder / "expected.json").write_text(text + "\n", encoding="utf-8")


def environment(work: Path, version: str) -> Path:
    """Make an environment with a version of Model2Vec; return its interpreter."""
    folder = work / "environments" / version
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        wanted = f"model2vec[distill,quantization]=={version}"
        subprocess.run([python, "-m", "pip", "install", "-q", TORCH, wanted], check=True)
        (folder / "complete").touch()
    return python


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path, metavar="WORK", help="folder for everything made")
    parser.add_argument("--versions", nargs="+", default=VERSIONS, metavar="VERSION")
    parser.add_argument("--python", nargs="+", default=[], metavar="VERSION=PATH")
    parser.add_argument("--record", type=Path, metavar="FOLDER", help="keep models for the tests")
    parser.add_argument("--make", metavar="VERSION", help=argparse.SUPPRESS)
    parser.add_argument("--reread", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    if arguments.make:
        make(work / "teachers", work / "models" / arguments.make)
        return 0
    if arguments.reread:
        reread(work / "models")
        return 0
    sys.path.insert(0, str(Path(__file__).parent.parent))
    write_teachers(work / "teachers")
    given = dict(item.split("=", 1) for item in arguments.python)
    pythons = {v: given.get(v) or environment(work, v) for v in arguments.versions}
    for version, python in pythons.items():
        subprocess.run([python, __file__, str(work), "--make", version], check=True)
    subprocess.run([pythons[arguments.versions[-1]], __file__, str(work), "--reread"], check=True)
    print(f"largest difference of a vector from the version / from {arguments.versions[-1]}:")
    print(f"{'':65} known  unknown / known  unknown")
    bad = [line for version in pythons for line in compare(work / "models" / version)]
    if arguments.record is not None:
        record(work / "models", arguments.record)
    print(f"{len(bad)} refused or different")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
