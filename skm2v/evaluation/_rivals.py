"""What a static model has to beat: words, without any model, and words together with vectors.

Each rival is what a practitioner would take for the task at hand, under one name, so that every
task has a score of every rival.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from sklearn.decomposition import TruncatedSVD
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from skm2v._classification.classifier import StaticTextClassifier
from skm2v._features.vectorizer import HybridVectorizer
from skm2v.evaluation._baselines import BM25, TfidfSVD, tfidf
from skm2v.evaluation._classifiers import TextClassifier
from skm2v.evaluation._encoders import Encoder, Model, Usage
from skm2v.evaluation._formatting import TFIDF
from skm2v.evaluation._task import Outcome, Task

__all__ = ["Rival", "words", "words_and_vectors"]


class Rival(Model):
    """A model that is another one for classification, clustering and search.

    Parameters
    ----------
    name : str
        Name shown in results.
    vectors : Model
        What embeds, for every task that is not one of the following.
    classes : Model
        What classifies.
    groups : Model
        What embeds for clustering.
    search : Model or None, default=None
        What finds documents; None takes `vectors`.
    summary : str
        What reports call it in a sentence.
    """

    def __init__(
        self,
        name: str,
        vectors: Model,
        classes: Model,
        groups: Model,
        search: Model | None = None,
        *,
        summary: str,
    ) -> None:
        super().__init__(name, None)
        self._of = {
            "vectors": vectors,
            "classes": classes,
            "groups": groups,
            "search": search or vectors,
        }
        self.summary = summary

    def _hash(self) -> str:
        parts = "\0".join(f"{use}\0{model.fingerprint}" for use, model in self._of.items())
        return hashlib.sha256(parts.encode()).hexdigest()

    @property
    def n_bytes(self) -> int | None:
        """None: what is fitted on every task has no size of its own."""
        return None

    def run(
        self, task: Task, n_worst: int = 5, progress: Callable[[int], None] | None = None
    ) -> tuple[Outcome, Usage]:
        """Score what the rival is for a task; see `Model.run`."""
        return self._of[task.use].run(task, n_worst, progress)


def words() -> Rival:
    """Return what words alone can do: tf-idf with a linear SVM, cosines or an SVD, and BM25."""
    return Rival(
        "words",
        Encoder("words", tfidf(pairs=True)),
        TextClassifier("words", make_pipeline(tfidf(pairs=True), LinearSVC())),
        Encoder("words", TfidfSVD()),
        Encoder("words", BM25()),
        summary=TFIDF,
    )


def words_and_vectors() -> Rival:
    """Return vectors and words together: `StaticTextClassifier`, and `HybridVectorizer`."""
    return Rival(
        "both",
        Encoder("both", HybridVectorizer()),
        TextClassifier("both", StaticTextClassifier()),
        Encoder("both", make_pipeline(HybridVectorizer(), TruncatedSVD(256, random_state=0))),
        summary="static vectors and words together",
    )
