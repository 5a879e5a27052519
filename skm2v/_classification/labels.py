"""Labels of texts: what kind they are, what is wrong with them, and back from numbers to labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v._checks import some
from skm2v._classification.label_containers import (
    GivenLabels,
    as_strings,
    name_label_rows,
    read_labels,
)
from skm2v._warnings import warn_user

__all__ = [
    "Labels",
    "check_class_weight",
    "check_known",
    "check_labels",
    "check_sample_weight",
    "warn_of_constants",
]


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

    @property
    def constant(self) -> npt.NDArray[np.bool_]:
        """Which of several labels a text no text has, or every text: (n_classes,)."""
        return np.asarray(self.codes.min(axis=0) == self.codes.max(axis=0))

    @property
    def n_learnable(self) -> int:
        """Number of classes, without labels that no text has, or every text."""
        return int(np.count_nonzero(~self.constant)) if self.multilabel else len(self.classes)

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
    given = read_labels(y, n_texts)
    values = given.values
    if given.tags is not None:
        return _binarize(given.tags)
    if values.ndim == 2:
        return _check_indicator(values, given.names)
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
    given = read_labels(y, n_texts)
    if multilabel:
        return _known_indicator(given, classes)
    values = given.values
    if given.tags is not None or values.ndim != 1:
        got = "tags" if given.tags is not None else f"an array of shape {values.shape}"
        raise ValueError(f"Labels must be one per text; got {got}.")
    known = set(classes.tolist())
    unknown = sorted({value for value in values.tolist() if value not in known}, key=repr)
    are_strings = isinstance(classes.item(0), str)
    other = [value for value in unknown if isinstance(value, str) != are_strings]
    if other:
        raise ValueError(
            f"Labels are of another type than those in the training data: {some(other)}; the"
            f" classes are {some(classes)}. Convert them."
        )
    _warn_of_unknown(unknown, classes)
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
        Labels of the texts, of which each must have a text with weight: the solver would take what
        has no weight for the majority. Of several labels a text, one must be left to learn.

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
            f"sample_weight must be finite and not negative; got {weights[bad[0]]} in"
            f" {name_label_rows(bad)}."
        )
    if not weights.any():
        raise ValueError("sample_weight must not be all zero: no text would count.")
    _check_weight_of_classes(weights, labels)
    return weights


def _check_weight_of_classes(weights: npt.NDArray[np.float64], labels: Labels) -> None:
    """Refuse classes without weight: to the solver it is as if there were no text of them."""
    if labels.multilabel:
        _check_variety(labels.take(np.flatnonzero(weights)))
        return
    totals = np.bincount(labels.codes, weights, minlength=len(labels.classes))
    if len(classes := labels.classes[totals == 0]):
        raise ValueError(
            f"sample_weight is 0 for every text of class {some(classes)}, so there is nothing to"
            " learn about it. Leave these texts out, or give one of them a weight."
        )


def warn_of_constants(labels: Labels) -> None:
    """Warn of labels that no text has, or every text: nothing is learned about them.

    That must not be an error: in a cross-validation a rare label may be in held out texts only.
    """
    for yes, which in ((False, "no text has"), (True, "every text has")):
        always = labels.constant & (labels.codes[0] == yes)
        if always.any():
            warn_user(
                f"Nothing can be learned about labels that {which}, so all texts will be predicted"
                f" to {'have' if yes else 'lack'} them: {some(labels.classes[always])}.",
                UserWarning,
            )


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


def _check_indicator(values: npt.NDArray[Any], names: list[str] | None) -> Labels:
    _check_binary(values)
    classes = np.arange(values.shape[1]) if names is None else as_strings(names)
    if len(set(classes.tolist())) < len(classes):
        raise ValueError(
            f"The names of the columns of y repeat: {some(classes)}. Rename columns, so that each"
            " label has its own."
        )
    return _check_variety(Labels(classes, values.astype(np.int64)))


def _binarize(tags: list[Any]) -> Labels:
    """Columns of 0 and 1, one for each different tag, in the order of the tags."""
    try:
        distinct = sorted({tag for row in tags for tag in row})
    except TypeError:
        kinds = sorted({type(tag).__name__ for row in tags for tag in row})
        raise ValueError(
            f"Tags must be of one type, which can be sorted; got {', '.join(kinds)}. Convert them,"
            " for example with [[str(tag) for tag in row] for row in y]."
        ) from None
    if not distinct:
        raise ValueError("Tags are needed; no text has one.")
    strings = all(isinstance(tag, str) for tag in distinct)
    classes = as_strings(distinct) if strings else np.array(distinct)
    return _check_variety(Labels(classes, _indicator_of(tags, distinct)))


def _indicator_of(tags: list[Any], classes: list[Any]) -> npt.NDArray[np.int64]:
    columns = {tag: column for column, tag in enumerate(classes)}
    indicator = np.zeros((len(tags), len(classes)), dtype=np.int64)
    for row, of_text in enumerate(tags):
        indicator[row, [columns[tag] for tag in of_text]] = 1
    return indicator


def _check_variety(labels: Labels) -> Labels:
    """Refuse several labels a text of which none tells one text from another."""
    if not len(labels.classes):
        raise ValueError("Labels must be one per text, or one column for each; y has no columns.")
    if labels.constant.all():
        raise ValueError(
            f"Every text has the same of the labels {some(labels.classes)}, so there is nothing to"
            " learn. Add texts with other labels."
        )
    return labels


def _known_indicator(given: GivenLabels, classes: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Columns of 0 and 1 in the order of the classes, and more for tags that are none of them."""
    known = classes.tolist()
    if given.tags is not None:
        found = {tag for row in given.tags for tag in row}
        unknown = sorted(found.difference(known), key=repr)
        if len(unknown) == len(found) and found:
            raise ValueError(
                f"Tags are none of the labels that the classifier was fitted on: {some(unknown)};"
                f" those are {some(classes)}."
            )
        _warn_of_unknown(unknown, classes)
        return _indicator_of(given.tags, [*known, *unknown])
    values = given.values
    if values.ndim != 2 or values.shape[1] != len(classes):
        raise ValueError(
            f"Labels must have the shape {(len(values), len(classes))}, one column for each label"
            f" that the classifier was fitted on; got {values.shape}."
        )
    _check_binary(values)
    if given.names is None or given.names == known or not isinstance(known[0], str):
        return values
    if set(given.names) != set(known):
        raise ValueError(
            f"The columns of y have other names than the labels that the classifier was fitted on:"
            f" {some(given.names)}; those are {some(classes)}. Rename the columns."
        )
    return values[:, [given.names.index(name) for name in known]]


def _warn_of_unknown(unknown: list[Any], classes: npt.NDArray[Any]) -> None:
    if unknown:
        warn_user(
            f"Labels count as wrong that were not in the training data: {some(unknown)}; the"
            f" classes are {some(classes)}.",
            UserWarning,
        )
