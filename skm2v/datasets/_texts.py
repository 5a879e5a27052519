from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

_DATA = Path(__file__).parent / "data"

_SMS_SPAM = """\
SMS Spam Collection
===================

5,574 English text messages, 4,827 ham and 747 spam. The source has no split; this one is
stratified by label, 80 % train and 20 % test. As in the source, 403 rows repeat an earlier message;
88 texts stand in both parts.

Source: UCI Machine Learning Repository, data set 228, by Tiago A. Almeida and José María Gómez
Hidalgo. Licence: CC BY 4.0. Changed here: written as a table with a split.

Reference: T. A. Almeida, J. M. Gómez Hidalgo, A. Yamakami. Contributions to the Study of SMS Spam
Filtering: New Collection and Results. DocEng 2011.
"""

_BANKING77 = """\
Banking77
=========

13,083 questions of bank customers in English, each with one of 77 intents, in the published split:
10,003 train and 3,080 test. Labels overlap in meaning, and some are known to be noisy.

Source: PolyAI. Licence: CC BY 4.0. Changed here: the two parts written as one table.

Reference: I. Casanueva, T. Temčinas, D. Gerz, M. Henderson, I. Vulić. Efficient Intent Detection
with Dual Sentence Encoders. NLP4ConvAI 2020.
"""

_VALENCE = """\
Valence of English words
========================

7,217 words with a mean rating from -4, extremely negative, to 4, extremely positive.

Source: the lexicon of VADER (vaderSentiment 3.3.2), by C. J. Hutto and Eric Gilbert. Licence: MIT;
its text is in the file valence.LICENSE.txt beside the words. Changed here: emoticons and all else
that is not written in Latin letters left out, and the single ratings.

Reference: C. J. Hutto, E. Gilbert. VADER: A Parsimonious Rule-based Model for Sentiment Analysis of
Social Media Text. ICWSM 2014.
"""

Subset = Literal["all", "train", "test"]


