"""Labels of texts: what kind they are, what is wrong with them, and back from numbers to labels."""

from __future__ import annotations

from collections.abc import Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._checks import some
from skm2v._warnings import warn_user

__all__ = ["Labels", "check_class_weight", "check_known", "check_labels", "check_sample_weight"]


@dataclass(frozen=True, eq=False)
class Labels:
    """Checked labels of the training texts.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Distinct labels, sorted; for several labels a text, the numbers of the columns.
    codes : ndarray of int64 of shape (n_texts,), or (n_texts, n_classes) for several labels a text
        Number of the class of each text, or 0 and 1 for each text and class.
    """

    classes: npt.NDArray[Any]
    codes: npt.NDArray[np.int64]

    @property
    def multilabel(self) -> bool:
        """Whether a text may have any number of labels."""
        return self.codes.ndim == 2

    @property
    def targets(self) -> npt.NDArray[np.bool_]:
        """What each output says yes to: (n_texts, n_outputs), one output for two classes."""
        if self.multilabel:
            return np.asarray(self.codes > 0)
        if len(self.classes) == 2:
            return np.asarray(self.codes[:, np.newaxis] == 1)
        return np.asarray(self.codes[:, np.newaxis] == np.arange(len(self.classes)))

    def take(self, rows: npt.NDArray[np.integer[Any]]) -> Labels:
        """Labels of some of the texts, over the same classes."""
        return Labels(self.classes, self.codes[rows])


def check_labels(y: Any, n_texts: int) -> Labels:
    """Check the labels of training texts.

    Parameters
    ----------
    y : array-like of shape (n_texts,), or of 0 and 1 of shape (n_texts, n_labels)
        One label per text, or an indicator of any number of labels.
    n_texts : int

    Returns
    -------
    labels : Labels

    Raises
    ------
    ValueError
        If labels are missing, continuous, of mixed types, too few or too many for the texts, or
        leave a class without examples or without counterexamples.
    """
    values = _as_array(y, n_texts)
    if values.ndim == 2:
        return _check_indicator(values)
    if values.dtype.kind == "f":
        continuous = np.flatnonzero((values != np.floor(values)) | np.isinf(values))
        if len(continuous):
            raise ValueError(
                f"Labels must be classes; got continuous numbers, such as {values[continuous[0]]}"
                f" in row {continuous[0]}. Bin them, or fit a regressor on StaticEmbedder's"
                " vectors and fuse that pipeline."
            )
    try:
        classes, codes = np.unique(values, return_inverse=True)
    except TypeError:
        kinds = sorted({type(value).__name__ for value in values.tolist()})
        raise ValueError(
            f"Labels must be of one type, which can be sorted; got {', '.join(kinds)}. Convert"
            " them, for example with [str(label) for label in y]."
        ) from None
    if len(classes) < 2:
        raise ValueError(
            f"Labels must be of two classes or more; all {n_texts} texts have the label"
            f" {some(classes)}. Add texts of another class."
        )
    return Labels(classes, codes.astype(np.int64))


def check_known(y: Any, n_texts: int, classes: npt.NDArray[Any], multilabel: bool) -> Any:
    """Check labels to compare predictions with.

    Parameters
    ----------
    y : array-like of shape (n_texts,) or (n_texts, n_labels)
    n_texts : int
    classes : ndarray of shape (n_classes,)
        The classes that the classifier knows.
    multilabel : bool
        Whether `y` must be an indicator of the classes.

    Returns
    -------
    y : ndarray

    Raises
    ------
    ValueError
        If labels are missing, of another type than the classes (numbers or strings), no indicator
        of 0 and 1 where one is needed, or their shape is not that of the predictions.

    Warns
    -----
    UserWarning
        If labels are of no class that the classifier knows. That must not be an error, as in
        cross-validation a rare class may be in the held out texts only.
    """
    values = _as_array(y, n_texts)
    if multilabel:
        if values.ndim != 2 or values.shape[1] != len(classes):
            raise ValueError(
                f"Labels must have the shape {(n_texts, len(classes))}, one column for each label"
                f" that the classifier was fitted on; got {values.shape}."
            )
        _check_binary(values)
        return values
    if values.ndim != 1:
        raise ValueError(f"Labels must be one per text; got an array of shape {values.shape}.")
    known = set(classes.tolist())
    unknown = sorted({value for value in values.tolist() if value not in known}, key=repr)
    are_strings = isinstance(classes.item(0), str)
    other = [value for value in unknown if isinstance(value, str) != are_strings]
    if other:
        raise ValueError(
            f"Labels are of another type than those in the training data: {some(other)}; the"
            f" classes are {some(classes)}. Convert them."
        )
    if unknown:
        warn_user(
            f"Labels count as wrong that were not in the training data: {some(unknown)}; the"
            f" classes are {some(classes)}.",
            UserWarning,
        )
    return values


def check_class_weight(class_weight: Any, labels: Labels) -> None:
    """Check that class weights are for classes that exist.

    Raises
    ------
    ValueError
        If a weight is for an unknown class, or no positive number.
    """
    if not isinstance(class_weight, Mapping):
        return
    known = set(labels.classes.tolist())
    unknown = [key for key in class_weight if key not in known]
    if unknown:
        raise ValueError(
            f"class_weight has weights for unknown classes: {some(unknown)}; the classes are"
            f" {some(labels.classes)}. Remove them, or add texts of these classes."
        )
    for key, weight in class_weight.items():
        if not (isinstance(weight, (int, float, np.number)) and 0 < weight < np.inf):
            raise ValueError(f"class_weight must be positive numbers; got {weight!r} for {key!r}.")


