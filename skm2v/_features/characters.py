"""Which short runs of characters the words of a text have: tf-idf of n-grams."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from skm2v.exceptions import ModelFormatError

__all__ = ["MOST_NGRAMS", "CharacterNgrams"]

# As many as there are pairs of tokens by default; tens of thousands of texts have fewer.
MOST_NGRAMS = 200_000
# Stands between n-grams in a pickle. None holds one, as spaces of all kinds part words.
_SEPARATOR = "\n"


@dataclass(frozen=True, eq=False)
class CharacterNgrams:
    """N-grams of characters within the words of the training texts, with their weights.

    Counts are those of scikit-learn's ``CountVectorizer(analyzer="char_wb")``: of small letters,
    with a space before and behind each word.

    Attributes
    ----------
    shortest, longest : int
        Lengths of the n-grams.
    terms : list of str
        The n-grams, sorted.
    weights : ndarray of float64 of shape (n_terms,)
        ``log((1 + n) / (1 + df)) + 1``, with the number n of texts and df of those that hold it.
    """

    shortest: int
    longest: int
    terms: list[str]
    weights: npt.NDArray[np.float64]

    @classmethod
    def of_texts(cls, texts: list[str], shortest: int, longest: int) -> CharacterNgrams:
        """Find the n-grams of texts: of more than `MOST_NGRAMS` those that most texts hold."""
        if not any(map(str.split, texts)):
            return cls(shortest, longest, [], np.empty(0))
        counter = _counter(shortest, longest)
        counts = counter.fit_transform(texts)
        terms = counter.get_feature_names_out()
        frequencies = np.bincount(counts.indices, minlength=len(terms))
        if len(terms) > MOST_NGRAMS:
            kept = np.sort(np.argsort(-frequencies, kind="stable")[:MOST_NGRAMS])
            terms, frequencies = terms[kept], frequencies[kept]
        weights = np.log((1 + len(texts)) / (1 + frequencies)) + 1
        return cls(shortest, longest, terms.tolist(), weights)

    def transform(self, texts: list[str]) -> Any:
        """Logarithms of counts, times weights.

        Returns
        -------
        features : sparse array of float64 of shape (n_texts, n_terms)
        """
        if not self.terms:
            return sparse.csr_array((len(texts), 0), dtype=np.float64)
        features = sparse.csr_array(self._fitted_counter.transform(texts))
        features.data = (np.log(features.data) + 1) * self.weights[features.indices]
        return features

    @cached_property
    def _fitted_counter(self) -> Any:
        # Kept, as it takes longer to make and to check than to count a text.
        vocabulary = {term: column for column, term in enumerate(self.terms)}
        return _counter(self.shortest, self.longest, vocabulary=vocabulary)

    @property
    def arrays(self) -> dict[str, Any]:
        """What it is made of, to be pickled."""
        return {
            "shortest": self.shortest,
            "longest": self.longest,
            "terms": _SEPARATOR.join(self.terms),
            "weights": self.weights,
        }

    @classmethod
    def of_arrays(cls, arrays: dict[str, Any]) -> CharacterNgrams:
        """Build it of what was pickled.

        Raises
        ------
        ModelFormatError
            If something is missing or does not fit together.
        """
        shortest, longest, joined, weights = (
            arrays[name] for name in ("shortest", "longest", "terms", "weights")
        )
        terms = joined.split(_SEPARATOR) if joined else []
        if not (
            type(shortest) is type(longest) is int
            and 1 <= shortest <= longest
            and all(one < other for one, other in zip(terms, terms[1:], strict=False))
            and isinstance(weights, np.ndarray)
            and weights.dtype == np.float64
            and weights.shape == (len(terms),)
            and np.isfinite(weights).all()
        ):
            raise ModelFormatError("Pickled n-grams are damaged: their arrays do not fit.")
        return cls(shortest, longest, terms, weights)


def _counter(shortest: int, longest: int, **settings: Any) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(
        analyzer="char_wb", ngram_range=(shortest, longest), dtype=np.float64, **settings
    )