def _load(name: str, descr: str, subset: Subset, return_X_y: bool) -> Any:
    if subset not in ("all", "train", "test"):
        raise ValueError(f"subset must be 'all', 'train' or 'test', got {subset!r}.")
    with gzip.open(_DATA / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    # Over all rows, so that a label has the same number in both parts.
    target_names, target = np.unique([label for _, label, _ in rows], return_inverse=True)
    split = np.array([part for _, _, part in rows])
    kept = np.arange(len(rows)) if subset == "all" else np.flatnonzero(split == subset)
    data = [rows[i][0] for i in kept]
    target = target[kept]
    if return_X_y:
        return data, target
    from sklearn.utils import Bunch  # here: this module also tells where the default model is

    return Bunch(
        data=data,
        target=target,
        target_names=[str(label) for label in target_names],
        split=split[kept],
        DESCR=descr,
    )


@overload
def load_sms_spam(*, subset: Subset = ..., return_X_y: Literal[False] = ...) -> Any: ...
@overload
def load_sms_spam(
    *, subset: Subset = ..., return_X_y: Literal[True]
) -> tuple[list[str], npt.NDArray[np.int64]]: ...
def load_sms_spam(*, subset: Subset = "all", return_X_y: bool = False) -> Any:
    """Load the SMS Spam Collection: 5,574 text messages, ham or spam.

    Parameters
    ----------
    subset : {"all", "train", "test"}, default="all"
        The part to return. The source has no split; this one is stratified by label, 4,460 train
        and 1,114 test.
    return_X_y : bool, default=False
        If True, return ``(data, target)``.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        - ``data`` : list of str, the messages
        - ``target`` : ndarray of shape (n,), 0 for ham and 1 for spam
        - ``target_names`` : list of str, ``["ham", "spam"]``
        - ``split`` : ndarray of shape (n,), "train" or "test" for each message
        - ``DESCR`` : str, description, source and licence

    (data, target) : tuple if ``return_X_y`` is True
        Texts and numbers of their classes.

    Notes
    -----
    By Tiago A. Almeida and José María Gómez Hidalgo, UCI Machine Learning Repository data set 228
    [1]_, licensed under CC BY 4.0; changed here: written as a table with a split.

    References
    ----------
    .. [1] T. A. Almeida, J. M. Gómez Hidalgo, A. Yamakami. Contributions to the Study of SMS Spam
       Filtering: New Collection and Results. DocEng 2011.

    Examples
    --------
    >>> from skm2v.datasets import load_sms_spam
    >>> X_train, y_train = load_sms_spam(subset="train", return_X_y=True)
    >>> len(X_train), int(y_train.sum())
    (4460, 598)
    """
    return _load("sms_spam", _SMS_SPAM, subset, return_X_y)


@overload
def load_banking77(*, subset: Subset = ..., return_X_y: Literal[False] = ...) -> Any: ...
@overload
def load_banking77(
    *, subset: Subset = ..., return_X_y: Literal[True]
) -> tuple[list[str], npt.NDArray[np.int64]]: ...
def load_banking77(*, subset: Subset = "all", return_X_y: bool = False) -> Any:
    """Load Banking77: 13,083 questions of bank customers with 77 intents.

    Parameters
    ----------
    subset : {"all", "train", "test"}, default="all"
        The part to return: the published 10,003 train and 3,080 test questions.
    return_X_y : bool, default=False
        If True, return ``(data, target)``.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        - ``data`` : list of str, the questions
        - ``target`` : ndarray of shape (n,), numbers 0 to 76
        - ``target_names`` : list of 77 str, the intents in the order of their numbers
        - ``split`` : ndarray of shape (n,), "train" or "test" for each question
        - ``DESCR`` : str, description, source and licence

    (data, target) : tuple if ``return_X_y`` is True
        Texts and numbers of their classes.

    Notes
    -----
    By PolyAI [1]_, licensed under CC BY 4.0; changed here: the two parts written as one table.

    References
    ----------
    .. [1] I. Casanueva, T. Temčinas, D. Gerz, M. Henderson, I. Vulić. Efficient Intent Detection
       with Dual Sentence Encoders. NLP4ConvAI 2020.

    Examples
    --------
    >>> from skm2v.datasets import load_banking77
    >>> bank = load_banking77(subset="test")
    >>> len(bank.data), bank.target_names[0]
    (3080, 'Refund_not_showing_up')
    """
    return _load("banking77", _BANKING77, subset, return_X_y)


def load_valence(*, return_X_y: bool = False) -> Any:
    """Load the valence of 7,217 English words: how good or bad what they say is.

    It is what ``stretch={"valence": factor}`` learns the axis from; see
    :meth:`skm2v.StaticModel.stretch`.

    Parameters
    ----------
    return_X_y : bool, default=False
        If True, return ``(data, target)``.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        - ``data`` : list of str, the words, sorted
        - ``target`` : ndarray of float64 of shape (n,), mean ratings from -4 to 4
        - ``DESCR`` : str, description, source and licence

    (data, target) : tuple if ``return_X_y`` is True
        Words and their ratings.

    Notes
    -----
    From VADER's lexicon [1]_, by C. J. Hutto and Eric Gilbert, under the MIT licence; changed here:
    only words of Latin letters, and only the mean of their ratings.

    References
    ----------
    .. [1] C. J. Hutto, E. Gilbert. VADER: A Parsimonious Rule-based Model for Sentiment Analysis of
       Social Media Text. ICWSM 2014.

    Examples
    --------
    >>> from skm2v.datasets import load_valence
    >>> words, valence = load_valence(return_X_y=True)
    >>> len(words), float(valence[words.index("delightful")])
    (7217, 2.8)
    """
    with gzip.open(_DATA / "valence.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    data, target = [word for word, _ in rows], np.array([float(value) for _, value in rows])
    if return_X_y:
        return data, target
    from sklearn.utils import Bunch

    return Bunch(data=data, target=target, DESCR=_VALENCE)
