"""From the start of a process to its first answer: seconds, and memory that is its own.

    python benchmarks/cold_start.py [--rounds 10] [--tokens 500000] [--family Unigram]
        [--only TITLE] [--peer model2vec=PYTHON]
        [--peer sentence-transformers=PYTHON] [--peer laghu=PYTHON]

Every line is a program of its own, run in a new process; they take turns, so that all of them see
the same machine. Seconds are wall clock from before the process starts until its first answer;
processor seconds are all that it took, private memory what no other process shares (smaps_rollup,
Linux). This process has the model files mapped, as another worker would have. `--tokens` also
makes a model of so many tokens x 256 in float16 in a temporary folder, and reads it with every
package that is installed, and once more as it was saved before files held what the kernel makes of
a vocabulary. `--peer` names the interpreter of an environment that has one of the other packages,
which read the same folders. Files are in the page cache: one run of each goes first, and is not
counted; what a package keeps for its next start is there by then, and so is the byte code of all
packages, as after an installation by pip.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from speed_common import environment, show_environment, simd_in_use

from skm2v import StaticEmbedder, StaticModel, StaticTextClassifier, fuse
from skm2v._model import kernel_tables
from skm2v.datasets import default_model_path, load_sms_spam

BASIS = {
    "python": "pass",
    "import numpy": "import numpy",
    "import sklearn.base": "import sklearn.base",
}
FILE = "model.safetensors"
TEXT = "Free entry! Text WIN to 80086 now"
OURS = (
    "from skm2v import StaticModel;"
    " model = StaticModel.from_pretrained({path!r}, {how}); model.encode([{text!r}])"
)
PEERS = {
    "model2vec": (
        "from model2vec import StaticModel;"
        " model = StaticModel.from_pretrained({path!r}); model.encode([{text!r}])"
    ),
    "sentence-transformers": (
        "from sentence_transformers import SentenceTransformer;"
        " model = SentenceTransformer({path!r}, device='cpu'); model.encode([{text!r}])"
    ),
    "laghu": "from laghu import load; model = load({path!r}); model.encode([{text!r}])",
}
WAYS = ("mmap=False", "mmap=True", "mmap=True, verify=False")
END = """
import json, os, resource, time
answered = time.time()
private = 0
if os.path.exists("/proc/self/smaps_rollup"):
    for line in open("/proc/self/smaps_rollup"):
        if line.startswith("Private_"):
            private += int(line.split()[1])
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([answered, used.ru_utime + used.ru_stime, private / 1024]))
"""


def run(program: str, python: str = sys.executable) -> tuple[float, float, float] | None:
    """Seconds to the answer, processor seconds and private MB; None if it cannot run."""
    start = time.time()
    process = subprocess.run(
        [python, "-W", "ignore", "-c", program + END], capture_output=True, text=True
    )
    if process.returncode:
        return None
    answered, cpu, private = json.loads(process.stdout.splitlines()[-1])
    return answered - start, cpu, private


def hold(path: Path) -> mmap.mmap:
    """Map a file and look at all of its pages."""
    with path.open("rb") as file:
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    for start in range(0, len(memory), mmap.PAGESIZE):
        memory[start]
    return memory


def peers(texts: list[str]) -> dict[str, str]:
    """Interpreters by the names of packages, from ``NAME=PYTHON``."""
    named = dict(text.partition("=")[::2] for text in texts)
    if unknown := set(named) - set(PEERS):
        raise SystemExit(f"Unknown peers {sorted(unknown)}; known are {list(PEERS)}.")
    return {name: named.get(name, sys.executable) for name in PEERS}


def large_model(n_tokens: int, folder: Path, family: str = "WordPiece") -> StaticModel:
    """Save a model of many made-up words."""
    rng = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words: dict[str, None] = dict.fromkeys(["[UNK]", *letters, *("##" + c for c in letters)])
    while len(words) < n_tokens:
        word = "".join(rng.choices(letters, k=rng.randint(3, 10)))
        words[word if rng.random() < 0.7 else "##" + word] = None
    spec: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {
            "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
            "strip_accents": None, "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": None,
        "decoder": None,
    }  # fmt: skip
    if family == "Unigram":
        pieces = ["<unk>", *("\u2581" + word for word in letters), *letters]
        pieces += [w[2:] if w[0] == "#" else "\u2581" + w for w in words if len(w) > 3]
        pieces = list(dict.fromkeys(pieces))
        pieces += [f"\u2581{i}" for i in range(n_tokens - len(pieces))]
        scores = [round(rng.uniform(-16, -8), 5) for _ in pieces]
        metaspace = {"replacement": "\u2581", "prepend_scheme": "always", "split": True}
        spec |= {
            "normalizer": {"type": "NFKC"},
            "pre_tokenizer": {"type": "Metaspace", **metaspace},
            "model": {
                "type": "Unigram", "unk_id": 0, "byte_fallback": False,
                "vocab": list(zip(pieces, scores, strict=True)),
            },
        }  # fmt: skip
    else:
        spec["model"] = {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": {word: i for i, word in enumerate(words)},
        }  # fmt: skip
    table = np.random.default_rng(0).normal(size=(n_tokens, 256)).astype(np.float16)
    model = StaticModel(table, json.dumps(spec))
    model.save_pretrained(folder)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--tokens", type=int, default=0, help="size of a large model; 0: none")
    parser.add_argument("--family", choices=["WordPiece", "Unigram"], default="WordPiece")
    parser.add_argument("--peer", action="append", default=[], help="NAME=PYTHON")
    parser.add_argument("--only", default="", help="what the titles must have that are measured")
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a source that is compiled each time is slower
    pythons = peers(arguments.peer)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "byte_code")
        texts, labels = load_sms_spam(subset="train", return_X_y=True)
        classifier = StaticTextClassifier().fit(texts, labels)
        fused = str(folder / "spam.safetensors")
        fuse(classifier).save(fused)
        import joblib

        joblib.dump(StaticEmbedder().fit(texts[:1]), folder / "embedder.joblib")
        joblib.dump(classifier, folder / "classifier.joblib")
        programs = dict(BASIS)
        programs["the bundled model, first vector"] = OURS.format(
            path="default", how="mmap=False", text=TEXT
        )
        for mapped in (False, True):
            programs[f"fused spam filter, mmap={mapped}, first prediction"] = (
                f"from skm2v import FusedTextClassifier;"
                f" model = FusedTextClassifier.load({fused!r}, mmap={mapped});"
                f" model.predict([{TEXT!r}])"
            )
        for kind in ("embedder", "classifier"):
            method = "transform" if kind == "embedder" else "predict"
            path = str(folder / f"{kind}.joblib")
            programs[f"pickled {kind}, first {method}"] = (
                f"import joblib; model = joblib.load({path!r}); model.{method}([{TEXT!r}])"
            )
        held: list[mmap.mmap] = []
        sizes = {"the bundled model": str(default_model_path())}
        if arguments.tokens:
            size = f"{arguments.tokens:,} tokens x 256, {arguments.family}"
            model = large_model(arguments.tokens, folder / "large", arguments.family)
            sizes[size] = str(folder / "large")
            with mock.patch.object(kernel_tables, "FEWEST_TOKENS", 1 << 31):
                model.save_pretrained(folder / "plain")
            del model
            for how in WAYS:
                programs[f"{size}, {how}, first vector"] = OURS.format(
                    path=sizes[size], how=how, text=TEXT
                )
            programs[f"{size}, mmap=True, without the tables of the vocabulary"] = OURS.format(
                path=str(folder / "plain"), how="mmap=True", text=TEXT
            )
            held.append(hold(folder / "plain" / FILE))
        interpreter = dict.fromkeys(programs, sys.executable)
        for size, path in sizes.items():
            for peer, program in PEERS.items():
                title = f"{peer} on {size}"
                programs[title] = program.format(path=path, text=TEXT)
                interpreter[title] = pythons[peer]
        programs = {title: one for title, one in programs.items() if arguments.only in title}
        # Of pages that nobody else has the system says that they are private.
        held += [hold(Path(fused)), *(hold(Path(path) / FILE) for path in sizes.values())]
        measured: dict[str, list[tuple[float, float, float]]] = {}
        for title, program in programs.items():
            run(program, interpreter[title])
        for _ in range(arguments.rounds):
            for title, program in programs.items():
                if (figures := run(program, interpreter[title])) is not None:
                    measured.setdefault(title, []).append(figures)
        for memory in held:
            memory.close()
    show_environment(environment(simd_in_use()))
    print(f"\nPython {platform.python_version()}, {arguments.rounds} rounds\n")
    print("| process | seconds, min | median | processor seconds, min | private MB |")
    print("| --- | --- | --- | --- | --- |")
    for title in programs:
        if title not in measured:
            print(f"| {title} | absent | | | |")
            continue
        seconds, cpu, private = zip(*measured[title], strict=True)
        print(
            f"| {title} | {min(seconds):.2f} | {statistics.median(seconds):.2f} | {min(cpu):.2f} |"
            f" {min(private):.0f} |"
        )


if __name__ == "__main__":
    main()
