"""Clustering of embedded texts."""

from __future__ import annotations

import random
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score, v_measure_score

from skm2v.evaluation._resampling import bootstrap_mean
from skm2v.evaluation._table_reader import TableReader
from skm2v.evaluation._task import Encode, Example, Outcome, Task, clip_text

__all__ = ["Clustering"]

SEED = 42


@dataclass(frozen=True)
class Clustering(Task):
    """Clustering with MTEB's mini-batch k-means protocol, scored by the V-measure.

    `n_experiments` times, `sample_size` documents are drawn with replacement and clustered by
    ``MiniBatchKMeans(n_clusters=<number of labels>, batch_size=512, n_init=1, random_state=42)``;
    the score is the mean V-measure. MTEB first keeps a random 4 % of the documents unless a task
    says otherwise, because its sets are large; `fraction` is that setting, and it is 1.0 here: all
    documents. Stored and printed with every result.

    Parameters
    ----------
    name : str
        Name of the data.
    texts : list of str
        The documents.
    labels : list of str
        Their true clusters.
    fraction : float, default=1.0
        Share of the documents that is embedded; MTEB's default is 0.04.
    sample_size : int, default=16384
        Documents drawn for each experiment.
    n_experiments : int, default=10
        Number of draws.

    Examples
    --------
    >>> from skm2v.evaluation import Clustering, evaluate
    >>> texts, labels = ["a cat", "the cat", "a dog", "the dog"], ["cat", "cat", "dog", "dog"]
    >>> evaluate("tfidf-svd", Clustering("pets", texts, labels)).results[0].metric
    'v_measure'
    """

    texts: list[str]
    labels: list[str]
    fraction: float = 1.0
    sample_size: int = 16_384
    n_experiments: int = 10

    type: ClassVar[str] = "clustering"
    title: ClassVar[str] = "Clustering"
    measure: ClassVar[str] = "mean V-measure of mini-batch k-means over 10 draws, as in MTEB"
    use: ClassVar[str] = "groups"
    roles: ClassVar[tuple[str, ...]] = ("text", "label")
    folders: ClassVar[tuple[str, ...]] = ("clustering",)
    metric: ClassVar[str] = "v_measure"
    version: ClassVar[int] = 1

    def fit_texts(self) -> list[str]:
        """All documents, once each; see `Task.fit_texts`.

        Returns
        -------
        texts : list of str
            Texts of the data.
        """
        return list(dict.fromkeys(self.texts))

    @classmethod
    def of_table(cls, name: str, reader: TableReader) -> Clustering:
        """Make a task from the test split of a table; see `Task.of_table`.

        Parameters
        ----------
        name : str
            Name of the data.
        reader : TableReader
            Reads the columns of the table.

        Returns
        -------
        task : Clustering
            The task.
        """
        text, label = reader.column("text"), reader.column("label")
        table = reader.test()
        task = cls(name, table.texts(text), table.labels(label))
        reader.need_two_classes(label, task.labels, "scored")
        return task

    def run(self, encode: Encode, n_worst: int = 5) -> Outcome:
        """Score a model; see `Task.run`.

        Parameters
        ----------
        encode : Encode
            The model under test.
        n_worst : int, default=5
            How many of the worst errors to collect.

        Returns
        -------
        Outcome
            Score, replicates and worst errors.
        """
        from sklearn.cluster import MiniBatchKMeans

        # One generator for the subset and the draws, in this order, as MTEB has it.
        rng = random.Random(SEED)
        rows = list(range(len(self.texts)))
        if self.fraction < 1:
            rows = rng.sample(rows, k=int(self.fraction * len(rows)))
        vectors = encode([self.texts[row] for row in rows])
        labels = np.array([self.labels[row] for row in rows])
        k_means = MiniBatchKMeans(
            n_clusters=len(np.unique(labels)),
            batch_size=512,
            init="k-means++",
            n_init=1,
            random_state=SEED,
        )
        v_measures, mutual = [], []
        for _ in range(self.n_experiments):
            drawn = rng.choices(range(len(rows)), k=self.sample_size)
            with warnings.catch_warnings():
                # Fewer distinct vectors than clusters: the score shows it.
                warnings.simplefilter("ignore")
                assigned = k_means.fit_predict(vectors[drawn])
            v_measures.append(v_measure_score(labels[drawn], assigned))
            mutual.append(adjusted_mutual_info_score(labels[drawn], assigned))
        values = np.array(v_measures)
        return Outcome(
            score=float(values.mean()),
            replicates=bootstrap_mean(values),
            n_items=len(rows),
            metrics={"ami": float(np.mean(mutual))},
            protocol={
                "fraction": self.fraction,
                "documents": len(rows),
                "clusters": len(np.unique(labels)),
                "draws": self.n_experiments,
                "sample_size": self.sample_size,
            },
            worst=_mixed_clusters(
                [self.texts[rows[place]] for place in drawn], labels[drawn], assigned, n_worst
            ),
        )


def _mixed_clusters(
    texts: list[str], labels: object, assigned: object, n_worst: int
) -> list[Example]:
    """Find the largest groups of documents that sit in a cluster of another label."""
    members: dict[int, Counter[str]] = {}
    sample: dict[tuple[int, str], str] = {}
    for text, label, cluster in zip(
        texts, np.asarray(labels).tolist(), np.asarray(assigned).tolist(), strict=True
    ):
        members.setdefault(cluster, Counter())[label] += 1
        sample.setdefault((cluster, label), text)
    strays = [
        (count, label, counts.most_common(1)[0][0], cluster)
        for cluster, counts in members.items()
        for label, count in counts.most_common()[1:]
    ]
    strays.sort(key=lambda stray: (-stray[0], stray[1], stray[2]))
    return [
        {
            "text": clip_text(sample[cluster, label]),
            "expected": label,
            "clustered with": majority,
            "how often": f"{count} documents of the last draw",
        }
        for count, label, majority, cluster in strays[:n_worst]
    ]
