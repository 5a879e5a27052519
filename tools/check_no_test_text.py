"""Check that the default model's texts hold no text of the development sets.

    python tools/check_no_test_text.py --sources FOLDER [--downloads FOLDER]

Collects the texts that `make_default_model.py` fits the default model to, looks every one up among
the texts of the development sets in `--sources` (all splits but Banking77's train split), and
prints for each set how many it found: the same text; the same words, whatever case, punctuation
and white space; the same words after a headword ("word: definition"). Exits with 1 if there are
any.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
import default_texts  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent


class Overlap(NamedTuple):
    """Texts of one development set, and those of the fit that are among them."""

    n_texts: int
    exact: list[str]
    normalised: list[str]
    after_headword: list[str]

    @property
    def found(self) -> list[str]:
        """Every text of the fit that should not be there."""
        return [*self.exact, *self.normalised, *self.after_headword]


def overlaps(fitted: Iterable[str], evaluation: Mapping[str, Iterable[str]]) -> dict[str, Overlap]:
    """Find texts of evaluation sets among the texts of a fit.

    Parameters
    ----------
    fitted : iterable of str
        Texts of the fit.
    evaluation : mapping of str to iterable of str
        Texts by the name of their set.

    Returns
    -------
    dict of str to Overlap
        One for each set. A text of the fit counts once for a set, as what it is nearest to.
    """
    fitted = sorted(set(fitted))
    result = {}
    for name, some in evaluation.items():
        texts = set(some)
        keys = {default_texts.normalised(text) for text in texts} - {""}
        overlap = Overlap(len(texts), [], [], [])
        for text in fitted:
            if text in texts:
                overlap.exact.append(text)
            elif default_texts.normalised(text) in keys:
                overlap.normalised.append(text)
            elif not keys.isdisjoint(default_texts.statements(text)):
                overlap.after_headword.append(text)
        result[name] = overlap
    return result


def report(result: Mapping[str, Overlap], n_fitted: int) -> str:
    """Return a table of counts, and up to five texts of each set that were found."""
    columns = f"{'exact':>6} {'normalised':>10} {'after headword':>14}"
    lines = [f"{n_fitted:,} texts of the fit", f"{'set':<32} {'texts':>7} {columns}"]
    for name, overlap in result.items():
        counts = f"{len(overlap.exact):>6} {len(overlap.normalised):>10}"
        lines.append(f"{name:<32} {overlap.n_texts:>7} {counts} {len(overlap.after_headword):>14}")
        lines += [f"    {text!r}" for text in overlap.found[:5]]
    found = {text for overlap in result.values() for text in overlap.found}
    lines.append(f"{len(found)} texts of the fit are texts of a development set")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--sources", type=Path, required=True, help="folder of collections and development sets"
    )
    parser.add_argument("--downloads", type=Path, default=ROOT / "build" / "texts")
    options = parser.parse_args(arguments)
    from skm2v.datasets import load_banking77

    banking = load_banking77(subset="train").data
    collected = default_texts.collect(options.downloads, options.sources, banking)
    fitted = [text for some in collected.values() for text in some]
    result = overlaps(fitted, default_texts.evaluation_texts(options.sources))
    print(report(result, len(fitted)))
    return int(any(overlap.found for overlap in result.values()))


if __name__ == "__main__":
    raise SystemExit(main())
