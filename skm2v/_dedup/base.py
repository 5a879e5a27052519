"""What stands behind the methods of :class:`Deduplicator`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skm2v._dedup.cells import InCells
from skm2v._dedup.finding import Found, Options, Table, find, group, links_below, sample_of
from skm2v._dedup.links import KINDS, SEMANTIC, Links
from skm2v._dedup.nodes import Nodes
from skm2v._dedup.pairs import DuplicatePairs, row_duplicates, row_pairs
from skm2v._dedup.priority import row_values
from skm2v._dedup.report import DeduplicationReport, nearest_to_threshold
from skm2v._dedup.tables import items_of_column, read_texts
from skm2v._doc_link import Documented
from skm2v._features.embedding import Embed, embedding_by, fit_embedder
from skm2v._fit_report import FitReport
from skm2v._model.state import SealedState
from skm2v._pairs.engines import engine_names
from skm2v._pairs.searching import Progress

__all__ = ["FittedTable"]


class FittedTable(SealedState, Documented, BaseEstimator):
    """A table of texts, its links and its groups."""

    _plain_classes = (Found, InCells, Table, Nodes, Links, DuplicatePairs)

    embedder: Any
    threshold: float
    kinds: Sequence[str]
    near_threshold: float
    normalize_text: str
    groups: str
    keep: str | Callable[[Any], Any]
    column: str | None
    within: str | None
    compare_numbers: bool
    verify: Any
    floor: float | None
    method: str
    max_pairs: int
    handle_missing: str
    n_jobs: int | None

    embedder_: Any
    groups_: npt.NDArray[np.int64]
    representatives_: npt.NDArray[np.int64]
    is_duplicate_: npt.NDArray[np.bool_]
    pairs_: DuplicatePairs
    duplicates_: DuplicatePairs
    fit_report_: FitReport
    _found: Found
    _floor_: float

    def fit_with_progress(self, X: Any, progress: Progress | None) -> Any:
        """Fit, and tell `progress` how many pairs were compared so far and of how many.

        Parameters
        ----------
        X : column of str or frame
            As for `fit`.
        progress : callable or None
            Called with the pairs compared so far, and with all.

        Returns
        -------
        self : estimator
            The fitted estimator.
        """
        self._validate_params()
        self._check_parameters()
        start = time.perf_counter()
        table = self._read(X, 0)
        self.__dict__.pop("embedder_", None)
        self._floor_ = self.threshold if self.floor is None else self.floor
        if "semantic" in self.kinds:
            self.embedder_ = fit_embedder(self.embedder, table.texts, self.n_jobs)
        self._found = find(table, self._options(), self._embed(), progress=progress)
        self._group(start)
        return self

    def _need_links(self, what: str) -> None:
        if self._found.degree is not None:
            raise ValueError(
                f"For {what}, links between texts must be stored, but there were more than"
                f" max_pairs={self.max_pairs:,}. Fix: raise max_pairs or the threshold, and fit"
                " again."
            )

    def _check_parameters(self) -> None:
        unknown = set(self.kinds) - set(KINDS)
        if unknown or not self.kinds:
            raise ValueError(f"kinds must be some of {KINDS}; got {self.kinds!r}.")
        if self.floor is not None and self.floor > self.threshold:
            raise ValueError(
                f"floor must not be above threshold={self.threshold!r}; got {self.floor!r}."
            )

    def _options(self) -> Options:
        verify = self.verify
        if hasattr(verify, "predict"):
            scorer = verify
            verify = lambda left, right: scorer.predict([*zip(left, right, strict=True)])  # noqa: E731
        return Options(
            threshold=self.threshold,
            floor=self._floor_,
            near_threshold=self.near_threshold if "near" in self.kinds else None,
            normalizer=self.normalize_text if "exact" in self.kinds else "none",
            compare_numbers=self.compare_numbers,
            verify=verify,
            central=self.keep == "central",
            method=self.method,
            max_pairs=self.max_pairs,
            n_jobs=self.n_jobs,
        )

    def _read(self, X: Any, first_row: int, *, values: bool = True) -> Table:
        texts, missing = read_texts(X, self.column, missing_is_kept=self.handle_missing == "keep")
        return Table(
            texts,
            missing,
            None if self.within is None else items_of_column(X, self.within),
            row_values(self.keep, X, texts, first_row) if values else np.zeros(len(texts)),
        )

    def _embed(self) -> Embed | None:
        """Return what makes vectors of texts."""
        return embedding_by(self.embedder_) if "semantic" in self.kinds else None

    def _group(self, start: float) -> None:
        """Set the results for the threshold."""
        by_components = self.groups == "components"
        if by_components:
            self._need_links("groups='components'")
        self.representatives_, links, assigned = group(
            self._found, self._options(), self.threshold, by_components
        )
        self.is_duplicate_ = self.representatives_ != np.arange(len(self.representatives_))
        _, first, number = np.unique(self.representatives_, return_index=True, return_inverse=True)
        order = np.empty(len(first), dtype=np.int64)
        order[np.argsort(first, kind="stable")] = np.arange(len(first))
        self.groups_ = order[number]
        self.pairs_ = row_pairs(self._found.nodes, links)
        self.duplicates_ = row_duplicates(self._found.nodes, links, assigned, self.representatives_)
        self.fit_report_ = self._report(time.perf_counter() - start)

    def _report(self, seconds: float) -> FitReport:
        kinds, cells = self.duplicates_.counts(), self._found.cells
        sizes = np.bincount(self.groups_) if len(self.groups_) else np.zeros(1, dtype=np.int64)
        return FitReport(
            {
                "n_rows": len(self.groups_),
                "n_texts": len(self._found.nodes),
                "n_kept": int((~self.is_duplicate_).sum()),
                "n_dropped": kinds,
                "n_groups_of_several": int((sizes > 1).sum()),
                "largest_group": int(sizes.max()),
                "n_pairs": self.pairs_.counts(),
                "all_pairs_stored": self._found.degree is None,
                "method": "exact" if cells is None else "partition",
                "recall": None if cells is None else cells.recall,
                "partition": None if cells is None else asdict(cells),
                "threshold": float(self.threshold),
                "floor": float(self._floor_),
                "near_threshold": float(self.near_threshold) if "near" in self.kinds else None,
                "groups": self.groups,
                "engine": engine_names()[0] if "semantic" in self.kinds else None,
                "seconds": seconds,
            }
        )

    @property
    def report_(self) -> DeduplicationReport:
        """Counts, the largest groups and the pairs around the threshold; HTML in notebooks."""
        check_is_fitted(self, "_found")
        return DeduplicationReport(
            self._found.table.texts,
            self.duplicates_,
            self.threshold,
            len(self._found.nodes),
            self._around,
            self._found.cells,
        )

    def _around(self, n: int) -> tuple[list[tuple[int, int, float]], int]:
        """Pairs of rows around the threshold, and how many texts were searched for those below."""
        found = self._found
        links, n_searched = found.links, len(found.nodes)
        links = links.take(links.kind == SEMANTIC)
        if "semantic" in self.kinds and not (links.value < np.float32(self.threshold)).any():
            sample = sample_of(found)
            n_searched = len(sample)
            if n:
                below = links_below(found, self._options(), self.threshold, sample)
                links = links.followed_by(below)
        first = found.nodes.first_row
        left, right = first[links.left], first[links.right]
        left, right = np.minimum(left, right), np.maximum(left, right)
        return nearest_to_threshold(left, right, links.value, self.threshold, n), n_searched
