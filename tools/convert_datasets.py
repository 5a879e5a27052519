"""Make the data files that `skm2v.datasets` bundles from their published form.

    python tools/convert_datasets.py FOLDER
    pip download --no-deps vaderSentiment==3.3.2 && python tools/convert_datasets.py --valence WHEEL

FOLDER holds `spam/sms_spam.csv.gz` and `intent/banking77.csv.gz`, tables of text, label and split.
WHEEL is a package with VADER's lexicon, of which the words of Latin letters are kept, and its
licence.
The result is the same bytes on every run: rows keep their order, and the archive no date.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

SOURCES = {"sms_spam": "spam/sms_spam.csv.gz", "banking77": "intent/banking77.csv.gz"}
VADER_SHA256 = "3bf1d243b98b1afad575b9f22bc2cb1e212b94ff89ca74f8a23a588d024ea311"
TARGET = Path(__file__).resolve().parent.parent / "skm2v" / "datasets" / "data"


def convert(source: Path, target: Path) -> int:
    """Copy the columns text, label and split of `source`; return the number of rows."""
    with gzip.open(source, "rt", encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["label"], row["split"]) for row in csv.DictReader(file)]
    _write(target, [("text", "label", "split"), *rows])
    return len(rows)


def convert_valence(wheel: Path) -> int:
    """Write words and mean ratings of VADER's lexicon, and its licence; return their number."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != VADER_SHA256:
        raise SystemExit(f"{wheel} has the SHA-256 {digest}, not {VADER_SHA256}.")
    with zipfile.ZipFile(wheel) as archive:
        lexicon = archive.read("vaderSentiment/vader_lexicon.txt").decode("utf-8")
        (name,) = (name for name in archive.namelist() if name.endswith("LICENSE.txt"))
        licence = archive.read(name).decode("utf-8").replace("\r\n", "\n")
    entries = (line.split("\t")[:2] for line in lexicon.splitlines())
    ratings = {word: value for word, value in entries if re.fullmatch(r"[a-z][a-z'-]*", word)}
    rows = [(word, f"{float(value):g}") for word, value in sorted(ratings.items())]
    _write(TARGET / "valence.csv.gz", [("word", "valence"), *rows])
    (TARGET / "valence.LICENSE.txt").write_text(licence, encoding="utf-8", newline="\n")
    return len(rows)


def _write(target: Path, rows: Iterable[tuple[str, ...]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    target.write_bytes(gzip.compress(text.getvalue().encode("utf-8"), compresslevel=9, mtime=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", help="folder with the published tables")
    parser.add_argument("--valence", type=Path, metavar="WHEEL", help="of vaderSentiment 3.3.2")
    arguments = parser.parse_args()
    if arguments.valence:
        print(f"valence.csv.gz: {convert_valence(arguments.valence)} words")
    for name, path in SOURCES.items() if arguments.folder else ():
        target = TARGET / f"{name}.csv.gz"
        rows = convert(arguments.folder / path, target)
        print(f"{target.name}: {rows} rows, {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
