"""Diagnostic triplets: does a model separate what it should?"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from importlib import resources
from typing import ClassVar, Literal

import numpy as np

from skm2v._checks import check_choice
from skm2v.evaluation._metrics import Floats, paired_cosine
from skm2v.evaluation._task import Encode, Example, Outcome, Task, clip_text, worst_rows

__all__ = ["DIAGNOSTICS", "Contrast", "load_diagnostic"]

Diagnostic = Literal["negation", "polysemy", "word_order"]
DIAGNOSTICS: tuple[Diagnostic, ...] = ("negation", "polysemy", "word_order")
# Closer than this, two cosines are the same: rounding may not decide an item.
_TIE = 1e-6


@dataclass(frozen=True)
class Contrast(Task):
    """Whether an anchor is nearer to what means the same than to what only looks the same.

    An item counts 1 where the cosine with `same` is higher than with `different`, 0 where it is
    lower, and 1/2 where they are equal. Guessing gives 0.5; a model that follows shared words alone
    falls towards 0.

    Parameters
    ----------
    name : str
        Name of the data.
    anchors, same, different : list of str
        The three texts of every item.

    Examples
    --------
    >>> from skm2v.evaluation import Contrast, evaluate
    >>> same, different = ["the server works"], ["the server is not up"]
    >>> task = Contrast("negation", ["the server is up"], same, different)
    >>> evaluate("tfidf", task).results[0].score
    0.0
    """

    anchors: list[str]
    same: list[str]
    different: list[str]

    type: ClassVar[str] = "diagnostic"
    title: ClassVar[str] = "Diagnostic sets"
    measure: ClassVar[str] = (
        "share of items where the text that means the same is nearer than the text that only looks "
        "the same; guessing gives 50"
    )
    in_average: ClassVar[bool] = False
    metric: ClassVar[str] = "separated"
    version: ClassVar[int] = 2

    def run(self, encode: Encode, n_worst: int = 5) -> Outcome:
        """Score a model; see `Task.run`.

        Parameters
        ----------
        encode : Encode
            The model under test.
        n_worst : int, default=5
            How many of the worst errors to collect.

        Returns
        -------
        Outcome
            Score, replicates and worst errors.
        """
        anchors = encode(self.anchors)
        near = paired_cosine(anchors, encode(self.same))
        far = paired_cosine(anchors, encode(self.different))
        margin = near - far
        values = np.where(np.abs(margin) < _TIE, 0.5, (margin > 0).astype(np.float64))
        return Outcome.of_items(
            values,
            metrics={
                "mean_cosine_same": float(near.mean()),
                "mean_cosine_different": float(far.mean()),
                "mean_margin": float(margin.mean()),
                # The model has one vector for both texts: no threshold can ever tell them apart.
                "indistinct": float(np.mean(far > 1 - _TIE)),
            },
            protocol={"chance": 0.5},
            worst=self._worst(near, far, n_worst),
        )

    def _worst(self, near: Floats, far: Floats, n_worst: int) -> list[Example]:
        return [
            {
                "anchor": clip_text(self.anchors[row]),
                "means the same": f"{clip_text(self.same[row])} (cosine {near[row]:.3f})",
                "does not": f"{clip_text(self.different[row])} (cosine {far[row]:.3f})",
            }
            for row in worst_rows(far - near, n_worst)
        ]


def load_diagnostic(name: Diagnostic) -> Contrast:
    """Load one of the diagnostic sets that come with the package.

    Parameters
    ----------
    name : {"negation", "polysemy", "word_order"}
        The set.

    Returns
    -------
    Contrast
        The task.

    Raises
    ------
    ValueError
        If there is no such set.

    Examples
    --------
    >>> from skm2v.evaluation import load_diagnostic
    >>> load_diagnostic("negation").anchors[0]
    'The payment server is down.'
    """
    check_choice("name", name, DIAGNOSTICS)
    file = resources.files("skm2v.evaluation").joinpath("data", f"{name}.csv")
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"), newline="")))
    return Contrast(
        name=f"diagnostic/{name}",
        anchors=[row["anchor"] for row in rows],
        same=[row["same"] for row in rows],
        different=[row["different"] for row in rows],
    )
