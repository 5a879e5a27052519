"""A parameter `embedder` whose default is an embedder with parameters of its own."""

from __future__ import annotations

from typing import Any, Literal

from sklearn.base import clone

from skm2v._embedder import StaticEmbedder

__all__ = ["DefaultEmbedder"]


class DefaultEmbedder:
    """Estimators with a parameter `embedder`, None for the default; before ``BaseEstimator``."""

    embedder: StaticEmbedder | None

    def set_params(self, **params: Any) -> Any:
        """Set parameters, ``embedder__name`` for those of the embedder.

        Parameters
        ----------
        **params : dict
            Parameters. One of the embedder makes a ``StaticEmbedder()`` of the default, None.

        Returns
        -------
        self : estimator instance
            The estimator itself.
        """
        nested = any(name.startswith("embedder__") for name in params)
        if nested and params.get("embedder", self.embedder) is None:
            params["embedder"] = StaticEmbedder()
        return super().set_params(**params)  # type: ignore[misc]

    def _new_embedder(self) -> StaticEmbedder:
        """Return an embedder to fit."""
        return StaticEmbedder() if self.embedder is None else clone(self.embedder)

    @property
    def _missing_in_fit(self) -> Literal["error", "zero"]:
        """What `fit` does with missing texts."""
        return "error" if self.embedder is None else self.embedder.handle_missing

    @property
    def _missing(self) -> Literal["error", "zero"]:
        """What methods after `fit` do with missing texts."""
        fitted: StaticEmbedder | None = getattr(self, "embedder_", None)
        return self._missing_in_fit if fitted is None else fitted.handle_missing
