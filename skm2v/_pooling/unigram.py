"""What the compiled kernel needs to know of a Unigram tokenizer with markers (Metaspace)."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._pooling.added import added_parts, has_added
from skm2v._pooling.boundaries import steps_of
from skm2v._pooling.normalizers import (
    MARKER,
    WHITE_SPACE,
    KernelParts,
    NormalizerPlan,
    build_normalizer,
    neighbours_of,
    plan_normalizer,
)
from skm2v._pooling.tokenization import TextTokenizer

__all__ = ["PieceCodePoints", "unigram_parts"]

# As in csrc/skm.h.
SPACES_EACH, SPACES_RUNS, SPACES_BETWEEN = 0, 1, 2
ITEM_WORD, ITEM_SPACE, ITEM_ASK = 0, 1, 3

UNKNOWN_PENALTY = 10.0


def unigram_parts(tokenizer: TextTokenizer) -> KernelParts | None:
    """Take a Unigram tokenizer apart; None if the kernel cannot reproduce it exactly."""
    # As tokenizers writes it: all fields are there, and the scores are those it computes with,
    # which may differ in the last digit from the ones of the file.
    state, unknown, spec = tokenizer.state, tokenizer.unk_id, tokenizer.hf_spec
    model = spec["model"]
    if unknown is None or any(model.get(key) for key in ("alpha", "nbest_size")):
        return None
    plan = plan_normalizer(spec.get("normalizer"))
    if plan is None:
        return None
    pieces = _pieces(spec.get("pre_tokenizer"), plan)
    if pieces is None:
        return None
    spaces, split, words_only = pieces
    first = steps_of(spec["pre_tokenizer"], "pretokenizers")[-1]["prepend_scheme"] == "first"
    if first and any(
        step["type"] == "Strip" and step["strip_left"]
        for step in steps_of(spec["normalizer"], "normalizers")
    ):
        return None  # a word behind white space that is stripped gets no marker
    code_points = _code_points(json.dumps(spec.get("normalizer")), words_only, first)
    added = None
    if has_added(spec):
        added = added_parts(tokenizer, spec, owned=True, collapse=plan.collapse, bare=first)
        if added is None:
            return None
    if code_points.describe([ord(" ")])[0][1:] != bytes([ITEM_SPACE, 1]) + b" ":
        return None
    scores: npt.NDArray[np.float64]
    if state is None:
        vocabulary = {token: i for i, (token, _) in enumerate(model["vocab"])}
        scores = np.array([score for _, score in model["vocab"]], np.float64)
        fallback = [vocabulary.get(f"<0x{byte:02X}>", -1) for byte in range(256)]
    else:
        vocabulary = {}
        scores = np.ascontiguousarray(state.arrays["scores"], np.float64)
        fallback = state.settings["byte_ids"]
    unigram = {
        "scores": scores,
        "unknown_score": float(scores.min()) - UNKNOWN_PENALTY,
        "marker": MARKER.encode(),
        "spaces": spaces,
        "split": split,
        "byte_ids": fallback if model.get("byte_fallback") else [],
    }
    return KernelParts(
        words=vocabulary,
        unknown=unknown,
        options={"unigram": unigram},
        describe=code_points.describe,
        added=added,
    )


def _pieces(
    pre_tokenizer: dict[str, Any] | None, plan: NormalizerPlan
) -> tuple[int, bool, bool] | None:
    """Return what becomes of spaces, whether markers split, and whether all white space does."""
    steps = steps_of(pre_tokenizer, "pretokenizers")
    kinds = [step["type"] for step in steps]
    if kinds not in (["Metaspace"], ["WhitespaceSplit", "Metaspace"]):
        return None
    metaspace = steps[-1]
    schemes = ("always", "first") if len(steps) == 1 else ("always",)
    if metaspace["replacement"] != MARKER or metaspace.get("prepend_scheme") not in schemes:
        return None
    if len(steps) == 2:
        return None if plan.collapse == MARKER else (SPACES_BETWEEN, True, True)
    if plan.collapse is None:
        return None if plan.strip else (SPACES_EACH, bool(metaspace["split"]), False)
    return SPACES_BETWEEN if plan.strip else SPACES_RUNS, bool(metaspace["split"]), False


@lru_cache(maxsize=8)
def _code_points(normalizer: str, words_only: bool, first: bool) -> PieceCodePoints:
    """Descriptions are shared by all kernels with the same normalizer."""
    plan = plan_normalizer(json.loads(normalizer))
    assert plan is not None
    return PieceCodePoints(plan, words_only, first)


class PieceCodePoints:
    """What a normalizer makes of single code points, for a tokenizer with markers.

    Parameters
    ----------
    plan : NormalizerPlan
    all_white_space : bool
        Whether every white space separates words, or only the space does.
    first : bool
        Whether only a word that begins where the text does gets a marker. It does not where the
        normalizer deletes what comes before it, so that deleted characters are worth a question.
    """

    MOST_KEPT = 1 << 16

    def __init__(self, plan: NormalizerPlan, all_white_space: bool, first: bool = False) -> None:
        self._normalize = build_normalizer(plan.steps)
        self._flags = neighbours_of(plan)
        self._spaces = WHITE_SPACE if all_white_space else frozenset(" ")
        # White space at the end of a text is removed: spaces are known, the others are rare.
        self._asks = frozenset(MARKER) | (WHITE_SPACE - self._spaces if plan.strip else set())
        self._asks_if_deleted = first
        self._known: dict[int, bytes] = {}

    def describe(self, code_points: list[int]) -> list[bytes]:
        """Flags and items of code points, in the form of ``skm_model_set_code_point``."""
        known = self._known
        if len(known) > self.MOST_KEPT:
            known = self._known = {}
        return [
            known.get(code_point) or known.setdefault(code_point, self._describe(chr(code_point)))
            for code_point in code_points
        ]

    def _describe(self, character: str) -> bytes:
        text = self._normalize(character)
        flags = self._flags(character)
        deleted = self._asks_if_deleted and not text
        if flags is None or deleted or not self._asks.isdisjoint(text):
            return bytes([0, ITEM_ASK, 0])
        description = bytearray([flags])
        for c in text:
            utf8 = c.encode()
            description += bytes([ITEM_SPACE if c in self._spaces else ITEM_WORD, len(utf8)]) + utf8
        return bytes(description)
