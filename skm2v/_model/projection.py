"""The rotation between a teacher's vectors and the columns of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from skm2v.exceptions import ModelFormatError

__all__ = ["Projection"]


@dataclass(frozen=True, eq=False)
class Projection:
    """Map from a teacher's token vectors to the columns of a model.

    It is kept with a model so that tokens can be added later: the row of a token is
    ``transform(teacher_vector)`` times the token's weight, plus `offset`.

    Parameters
    ----------
    mean : ndarray of shape (d_teacher,), dtype float32 or float64
        Mean of the teacher's token vectors.
    components : ndarray of shape (d, d_teacher), dtype float32 or float64
        Principal axes, of decreasing variance, with the signs that the model's columns have.
    explained_variance_ratio : ndarray of float64 of shape (d,) or None, default=None
        Share of the teacher's variance along each axis.
    offset : ndarray of shape (d,) or None, default=None
        What every row has on top, whatever its weight. None means nothing.

    Raises
    ------
    ModelFormatError
        If shapes, types or values do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from skm2v import Projection
    >>> projection = Projection(np.zeros(3), np.eye(3)[:2])
    >>> projection.transform([[1.0, 2.0, 3.0]])
    array([[1., 2.]])
    >>> projection.first(1).dim
    1
    """

    __module__ = "skm2v"

    mean: npt.NDArray[Any]
    components: npt.NDArray[Any]
    explained_variance_ratio: npt.NDArray[Any] | None = None
    offset: npt.NDArray[Any] | None = None

    def __post_init__(self) -> None:
        shapes = {"mean": 1, "components": 2, "explained_variance_ratio": 1, "offset": 1}
        for name, ndim in shapes.items():
            array = getattr(self, name)
            if array is None and name in ("explained_variance_ratio", "offset"):
                continue
            object.__setattr__(self, name, _read_only(name, array, ndim))
        if self.components.shape[1] != len(self.mean) or not self.components.size:
            raise ModelFormatError(
                f"The projection's components must have shape (d, {len(self.mean)}), as its mean"
                f" has {len(self.mean)} values; got {self.components.shape}."
            )
        offset = self.offset
        if offset is not None and len(offset) != len(self.components):
            raise ModelFormatError(
                f"The projection has {len(self.components)} components and an offset of"
                f" {len(offset)} values."
            )
        ratio = self.explained_variance_ratio
        if ratio is not None and len(ratio) != len(self.components):
            raise ModelFormatError(
                f"The projection has {len(self.components)} components and"
                f" {len(ratio)} explained variance ratios."
            )

    @property
    def dim(self) -> int:
        """Number of columns, d."""
        return len(self.components)

    def transform(self, vectors: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Rotate vectors of the teacher, of shape (n, d_teacher), to shape (n, d).

        Parameters
        ----------
        vectors : array-like of shape (n, d_teacher)
            Vectors of the teacher.

        Returns
        -------
        columns : ndarray of float64 of shape (n, d)
            What they are in the columns of the model.
        """
        centred = np.asarray(vectors, dtype=np.float64) - self.mean
        return np.asarray(centred @ self.components.T.astype(np.float64))

    def first(self, dim: int) -> Projection:
        """Return the projection onto the first `dim` components.

        Parameters
        ----------
        dim : int
            Number of components.

        Returns
        -------
        projection : Projection
            A new projection.
        """
        ratio, offset = self.explained_variance_ratio, self.offset
        return Projection(
            self.mean,
            self.components[:dim],
            None if ratio is None else ratio[:dim],
            None if offset is None else offset[:dim],
        )

    def mapped(self, matrix: npt.NDArray[np.float64]) -> Projection:
        """Return the projection to columns that are multiplied by a matrix of shape (d, d).

        Parameters
        ----------
        matrix : ndarray of float64 of shape (d, d)
            What the columns are multiplied by.

        Returns
        -------
        projection : Projection
            A new projection.
        """
        components, offset = self.components, self.offset
        return Projection(
            self.mean,
            (matrix.T @ components).astype(components.dtype),
            self.explained_variance_ratio,
            None if offset is None else (offset @ matrix).astype(offset.dtype),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            type(self),
            (self.mean, self.components, self.explained_variance_ratio, self.offset),
        )


def _read_only(name: str, array: Any, ndim: int) -> npt.NDArray[Any]:
    array = np.asarray(array)
    if array.ndim != ndim or array.dtype.name not in ("float32", "float64"):
        raise ModelFormatError(
            f"The projection's {name} must be a {ndim}-D array of float32 or float64;"
            f" got {array.ndim}-D of {array.dtype}."
        )
    if not np.isfinite(array).all():
        raise ModelFormatError(f"The projection's {name} must be finite; got NaN or infinity.")
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
