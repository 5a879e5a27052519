"""The description of groups as an estimator, which also says where new texts belong."""

from __future__ import annotations

from collections.abc import Collection
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skm2v._clustering.describing import check_stop_words, describe
from skm2v._clustering.groups import cosines_to, group_rows
from skm2v._clustering.table import Cluster, ClusterTable
from skm2v._doc_link import Documented
from skm2v._features.embedding import embedding_by, fit_embedder
from skm2v._fit_context import fit_context
from skm2v._model.state import SealedState
from skm2v._pairs.vectors import check_vectors
from skm2v._pooling import check_texts

__all__ = ["ClusterDescriber"]


class ClusterDescriber(SealedState, TransformerMixin, Documented, BaseEstimator):
    """Describe groups of texts, and find the group of a new text.

    :func:`~skm2v.clustering.describe_clusters` as an estimator: `fit` takes texts and the labels
    that some clusterer gave them, `transform` compares texts with the centres of the groups,
    `predict` names the nearest one.

    Parameters
    ----------
    embedder : transformer or None, default=None
        Makes vectors of texts; it is cloned and fitted. None means ``StaticEmbedder()``.
    vectorizer : transformer or None, default=None
        Finds terms, as in :func:`~skm2v.clustering.describe_clusters`; it is cloned.
    stop_words : "english", collection of str or None, default="english"
        Words that are in no term.
    n_terms : int, default=10
        Number of terms of each group.
    n_examples : int, default=3
        Number of central and of borderline texts of each group.
    n_jobs : int or None, default=None
        Number of threads of the default embedder.

    Attributes
    ----------
    table_ : ClusterTable
        The description.
    classes_ : ndarray of shape (n_groups,)
        Labels of the groups, sorted, without -1.
    cluster_centers_ : ndarray of float32 of shape (n_groups, d)
        Directions of the groups' means, of length 1.
    embedder_ : transformer
        The fitted embedder.

    See Also
    --------
    skm2v.clustering.describe_clusters : The table alone, also of vectors that are there already.

    Examples
    --------
    >>> from skm2v.clustering import ClusterDescriber
    >>> texts = ["My card has not arrived", "Where is my card?", "The exchange rate is wrong",
    ...          "What is your exchange rate?"]
    >>> describer = ClusterDescriber().fit(texts, ["cards", "cards", "rates", "rates"])
    >>> describer.predict(["when will I get my card"]).tolist()
    ['cards']
    """

    __module__ = "skm2v.clustering"

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "embedder": [HasMethods(["fit", "transform"]), None],
        "vectorizer": [HasMethods(["fit_transform", "get_feature_names_out"]), None],
        "stop_words": [StrOptions({"english"}), list, tuple, set, frozenset, None],
        "n_terms": [Interval(Integral, 1, None, closed="left")],
        "n_examples": [Interval(Integral, 0, None, closed="left")],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        embedder: Any = None,
        *,
        vectorizer: Any = None,
        stop_words: str | Collection[str] | None = "english",
        n_terms: int = 10,
        n_examples: int = 3,
        n_jobs: int | None = None,
    ) -> None:
        self.embedder = embedder
        self.vectorizer = vectorizer
        self.stop_words = stop_words
        self.n_terms = n_terms
        self.n_examples = n_examples
        self.n_jobs = n_jobs

    @fit_context(nested=False)
    def fit(self, X: Any, y: Any) -> ClusterDescriber:
        """Describe groups.

        Parameters
        ----------
        X : column of str of length n
            Texts.
        y : array-like of shape (n,)
            Labels of the groups. The integer -1 means no group.

        Returns
        -------
        self : ClusterDescriber
            The fitted describer.

        Raises
        ------
        TextTypeError, TextValueError
            If `X` is not a column of texts, or some are missing.
        TypeError, ValueError
            If the labels are none.
        """
        texts = list(check_texts(X).texts)
        if y is None:
            raise ValueError(
                "ClusterDescriber requires y to be passed, but the target y is None: the labels"
                " that a clusterer gave the texts."
            )
        self.embedder_ = fit_embedder(self.embedder, texts, self.n_jobs)
        groups = group_rows(embedding_by(self.embedder_)(texts), y)
        self.table_ = describe(
            texts,
            groups,
            vectorizer=self.vectorizer,
            stop_words=check_stop_words(self.stop_words),
            n_terms=self.n_terms,
            n_examples=self.n_examples,
        )
        self.classes_ = np.asarray(groups.names)
        self.cluster_centers_ = groups.centers.astype(np.float32)
        return self

    def transform(self, X: Any) -> npt.NDArray[np.float32]:
        """Return cosines of texts to the centres of the groups.

        Parameters
        ----------
        X : column of str of length n
            Texts to place.

        Returns
        -------
        cosines : ndarray of float32 of shape (n, n_groups)
            Columns as in `classes_`.
        """
        check_is_fitted(self)
        vectors = check_vectors(embedding_by(self.embedder_)(list(check_texts(X).texts)))
        lengths = np.sqrt(vectors.squares)
        lengths[lengths == 0] = 1
        unit = (vectors.values / lengths[:, None]).astype(np.float32)
        return cosines_to(self.cluster_centers_.astype(np.float64), unit)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the label of the group whose centre is most similar.

        Parameters
        ----------
        X : column of str of length n
            Texts to place.

        Returns
        -------
        labels : ndarray of shape (n,)
            Group of each row.
        """
        cosines = self.transform(X)
        labels: npt.NDArray[Any] = self.classes_[cosines.argmax(axis=1)]
        return labels

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Return the names of the groups, as in `table_`, for the columns of `transform`.

        Parameters
        ----------
        input_features : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        names : ndarray of object of shape (n_groups,)
            Names of the groups.
        """
        check_is_fitted(self)
        names = self.table_.names
        return np.array([names[label] for label in self.classes_.tolist()], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.target_tags.required = True
        return tags

    def _plain_state(self) -> dict[str, Any]:
        state = super()._plain_state()
        if "table_" in state:
            rows = [list(cluster) for cluster in self.table_]
            state["table_"] = {"n_texts": self.table_.n_texts, "clusters": rows}
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        super()._restore(state)
        if "table_" in state:
            table = state["table_"]
            clusters = [Cluster(*row) for row in table["clusters"]]
            self.table_ = ClusterTable(clusters, table["n_texts"])
