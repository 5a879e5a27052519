"""What estimators have in common whose input is one column of texts."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from skm2v._model.state import SealedState
from skm2v._pooling import TextColumn, check_texts

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

    def _remember_column(self, column: TextColumn) -> None:
        """Set the attributes that scikit-learn has for columns, and only for these."""
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
        if column.two_dimensional:
            self.n_features_in_ = 1
        if column.feature_name is not None:
            self.feature_names_in_ = np.array([column.feature_name], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.allow_nan = self._missing == "zero"
        return tags
