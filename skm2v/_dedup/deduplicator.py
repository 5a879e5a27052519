"""Texts that say the same, as a scikit-learn estimator that keeps one of each."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skm2v._checks import is_count, is_number, require
from skm2v._dedup.base import FittedTable
from skm2v._dedup.finding import find, kept_rows_of
from skm2v._dedup.links import METHODS, SEMANTIC
from skm2v._dedup.nodes import NORMALIZERS
from skm2v._dedup.tables import read_texts, take_rows
from skm2v._pooling import readable_again

__all__ = ["Deduplicator"]


class Deduplicator(FittedTable):
    """Find texts that say the same, and keep one of each.

    Three kinds of duplicates: **exact** ones have the same text but for case and white space,
    **near** ones share most of their runs of characters, and **semantic** ones have vectors of
    about the same direction. All pairs are found, however many neighbours a text has. Every text
    that is dropped is at or above the threshold to the very text that is kept for it: groups do
    not chain.

    Parameters
    ----------
    embedder : transformer or None, default=None
        Makes dense vectors of texts; it is cloned and fitted to the different texts. None means
        ``StaticEmbedder()``. ``make_pipeline(HybridVectorizer(), TruncatedSVD(256))`` compares
        words as well as meaning.
    threshold : float, default=0.9
        Least cosine of a semantic duplicate; :func:`~skm2v.deduplication.calibrate_threshold`
        chooses it from labelled pairs.
    kinds : tuple of {"exact", "near", "semantic"}, default=("exact", "semantic")
        What counts as a duplicate. Without ``"exact"``, texts must be equal to the letter to be
        one without a comparison.
    near_threshold : float, default=0.7
        Least Jaccard similarity of the sets of runs of five characters of a near duplicate.
    normalize_text : {"nfkc-casefold-space", "none"}, default="nfkc-casefold-space"
        What is done to texts before they are compared exactly and nearly.
    groups : {"star", "components"}, default="star"
        ``"star"``: each dropped text is a duplicate of the kept one. ``"components"``: duplicates
        of duplicates belong together as well, which makes long chains of texts that have little in
        common.
    keep : {"central", "first", "longest"}, column name or callable, default="central"
        Which text is kept: that with the most duplicates, the first one, the longest one, that
        with the largest value of a column (numbers or dates), or with the largest of the values
        which ``keep(X)`` returns.
    column : str or None, default=None
        Name of the column of texts, where `X` is a frame with several.
    within : str or None, default=None
        Name of a column: only rows with the same value can be duplicates.
    compare_numbers : bool, default=False
        Whether texts with different numbers, model names or other words with digits are never
        duplicates, except exact ones.
    verify : PairScorer, callable or None, default=None
        Has the last word about near and semantic duplicates: a fitted
        :class:`~skm2v.deduplication.PairScorer`, or a function that takes two lists of texts and
        says for each pair whether it is one.
    floor : float or None, default=None
        Links down to this cosine are stored, for `rethreshold` and `keep_at_most`. None means
        `threshold`.
    method : {"auto", "exact", "partition"}, default="auto"
        ``"exact"`` finds all semantic links, in a time that grows with the square of the number of
        different texts. ``"partition"`` looks for them in cells of texts that are alike, misses
        a few, and measures how many: ``fit_report_["recall"]``. ``"auto"`` is exact up to four
        million texts, which take half an hour of one core with AVX-512.
    max_pairs : int, default=50_000_000
        Most links to store, 13 bytes each. Beyond that, groups are found without storing links;
        they are the same, but `pairs_` has links to kept texts only, and there is no other
        threshold without another fit.
    handle_missing : {"error", "keep"}, default="error"
        Whether a missing text is an error, or a row of its own that is kept.
    n_jobs : int or None, default=None
        Number of threads. None means 1, -1 all processors.

    Attributes
    ----------
    groups_ : ndarray of int64 of shape (n_rows,)
        Number of the group of each row, by first appearance; ready for ``GroupKFold``.
    representatives_ : ndarray of int64 of shape (n_rows,)
        Row that is kept for each row.
    is_duplicate_ : ndarray of bool of shape (n_rows,)
        Whether another row is kept for this one.
    pairs_ : DuplicatePairs
        `left`, `right`, `similarity`, `kind` of all pairs of duplicates, as row numbers. Rows with
        one text are linked to the first of them, which alone has near and semantic links.
    duplicates_ : DuplicatePairs
        For each dropped row (`left`) the kept one (`right`), and why. With
        ``groups="components"`` the similarity is NaN where there is no direct link.
    embedder_ : transformer
        The fitted embedder, if there are semantic duplicates to find.
    report_ : DeduplicationReport
        Counts, the largest groups, and the pairs of texts around the threshold, from which people
        choose it. Notebooks show it as HTML; `to_frame` says for each dropped text why it went.
    fit_report_ : mapping
        Counts of rows, texts, pairs and groups, what was used, and seconds. Notebooks show a table.

    See Also
    --------
    skm2v.deduplication.find_leakage : The same between two tables.
    skm2v.deduplication.pairs_above : The same for vectors.

    Notes
    -----
    Groups do not depend on the order of rows, but for ``keep="first"`` and ties of `keep`: the
    kept texts are a greedy maximal independent set by priority (most duplicates, or `keep`; then a
    hash of the text).

    Examples
    --------
    >>> from skm2v import Deduplicator
    >>> texts = ["My card did not arrive", "my card  did not arrive", "Where is the bank?"]
    >>> deduplicator = Deduplicator().fit(texts)
    >>> deduplicator.is_duplicate_
    array([False,  True, False])
    >>> deduplicator.transform(texts)
    ['My card did not arrive', 'Where is the bank?']
    """

    __module__ = "skm2v"

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "embedder": [HasMethods(["fit", "transform"]), None],
        "threshold": [Interval(Real, 0, 1, closed="right")],
        "kinds": [tuple, list],
        "near_threshold": [Interval(Real, 0, 1, closed="right")],
        "normalize_text": [StrOptions(set(NORMALIZERS))],
        "groups": [StrOptions({"star", "components"})],
        "keep": [str, callable],
        "column": [str, None],
        "within": [str, None],
        "compare_numbers": ["boolean"],
        "verify": [HasMethods(["predict"]), callable, None],
        "floor": [Interval(Real, 0, 1, closed="right"), None],
        "method": [StrOptions(set(METHODS))],
        "max_pairs": [Interval(Integral, 0, None, closed="left")],
        "handle_missing": [StrOptions({"error", "keep"})],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        embedder: Any = None,
        *,
        threshold: float = 0.9,
        kinds: Sequence[Literal["exact", "near", "semantic"]] = ("exact", "semantic"),
        near_threshold: float = 0.7,
        normalize_text: Literal["nfkc-casefold-space", "none"] = "nfkc-casefold-space",
        groups: Literal["star", "components"] = "star",
        keep: str | Callable[[Any], Any] = "central",
        column: str | None = None,
        within: str | None = None,
        compare_numbers: bool = False,
        verify: Any = None,
        floor: float | None = None,
        method: Literal["auto", "exact", "partition"] = "auto",
        max_pairs: int = 50_000_000,
        handle_missing: Literal["error", "keep"] = "error",
        n_jobs: int | None = None,
    ) -> None:
        self.embedder = embedder
        self.threshold = threshold
        self.kinds = kinds
        self.near_threshold = near_threshold
        self.normalize_text = normalize_text
        self.groups = groups
        self.keep = keep
        self.column = column
        self.within = within
        self.compare_numbers = compare_numbers
        self.verify = verify
        self.floor = floor
        self.method = method
        self.max_pairs = max_pairs
        self.handle_missing = handle_missing
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> Deduplicator:
        """Find all duplicates.

        Parameters
        ----------
        X : column of str or frame
            Texts: a list, tuple, iterator, 1-D array, Series, or a frame of pandas, polars or
            pyarrow; with several columns, `column` names that of the texts.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : Deduplicator
            The fitted deduplicator.

        Raises
        ------
        TextTypeError, TextValueError
            If `X` is not a column of texts, or some are missing.
        ValueError
            If a parameter is invalid, or a column is not there.
        """
        self.fit_with_progress(X, None)
        return self

    def partial_fit(self, X: Any, y: Any = None) -> Deduplicator:
        """Add rows after those that were fitted; the result is that of a fit on all of them.

        New rows are compared with all; earlier ones not again with each other. A row that was kept
        may turn out to be a duplicate of a new one.

        Parameters
        ----------
        X : column of str or frame
            As for `fit`, with the same columns.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : Deduplicator
            The deduplicator with the new rows.
        """
        if not hasattr(self, "_found") or not self._found.table.texts:
            self.fit_with_progress(X, None)
            return self
        self._need_links("partial_fit")
        start = time.perf_counter()
        before = self._found
        table = before.table.followed_by(self._read(X, len(before.table.texts)))
        self._found = find(table, self._options(), self._embed(), before)
        self._group(start)
        return self

    def fit_predict(self, X: Any, y: Any = None) -> npt.NDArray[np.int64]:
        """Find all duplicates and return `groups_`.

        Parameters
        ----------
        X : column of str or frame
            As for `fit`.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        groups : ndarray of int64 of shape (n_rows,)
            Group of each row; see `predict`.
        """
        groups: npt.NDArray[np.int64] = self.fit(X).groups_
        return groups

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Find all duplicates and return `X` without them.

        Parameters
        ----------
        X : column of str or frame
            As for `fit`.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        X : same type as the input
            The rows that are kept.
        """
        X = readable_again(X)
        return self.fit(X).transform(X)

    def transform(self, X: Any) -> Any:
        """Return the rows that were fitted, without the duplicates.

        Parameters
        ----------
        X : column of str or frame
            The rows that `fit` got. For other texts, ask `predict`.

        Returns
        -------
        X : same type as the input
            Index, columns and order are kept.
        """
        check_is_fitted(self, "_found")
        texts, _ = read_texts(X, self.column, missing_is_kept=self.handle_missing == "keep")
        if texts != self._found.table.texts:
            raise ValueError(
                f"transform leaves out duplicates among the {len(self._found.table.texts)} rows"
                " that were fitted; got other rows. Fix: fit_transform(X), or predict(X) for new"
                " texts."
            )
        return take_rows(X, ~self.is_duplicate_)

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """Return for each text the kept row that it is a duplicate of.

        Parameters
        ----------
        X : column of str or frame
            As for `fit`.

        Returns
        -------
        rows : ndarray of int64 of shape (n_texts,)
            Row number among the fitted rows; of several that with the strongest link, then the
            first one. -1 for a text that is a duplicate of none.
        """
        check_is_fitted(self, "_found")
        options = self._options()._replace(floor=self.threshold)
        table = self._read(X, 0, values=False)
        return kept_rows_of(self._found, options, self._embed(), self.representatives_, table)

    def rethreshold(self, threshold: float) -> Deduplicator:
        """Return the result for another threshold, without another comparison.

        Parameters
        ----------
        threshold : float
            At least `floor`, or where that is None, the threshold of the fit.

        Returns
        -------
        deduplicator : Deduplicator
            A new one, as if it were fitted with this threshold.
        """
        check_is_fitted(self, "_found")
        self._need_links("another threshold")
        floor = self._floor_
        if not is_number(threshold) or not np.float32(floor) <= np.float32(threshold) <= 1:
            raise ValueError(
                f"threshold must be between {floor:g}, down to which links are stored, and 1; got"
                f" {threshold!r}. Fix: fit with floor={threshold!r}."
            )
        other = copy.copy(self)
        other.threshold, other.floor = threshold, floor
        other._group(time.perf_counter())
        return other

    def keep_at_most(self, n: int) -> Deduplicator:
        """Return the result for the largest threshold that keeps no more than `n` rows.

        Parameters
        ----------
        n : int
            Number of rows.

        Returns
        -------
        deduplicator : Deduplicator
            A new one, as of `rethreshold`. Its threshold is the similarity of some pair, so that
            rows are dropped in the order in which they are alike.
        """
        check_is_fitted(self, "_found")
        require(is_count(n, 0), "n", n, "a number of rows, 0 or more")
        lowest = self.rethreshold(self._floor_)
        fewest = int((~lowest.is_duplicate_).sum())
        if n < fewest:
            raise ValueError(
                f"At the lowest stored similarity, {self._floor_:g}, {fewest} rows are kept, which"
                f" is more than {n}. Fix: fit with a lower floor."
            )
        links = self._found.links
        steps = np.unique(links.value[links.kind == SEMANTIC])
        best, low, high = lowest, 0, len(steps)
        while low < high:
            middle = (low + high) // 2
            other = self.rethreshold(float(steps[middle]))
            if (~other.is_duplicate_).sum() <= n:
                best, low = other, middle + 1
            else:
                high = middle
        return best
