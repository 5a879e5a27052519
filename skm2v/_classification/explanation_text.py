"""Explanations as plain text, for terminals and logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from skm2v._classification.explanation import Explanation

__all__ = ["as_text"]

MOST_TEXTS = 5
MOST_PARTS = 8
MOST_CHARACTERS = 70


def as_text(explanation: Explanation) -> str:
    """Write what is decided of a few texts, and below each the parts that weigh most in it."""
    shown = [_of_one(one) for one in explanation[:MOST_TEXTS]]
    n_more = len(explanation) - MOST_TEXTS
    if n_more > 0:
        shown.append(f"... and {n_more:,} more texts; print(explanation[i]) shows one.")
    return "\n\n".join(shown) if shown else repr(explanation)


def _of_one(one: Explanation) -> str:
    """Text, decision and parts of one text, for the output with the largest decision."""
    text = " ".join(one.texts[0].split())
    if len(text) > MOST_CHARACTERS:
        text = text[: MOST_CHARACTERS - 1] + "…"
    column = int(one.decision[0].argmax())
    head = "" if one.classes is None else f"predicted {one.predicted[0]}; score of "
    head += f"{one.outputs[column]}: {one.decision[0, column]:+.2f}"
    lines = [text, head, f"  {one.intercept[column]:+6.2f}  (any text)"]
    added = one.contributions[:, column]
    largest = np.argsort(-np.abs(added), kind="stable")[:MOST_PARTS]
    lines += [f"  {added[part]:+6.2f}  {one.tokens[part]}" for part in largest]
    n_rest = len(added) - len(largest)
    if n_rest:
        lines.append(f"  {np.delete(added, largest).sum():+6.2f}  ({n_rest} others)")
    if one.truncated[0]:
        lines.append(f"  cut after {one.max_length} tokens")
    return "\n".join(lines)
