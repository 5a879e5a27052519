"""Make the data files that `skm2v.datasets` bundles from their published form.

    python tools/convert_datasets.py FOLDER

FOLDER holds `spam/sms_spam.csv.gz` and `intent/banking77.csv.gz`, tables of text, label and split.
The result is the same bytes on every run: rows keep their order, and the archive no date.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
from pathlib import Path

SOURCES = {"sms_spam": "spam/sms_spam.csv.gz", "banking77": "intent/banking77.csv.gz"}
TARGET = Path(__file__).resolve().parent.parent / "skm2v" / "datasets" / "data"


def convert(source: Path, target: Path) -> int:
    """Copy the columns text, label and split of `source`; return the number of rows."""
    with gzip.open(source, "rt", encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["label"], row["split"]) for row in csv.DictReader(file)]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("text", "label", "split"))
    writer.writerows(rows)
    target.write_bytes(gzip.compress(text.getvalue().encode("utf-8"), compresslevel=9, mtime=0))
    return len(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with the published tables")
    folder = parser.parse_args().folder
    for name, path in SOURCES.items():
        target = TARGET / f"{name}.csv.gz"
        rows = convert(folder / path, target)
        print(f"{target.name}: {rows} rows, {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
