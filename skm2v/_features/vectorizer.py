"""Texts to static vectors and tf-idf side by side, as a scikit-learn transformer."""

from __future__ import annotations

import math
from collections import Counter
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from skm2v._checks import is_count, require
from skm2v._doc_link import Documented
from skm2v._embedder import StaticEmbedder
from skm2v._features.characters import CharacterNgrams
from skm2v._features.default_embedder import DefaultEmbedder
from skm2v._features.lexical import Vocabulary, token_importance
from skm2v._features.matrices import root_mean_square, scale_rows, side_by_side, with_norm
from skm2v._features.read import Read
from skm2v._features.semantic import semantic_features, squared_norms_of
from skm2v._fit_context import fit_context
from skm2v._pooling import TextColumn, TokenIds, pairs_of_keys, warn_of_losses
from skm2v._text_input import TextInput

__all__ = ["HybridVectorizer"]


class HybridVectorizer(DefaultEmbedder, TextInput, TransformerMixin, Documented, BaseEstimator):
    """Describe texts by what they mean and by the words they use: static vectors and tf-idf.

    Texts are tokenized once. The first columns are the sum of the static vectors of a text's
    tokens, the others tf-idf of the tokens and of pairs of neighbouring tokens. They are what
    :class:`~skm2v.StaticTextClassifier` learns from, for any other model: beside numeric columns
    in a ColumnTransformer, before any linear model, and for the similarity of texts, where inner
    products weigh both kinds of cosine.

    Parameters
    ----------
    embedder : StaticEmbedder or None, default=None
        Where the static vectors and the tokens come from; it is cloned and fitted. None means
        ``StaticEmbedder()``, the bundled model for English. Its `normalize` has no effect, as
        `normalize` below takes its place; `max_length` and `handle_missing` count for both kinds
        of features.
    semantic_weight : float, default=1.0
        Norm of the static vectors, where that of tf-idf is 1. With 1 the inner product of two
        texts is the mean of both cosines; more favours meaning, less words. 0 leaves the vectors
        and their columns out.
    max_pairs : int or None, default=200_000
        Number of pairs of neighbouring tokens to use, the most frequent ones of the texts in
        `fit`; None means all, 0 none.
    norm_exponent : float, default=0.0
        How far idf is corrected by the static model, from 0 to 1: it is multiplied by the norm of
        the token's vector, relative to the others, to this power. Static models make the vectors
        of frequent tokens short, which tells "the" from "prize" where `fit` sees few texts.
    normalize : bool, default=True
        Whether each kind of features is scaled to the same norm in every text, so that rows have
        norm 1. Without it both kinds are sums over tokens divided by the root of a sum of squares
        (see Notes): only about of that norm, and what tables of scores can reproduce.
    character_weight : float, default=0.0
        Norm of tf-idf of n-grams of characters within words, where that of tokens and pairs is 1:
        a third kind of features, for names, codes and spellings that tokens cut in different
        ways. 0 leaves them out. They are counted in Python, which takes several times as long as
        all the rest, and need ``normalize=True``.
    character_range : (int, int), default=(2, 4)
        Lengths of the shortest and longest n-grams of characters; the 200,000 that most texts of
        `fit` hold are used. They are those of ``TfidfVectorizer(analyzer="char_wb",
        sublinear_tf=True)``, of whole texts: `max_length` does not count for them.
    sparse_output : bool, default=True
        Whether `transform` gives a sparse array. A dense one has a column for each token and pair:
        `set_output` needs it, and much memory.
    dtype : {numpy.float32, numpy.float64}, default=numpy.float32
        Number type of the features.

    Attributes
    ----------
    embedder_ : StaticEmbedder
        The fitted embedder.
    idf_ : ndarray of float64 of shape (n_lexical,)
        Inverse document frequency of each token and pair, times the correction by norms; then that
        of each n-gram of characters.
    semantic_scale_ : float
        What sums of vectors are multiplied by if `normalize` is False.
    n_features_in_ : int
        1, only if `fit` got a frame or an array with one column.
    feature_names_in_ : ndarray of shape (1,)
        Name of the column, only if `fit` got a frame whose column name is a string.

    See Also
    --------
    skm2v.StaticEmbedder : The static vectors alone: dense, and many times as fast.
    skm2v.StaticTextClassifier : These features and a linear model, its settings chosen by itself.

    Notes
    -----
    With n texts in `fit`, of which df hold a token or a pair, its idf is
    ``log((1 + n) / (1 + df)) + 1`` as that of
    :class:`~sklearn.feature_extraction.text.TfidfTransformer` is [1]_; the vectors are not learned
    from the texts (but see `objective` of :class:`~skm2v.StaticEmbedder`).

    With ``normalize=False``, counts times idf are divided by the root of the sum of
    ``count * idf ** 2``, which is the norm where nothing repeats; and sums of vectors by the root
    of the sum of their squared norms, which is the norm of a sum of vectors at right angles,
    and then scaled to a root mean square norm of `semantic_weight` in the texts of `fit`.

    A token or pair that was in no text of `fit` counts for the static vectors only. Texts without
    a known token are rows of zeros.

    References
    ----------
    .. [1] G. Salton, C. Buckley. Term-weighting approaches in automatic text retrieval.
       Information Processing & Management 24, 1988. doi:10.1016/0306-4573(88)90021-0

    Examples
    --------
    >>> from skm2v import HybridVectorizer
    >>> texts = ["Canon EOS 350D camera", "Nikon D70 camera", "camera bag"]
    >>> vectorizer = HybridVectorizer().fit(texts)
    >>> rows = vectorizer.transform(["Canon 350D digital camera", "bag for a camera"])
    >>> (rows @ vectorizer.transform(texts).T).toarray().argmax(axis=1)
    array([0, 2])
    >>> vectorizer.get_feature_names_out()[[0, 256, -1]]
    array(['dimension_0', 'token_d', 'pair_nik ##on'], dtype=object)
    """

    __module__ = "skm2v"

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "embedder": [StaticEmbedder, None],
        "semantic_weight": [Interval(Real, 0, None, closed="left")],
        "max_pairs": [Interval(Integral, 0, None, closed="left"), None],
        "norm_exponent": [Interval(Real, 0, 1, closed="both")],
        "normalize": ["boolean"],
        "character_weight": [Interval(Real, 0, None, closed="left")],
        "character_range": [tuple],
        "sparse_output": ["boolean"],
        "dtype": "no_validation",
    }

    _ngrams: CharacterNgrams | None = None  # unless fitted with characters

    # skrub hands one column at a time to a transformer that says this.
    __single_column_transformer__ = True

    def __init__(
        self,
        embedder: StaticEmbedder | None = None,
        *,
        semantic_weight: float = 1.0,
        max_pairs: int | None = 200_000,
        norm_exponent: float = 0.0,
        normalize: bool = True,
        character_weight: float = 0.0,
        character_range: tuple[int, int] = (2, 4),
        sparse_output: bool = True,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self.embedder = embedder
        self.semantic_weight = semantic_weight
        self.max_pairs = max_pairs
        self.norm_exponent = norm_exponent
        self.normalize = normalize
        self.character_weight = character_weight
        self.character_range = character_range
        self.sparse_output = sparse_output
        self.dtype = dtype

    # The embedder's parameters are its own to check.
    @fit_context(nested=True)
    def fit(self, X: Any, y: Any = None) -> HybridVectorizer:
        """Learn which tokens and pairs there are, and how frequent each is.

        Parameters
        ----------
        X : column of str
            Texts: a list, tuple, iterator, 1-D array, Series, or a frame or array with one
            column.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        self : HybridVectorizer
            Fitted vectorizer.

        Raises
        ------
        TextTypeError, TextValueError
            If `X` is not a column of texts, or some of its rows are missing values.
        ValueError
            If a parameter is invalid.
        """
        column = self._check_for_fit(X)
        self._fit_texts(column.texts)
        self._remember_column(column, X)
        return self

    @fit_context(nested=True)
    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Fit and transform in one pass over the texts.

        Parameters
        ----------
        X : column of str
            Texts, as for `fit`.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        features : sparse array or ndarray of shape (n_texts, n_features)
            As of `transform`.
        """
        column = self._check_for_fit(X)
        read = self._fit_texts(column.texts)
        self._remember_column(column, X)
        return self._finish(column, read)

    def transform(self, X: Any) -> Any:
        """Make features of texts.

        Parameters
        ----------
        X : column of str
            Texts, as for `fit`.

        Returns
        -------
        features : sparse array or ndarray of shape (n_texts, n_features)
            A CSR array with 32-bit indices, unless `sparse_output` is False. A text's row does
            not depend on the other texts.

        Raises
        ------
        NotFittedError
            If `fit` was not called.
        TextTypeError, TextValueError
            If `X` is not a column of texts, or some of its rows are missing values.

        Warns
        -----
        TextWarning
            If texts were truncated, hold no known token without being missing, or are mostly
            unknown or single letters.
        """
        check_is_fitted(self)
        column = self._check_column(X)
        return self._finish(column, self._read(column.texts))

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Name the features.

        Parameters
        ----------
        input_features : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        names : ndarray of object of shape (n_features,)
            ``dimension_0`` and so on, then ``token_prize``, then ``pair_free phone``: tokens as
            they stand in the vocabulary of the static model; then ``characters_riz``, with a space
            where a word begins or ends. After the name of the column, as in
            ``title_token_prize``, if `fit` got one with a name.
        """
        check_is_fitted(self)
        tokens = self.embedder_.model_.tokens
        pairs = pairs_of_keys(self._vocabulary.pair_keys, len(tokens)).tolist()
        names = [f"dimension_{i}" for i in range(self._n_semantic)]
        names += [f"token_{tokens[i]}" for i in self._vocabulary.tokens.tolist()]
        names += [f"pair_{tokens[left]} {tokens[right]}" for left, right in pairs]
        if self._ngrams is not None:
            names += [f"characters_{term}" for term in self._ngrams.terms]
        return self._after_column(_told_apart(names))

    def _plain_state(self) -> dict[str, Any]:
        state = super()._plain_state()
        if "_vocabulary" in state:
            state["_vocabulary"] = self._vocabulary.arrays
        if self._ngrams is not None:
            state["_ngrams"] = self._ngrams.arrays
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        if "_vocabulary" in state:
            state["_vocabulary"] = Vocabulary.of_arrays(state["_vocabulary"])
        if state.get("_ngrams") is not None:
            state["_ngrams"] = CharacterNgrams.of_arrays(state["_ngrams"])
        super()._restore(state)

    # --- The steps, which the classifier takes one by one ----------------------------------------

    def _check_for_fit(self, X: Any) -> TextColumn:
        try:
            fits = np.dtype(self.dtype) in (np.float32, np.float64)
        except (TypeError, ValueError):  # it names no type at all
            fits = False
        require(fits, "dtype", self.dtype, "numpy.float32 or numpy.float64")
        lengths = self.character_range
        require(
            len(lengths) == 2 and all(map(is_count, lengths)) and lengths[0] <= lengths[1],
            "character_range",
            lengths,
            "the lengths of the shortest and longest n-grams, such as (2, 4)",
        )
        if self.character_weight and not self.normalize:
            raise ValueError(
                "character_weight needs normalize=True: without it features are sums over tokens,"
                " which n-grams of characters are not."
            )
        return self._check_to_fit(X, self._missing_in_fit)

    def _fit_texts(self, texts: list[str]) -> Read:
        """Fit on checked texts, and return what was read."""
        self.embedder_ = self._new_embedder().fit(texts)
        model = self.embedder_.model_
        self._ngrams = None
        if self.character_weight:
            self._ngrams = CharacterNgrams.of_texts(texts, *self.character_range)
        read = self._read(texts)
        self._squared_norms = squared_norms_of(model.pooler.table)
        importance = token_importance(self._squared_norms[: len(model.tokens)], self.norm_exponent)
        self._vocabulary = Vocabulary(read.tokens, importance, self.max_pairs)
        self.idf_ = self._vocabulary.weights
        if self._ngrams is not None:
            self.idf_ = np.concatenate([self.idf_, self._ngrams.weights])
        self.semantic_scale_ = 1.0
        if self.normalize or not self._n_semantic:
            return read
        sums = self._sums(read.tokens)
        self.semantic_scale_ = self.semantic_weight / (root_mean_square(sums) or 1.0)
        return read._replace(sums=sums)

    def _read(self, texts: list[str]) -> Read:
        model = self.embedder_.model_
        read = Read(*model.pooler.cut_token_ids(texts, max_length=model.max_length))
        if self._ngrams is None:
            return read
        return read._replace(characters=self._ngrams.transform(texts))

    def _sums(self, tokens: TokenIds) -> npt.NDArray[np.float32]:
        table = self.embedder_.model_.pooler.table
        return semantic_features(table, self._squared_norms, tokens)

    def _finish(self, column: TextColumn, read: Read) -> Any:
        features = self._features(read).astype(self.dtype)
        empty = read.tokens.lengths == 0
        empty[column.missing] = False
        consequence = "got a row of zeros"
        if read.characters is not None:
            consequence = "got features of characters at most"
        warn_of_losses(empty, read.truncated, read.foreign, consequence=consequence)
        return features if self.sparse_output else features.toarray()

    def _features(self, read: Read) -> Any:
        """Features in float64."""
        lexical = self._vocabulary.transform(read.tokens)
        semantic: npt.NDArray[Any] = np.empty((read.tokens.n_texts, 0))
        if self._n_semantic:
            semantic = self._sums(read.tokens) if read.sums is None else read.sums
        if not self.normalize:
            return side_by_side(semantic * self.semantic_scale_, lexical)
        character_weight = 0.0 if read.characters is None else self.character_weight
        norm = math.hypot(self.semantic_weight, 1.0, character_weight)
        scale_rows(lexical, 1 / norm)
        if read.characters is not None:
            scale_rows(read.characters, character_weight / norm)
            lexical = sparse.hstack([lexical, read.characters], format="csr")
        return side_by_side(with_norm(semantic, self.semantic_weight / norm), lexical)

    @property
    def _n_semantic(self) -> int:
        """Number of columns of the static vectors."""
        return self.embedder_.model_.dim if self.semantic_weight else 0

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


def _told_apart(names: list[str]) -> list[str]:
    """Names with numbers where tokens that hold spaces make two pairs look the same."""
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique
