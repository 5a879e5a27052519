"""What estimators have in common whose input is one column of texts."""

from __future__ import annotations

import sys
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from skm2v._model.state import SealedState
from skm2v._pooling import TextColumn, check_texts
from skm2v.exceptions import TextTypeError

__all__ = ["TextInput"]


class TextInput(SealedState):
    """Check `X` and remember its column; a mixin that stands before ``BaseEstimator``."""

    @property
    def _missing(self) -> Literal["error", "zero"]:
        """What to do with missing texts."""
        raise NotImplementedError

    def _check_column(self, X: Any, *, buffers: bool = False) -> TextColumn:
        """Texts of `X`, which must be the column that `fit` got, if that had a name."""
        column = check_texts(X, handle_missing=self._missing, buffers=buffers)
        if column.feature_name is not None:
            self._check_feature_name(column.feature_name)
        return column

    def _check_feature_name(self, name: str | None) -> None:
        expected = getattr(self, "feature_names_in_", None)
        if name is not None and expected is not None and expected[0] != name:
            raise ValueError(
                f"{type(self).__name__} was fitted on the column {expected[0]!r}; got the column"
                f" {name!r}. Rename it, or pass the column itself: X[{name!r}]."
            )

    def _check_to_fit(self, X: Any, missing: Literal["error", "zero"]) -> TextColumn:
        """Texts of `X` to fit on; skrub is told of a column that holds none in its own way."""
        try:
            return check_texts(X, handle_missing=missing)
        except TextTypeError as error:
            raise _rejection(error) from None

    def _remember_column(self, column: TextColumn, X: Any) -> None:
        """Set the attributes that scikit-learn has for columns, and the column's name."""
        for name in ("n_features_in_", "feature_names_in_", "_column_name"):
            self.__dict__.pop(name, None)
        own = column.feature_name or (getattr(X, "name", None) if hasattr(X, "dtype") else None)
        if isinstance(own, str) and own:
            self._column_name = own
        if column.two_dimensional:
            self.n_features_in_ = 1
        if column.feature_name is not None:
            self.feature_names_in_ = np.array([column.feature_name], dtype=object)

    def _after_column(self, names: list[str], default: str = "") -> npt.NDArray[np.object_]:
        """Names of features, after that of the column in `fit`; `default` is for columns without.

        So two columns of a frame have features of different names.
        """
        own = getattr(self, "_column_name", None)
        prefix = default if own is None else f"{own}_"
        return np.array([prefix + name for name in names], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.allow_nan = self._missing == "zero"
        return tags


def _rejection(error: TextTypeError) -> TextTypeError:
    """Return the error as one that skrub's `allow_reject` knows, if it is skrub that may ask."""
    reject = getattr(sys.modules.get("skrub.core"), "RejectColumn", None)
    if reject is None:
        return error
    members = {"__module__": __name__, "__reduce__": lambda self: (TextTypeError, self.args)}
    kind: type[TextTypeError] = type("TextTypeError", (TextTypeError, reject), members)
    return kind(*error.args)
