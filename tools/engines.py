"""Run the recipes of docs/scale.md for the engines that are installed, and compare the vectors.

    python tools/engines.py [--texts 2000]

Each block of Python runs as a program of its own, in a folder with a file of texts. Engines that
are not installed are named. Spark needs Java.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow.parquet

from skm2v import StaticModel
from skm2v.datasets import load_sms_spam

ROOT = Path(__file__).resolve().parents[1]
ENGINES = {"Dask": "dask", "Spark": "pyspark", "Ray": "ray"}


def blocks() -> dict[str, str]:
    """Return the Python of each section of the page."""
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    sections = re.split(r"^## (.+)$", page, flags=re.MULTILINE)[1:]
    found = {}
    for title, text in zip(sections[::2], sections[1::2], strict=True):
        if code := re.search(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL):
            found[title] = code[1]
    return found


def vectors_in(folder: Path) -> dict[str, np.ndarray]:
    """Vector of each text in the Parquet files of a folder."""
    table = pyarrow.parquet.read_table(folder)
    vectors = np.array(table["vector"].to_pylist(), dtype=np.float32)
    return dict(zip(table["text"].to_pylist(), vectors, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--texts", type=int, default=2000)
    n_texts = parser.parse_args().texts
    texts = list(dict.fromkeys(load_sms_spam(return_X_y=True)[0]))[:n_texts]
    wanted = dict(zip(texts, StaticModel.from_pretrained("default").encode(texts), strict=True))
    print("| engine | version | texts | vectors |\n| --- | --- | --- | --- |")
    failed = 0
    for title, code in blocks().items():
        package = ENGINES[title]
        if find_spec(package) is None:
            print(f"| {title} | not installed | | |")
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            pyarrow.parquet.write_table(
                pyarrow.table({"text": texts}), folder / "texts.parquet", row_group_size=500
            )
            (folder / "recipe.py").write_text(code, encoding="utf-8")
            environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": sys.executable}
            run = subprocess.run(
                [sys.executable, "recipe.py"],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
            )
            if run.returncode:
                result, n_made = run.stderr.strip().splitlines()[-1], 0
            else:
                made = vectors_in(folder / "vectors")
                equal = made.keys() == wanted.keys() and all(
                    np.array_equal(made[text], wanted[text]) for text in wanted
                )
                result, n_made = "equal to the bit" if equal else "DIFFERENT", len(made)
            failed += result != "equal to the bit"
            print(f"| {title} | {metadata.version(package)} | {n_made:,} | {result} |", flush=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