def check_sample_weight(
    sample_weight: Any, n_texts: int, labels: Labels
) -> npt.NDArray[np.float64] | None:
    """Weights of texts as an array, or None.

    Parameters
    ----------
    sample_weight : array-like of shape (n_texts,) or None
    n_texts : int
    labels : Labels
        Labels of the texts, of which each must have a text with weight, and each label of several
        a text without it too. The solver would take what has no weight for the majority.

    Raises
    ------
    ValueError
        If there is not one finite weight per text, one is negative, all are zero, or those of all
        texts of a class are.
    """
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n_texts,):
        raise ValueError(
            f"sample_weight must have one weight per text, {n_texts}; got shape {weights.shape}."
        )
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(bad):
        raise ValueError(
            f"sample_weight must be finite and not negative; got {weights[bad[0]]} in {_rows(bad)}."
        )
    if not weights.any():
        raise ValueError("sample_weight must not be all zero: no text would count.")
    _check_weight_of_classes(weights, labels)
    return weights


def _check_weight_of_classes(weights: npt.NDArray[np.float64], labels: Labels) -> None:
    """Refuse classes without weight: to the solver it is as if there were no text of them."""
    if not labels.multilabel:
        totals = np.bincount(labels.codes, weights, minlength=len(labels.classes))
        _refuse_weightless(labels.classes[totals == 0], "of class {}")
        return
    _refuse_weightless(
        labels.classes[weights @ labels.codes == 0], "with the class of column {} of y"
    )
    _refuse_weightless(
        labels.classes[weights @ (1 - labels.codes) == 0], "without the class of column {} of y"
    )


def _refuse_weightless(classes: npt.NDArray[Any], which: str) -> None:
    if len(classes):
        raise ValueError(
            f"sample_weight is 0 for every text {which.format(some(classes))}, so there is"
            " nothing to learn about it. Leave these texts out, or give one of them a weight."
        )


def _as_array(y: Any, n_texts: int) -> npt.NDArray[Any]:
    """Labels as an array of one or two dimensions, none of them missing."""
    if y is None:
        raise ValueError("Labels are needed; got None. Pass one label per text: fit(X, y).")
    if hasattr(y, "toarray"):
        y = y.toarray()
    if isinstance(y, (str, bytes, Mapping, Set)) or not hasattr(y, "__len__"):
        raise ValueError(
            f"Labels must be one per text, in the order of the texts; got {type(y).__name__}. Pass"
            " a list or an array."
        )
    if hasattr(y, "to_numpy"):
        y = np.asarray(y)  # to_numpy of an Arrow array refuses strings
    if not isinstance(y, np.ndarray):
        y = _from_list(list(y))
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim not in (1, 2):
        raise ValueError(f"Labels must be one per text; got an array of shape {y.shape}.")
    if len(y) != n_texts:
        raise ValueError(f"There must be one label per text; got {n_texts} texts, {len(y)} labels.")
    if n_texts == 0:
        raise ValueError("Texts with labels are needed; got none.")
    missing = np.flatnonzero([_is_missing(row) for row in y.tolist()])
    if len(missing):
        raise ValueError(
            f"Labels are missing in {_rows(missing)}. Drop these texts, or label them."
        )
    if y.dtype.kind == "O":
        # Python numbers and strings in an array of objects: as NumPy would store them.
        values = _plain(y.ravel().tolist())
        kinds = {type(value) for value in values}
        of_indicator = y.ndim == 2 and kinds <= {int, float, bool}
        if kinds <= {int, float} or kinds == {bool} or of_indicator:
            return np.array(values).reshape(y.shape)
    return np.asarray(y)


def _plain(values: list[Any]) -> list[Any]:
    """Python's own objects for the items of arrays, as in ``[y[i] for i in rows]``."""
    return [value.item() if isinstance(value, np.generic) else value for value in values]


def _from_list(values: list[Any]) -> npt.NDArray[Any]:
    values = _plain(values)
    if all(isinstance(value, str) for value in values):
        return np.array(values, dtype=np.str_)
    kinds = set(map(type, values))
    if any(issubclass(kind, (list, tuple, np.ndarray, set, frozenset, dict)) for kind in kinds):
        if not any(issubclass(kind, (set, frozenset, dict)) for kind in kinds):
            with suppress(ValueError):  # rows of several lengths
                return np.array(values)
        raise ValueError(
            "Several labels a text must be rows of 0 and 1, all of one length. Make them with"
            " sklearn.preprocessing.MultiLabelBinarizer."
        )
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _is_missing(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_is_missing, value))
    if value is None:
        return True
    try:
        return bool(value != value)  # NaN and NaT
    except TypeError:  # pandas.NA has no truth value
        return True


def _check_binary(values: npt.NDArray[Any]) -> None:
    if values.dtype.kind not in "biuf":
        got = f"{values.dtype}"
    elif not (zero_or_one := np.isin(values, (0, 1))).all():
        got = f"{values[~zero_or_one][0]}"
    else:
        return
    raise ValueError(
        f"Labels of shape {values.shape} must be 0 and 1, one column per label; got {got}. Make"
        " them with sklearn.preprocessing.MultiLabelBinarizer."
    )


def _check_indicator(values: npt.NDArray[Any]) -> Labels:
    _check_binary(values)
    counts = values.astype(np.int64).sum(axis=0)
    for bad, what in ((counts == 0, "no text"), (counts == len(values), "every text")):
        if bad.any():
            columns = np.flatnonzero(bad)
            raise ValueError(
                f"{what.capitalize()} has the label of column {some(columns)} of y, so there is"
                " nothing to learn about it. Remove these columns, or add texts."
            )
    return Labels(np.arange(values.shape[1]), values.astype(np.int64))


def _rows(rows: npt.NDArray[np.integer[Any]]) -> str:
    return f"row{'s' * (len(rows) > 1)} {some(rows)}"
