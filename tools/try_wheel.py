"""Try the skm2v that is installed, with nothing but its own dependencies.

    python tools/try_wheel.py

It must not be this checkout, must have its compiled kernels, embed texts with the models of every
release to the bytes that they had then, and classify as the README says. cibuildwheel runs it for
each wheel.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# What lies in the current folder must not be taken for what is installed.
sys.path[:] = [path for path in sys.path if Path(path).resolve() != ROOT]

import numpy as np  # noqa: E402

import skm2v  # noqa: E402
from skm2v.datasets import load_sms_spam  # noqa: E402
from skm2v.exceptions import TextWarning  # noqa: E402

CORPUS = ROOT / "tests" / "corpus"


def corpus_texts() -> list[str]:
    """Return the texts of `tests/corpus/make.py`, which needs more of the checkout than is here."""
    sys.path.append(str(ROOT / "tests"))
    import tiny

    return [*tiny.SENTENCES[:12], "", "calling [PAD] the bank!", "café in New York, 中文 漢"]


def main() -> None:
    folder = Path(skm2v.__file__).resolve().parent
    assert ROOT not in folder.parents or "site-packages" in folder.parts, f"{folder} is a checkout"
    from skm2v._pooling._kernel import best_simd

    from skm2v._pairs import _scan  # noqa: F401

    print(f"skm2v {skm2v.__version__} in {folder}, kernel: {best_simd()}")
    texts = corpus_texts()
    models = sorted(path.parent for path in CORPUS.glob("[0-9]*/*/model.safetensors"))
    assert models
    for path in models:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TextWarning)  # one of the texts is empty
            vectors = skm2v.StaticModel.from_pretrained(path).encode(texts)
        assert np.array_equal(vectors, np.load(path / "vectors.npy")), path
        print(f"{path.parent.name}/{path.name}: the same bytes")
    X_train, y_train = load_sms_spam(subset="train", return_X_y=True)
    X_test, y_test = load_sms_spam(subset="test", return_X_y=True)
    classifier = skm2v.StaticTextClassifier().fit(X_train, y_train)
    with tempfile.TemporaryDirectory() as folder_of_file:
        file = Path(folder_of_file) / "spam.safetensors"
        skm2v.fuse(classifier).save(file)
        fused = skm2v.FusedTextClassifier.load(file)
    accuracy = np.mean(fused.predict(X_test) == y_test)
    assert np.array_equal(fused.predict(X_test), classifier.predict(X_test))
    assert accuracy > 0.98
    print(f"accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
