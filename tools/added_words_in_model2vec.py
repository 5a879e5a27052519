"""Read models with added words in Model2Vec: families x ways -> tokens, difference of vectors.

    python tools/added_words_in_model2vec.py WORK
    python tools/added_words_in_model2vec.py WORK --python PATH

Distils a tiny teacher of each family of tokenizers with words and phrases, and extends one, saves
them as users do, and lets Model2Vec 0.10, in an environment of its own, load the folders, tokenize
and embed. Printed is, for each, on how many of the texts its tokens are ours, and the largest
difference of a vector on these. `docs/porting.md` says what follows.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from peer_versions import FAMILIES, environment, write_teachers

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

VERSION = "0.10.0"
WORDS = ["remdesivir", "new york", "T-cell", ".net", "money bank", "北京大学", "c++", "covid-19"]
TEXTS = {
    "words": [
        "remdesivir",
        "the remdesivir claim",
        "(remdesivir), remdesivir.",
        "new york, new york",
        "the T-cell and the plant-cell",
        "in .net not in planet.network",
        "transfer money bank card",
        "covid-19 is not covid-190",
        "the c++ text",
        "new yorkers",
        "   the  new york  prize ",
        "win\nnew york\tnow",
    ],
    "other scripts": ["我在北京大学", "the 北京大学 bank", "北京 大学"],
    "without": ["the bank of london", "win a free mobile phone", "text " * 40, ""],
    "unknown": ["the bank😘 of new york", "⤴︎ prize", "ｎｅｗ york"],
}

#: How a model is made: settings of distill, then of save_pretrained or with_settings.
WAYS: dict[str, dict[str, Any]] = {
    "vocabulary": {"vocabulary": WORDS},
    "extend": {"extend": True},
    "int8": {"vocabulary": WORDS, "quantize_to": "int8"},
    "float16": {"vocabulary": WORDS, "quantize_to": "float16"},
    "clusters": {"vocabulary": WORDS, "vocabulary_quantization": 40},
    "split_unknown": {"vocabulary": WORDS, "split": True},
}

THEIRS = """
import json, sys
from pathlib import Path
import numpy as np
from model2vec import StaticModel

texts = json.loads(sys.argv[2])
for folder in sorted(Path(sys.argv[1]).glob("*/*/model")):
    model = StaticModel.from_pretrained(folder)
    tokens = [list(ids) for ids in model.tokenize(texts)]
    vectors = np.asarray(model.encode(texts), dtype=np.float64)
    found = {"tokens": tokens, "vectors": vectors.tolist()}
    (folder.parent / "theirs.json").write_text(json.dumps(found, default=int))
"""


def make(teachers: Path, out: Path, texts: list[str]) -> None:
    """Distil and save with this package, and note our tokens and vectors."""
    from skm2v import StaticModel, distill

    for family in FAMILIES:
        for way, given in WAYS.items():
            settings = {"pca_dims": 8, "device": "cpu", "quantize_to": "float32", **given}
            extends, splits = settings.pop("extend", False), settings.pop("split", False)
            if splits and family != "wordpiece":
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = distill(teachers / family, **settings)
                if extends:
                    model = model.extend(WORDS, teachers / family)
                if splits:
                    model = model.with_settings(split_unknown=True)
                folder = out / family / way
                model.save_pretrained(folder / "model")
                model = StaticModel.from_pretrained(folder / "model")
                tokens = [list(map(int, ids)) for ids in model.tokenize(texts)]
                vectors = model.encode(texts).astype(np.float64)
            found = {"tokens": tokens, "vectors": vectors.tolist()}
            (folder / "ours.json").write_text(json.dumps(found), encoding="utf-8")


def show(out: Path) -> None:
    """Print a row for each family and way."""
    print("| family | way | " + " | ".join(TEXTS) + " | largest difference |")
    print("|---|---|" + "---|" * (len(TEXTS) + 1))
    for family in FAMILIES:
        for way in WAYS:
            folder = out / family / way
            if not (folder / "ours.json").exists():
                continue
            ours, theirs = (
                json.loads((folder / f"{who}.json").read_text(encoding="utf-8"))
                for who in ("ours", "theirs")
            )
            alike = [a == b for a, b in zip(ours["tokens"], theirs["tokens"], strict=True)]
            apart = np.abs(np.array(ours["vectors"]) - np.array(theirs["vectors"])).max(axis=1)
            cells, at = [], 0
            for texts in TEXTS.values():
                cells.append(f"{sum(alike[at : at + len(texts)])} of {len(texts)}")
                at += len(texts)
            largest = max(apart[alike], default=0.0)
            print(f"| {family} | {way} | {' | '.join(cells)} | {largest:.0e} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--python", type=Path, help="interpreter that has Model2Vec 0.10")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    (work / "teachers").mkdir(parents=True, exist_ok=True)
    write_teachers(work / "teachers")
    texts = [text for group in TEXTS.values() for text in group]
    make(work / "teachers", work / "added", texts)
    python = arguments.python or environment(work, VERSION)
    script = [str(python), "-c", THEIRS, str(work / "added"), json.dumps(texts)]
    subprocess.run(script, check=True, env={**os.environ, "PYTHONPATH": ""}, cwd=work)
    show(work / "added")


if __name__ == "__main__":
    main()
