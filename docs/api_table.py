"""The public names, in the order in which the API reference shows them.

One page is made for each name; tests hold the table equal to `tests/public_names.txt`.
"""

from __future__ import annotations

from typing import NamedTuple


class Section(NamedTuple):
    """A section of the API reference."""

    title: str
    text: str
    names: tuple[str, ...]


SECTIONS = (
    Section(
        "Embed",
        "A text in, a vector out: as a transformer of scikit-learn, or as a model with `encode`.",
        (
            "skm2v.StaticEmbedder",
            "skm2v.StaticModel",
            "skm2v.HybridVectorizer",
            "skm2v.TextTokenizer",
            "skm2v.PoolingTable",
        ),
    ),
    Section(
        "Distil",
        "From a sentence transformer to a static model. `skm2v.distill` is the function and the"
        " module: ``from skm2v.distill import distill`` works as in Model2Vec.",
        (
            "skm2v.distill",
            "skm2v.distill_from_model",
            "skm2v.distill.distill",
            "skm2v.distill.distill_from_model",
            "skm2v.load_teacher",
            "skm2v.Teacher",
            "skm2v.FitReport",
            "skm2v.ModelConfig",
            "skm2v.Projection",
        ),
    ),
    Section(
        "Classify, explain, serve",
        "Words and meaning in one linear model, what each word adds, and one file to serve.",
        (
            "skm2v.StaticTextClassifier",
            "skm2v.fuse",
            "skm2v.FusedTextClassifier",
            "skm2v.FusedTextRegressor",
            "skm2v.explain",
            "skm2v.Explanation",
        ),
    ),
    Section(
        "Deduplicate",
        "Which rows say the same, and which one stays.",
        (
            "skm2v.Deduplicator",
            "skm2v.deduplication.find_leakage",
            "skm2v.deduplication.calibrate_threshold",
            "skm2v.deduplication.PairScorer",
            "skm2v.deduplication.pairs_above",
            "skm2v.deduplication.most_pairs_above",
            "skm2v.deduplication.BorderlinePair",
            "skm2v.deduplication.DeduplicationReport",
            "skm2v.deduplication.DuplicateGroup",
            "skm2v.deduplication.DuplicatePairs",
            "skm2v.deduplication.Leakage",
            "skm2v.deduplication.MostPairs",
            "skm2v.deduplication.Pairs",
            "skm2v.deduplication.Recall",
            "skm2v.deduplication.ThresholdCalibration",
        ),
    ),
    Section(
        "Search",
        "Words and meaning in one exact index, and a second stage.",
        (
            "skm2v.TextSearcher",
            "skm2v.search.BiEncoderReranker",
            "skm2v.search.SearchResult",
            "skm2v.search.Hit",
            "skm2v.search.SearchExplanation",
            "skm2v.search.Tuning",
        ),
    ),
    Section(
        "Topics",
        "What a pile of texts is about.",
        (
            "skm2v.clustering.find_topics",
            "skm2v.clustering.Topics",
            "skm2v.clustering.NeighborAverager",
            "skm2v.clustering.WardKMeans",
            "skm2v.clustering.choose_n_clusters",
            "skm2v.clustering.ClusterChoice",
            "skm2v.clustering.ClusterDescriber",
            "skm2v.clustering.describe_clusters",
            "skm2v.clustering.ClusterTable",
            "skm2v.clustering.Cluster",
            "skm2v.clustering.merge_clusters",
            "skm2v.clustering.MergedClusters",
            "skm2v.clustering.outlier_scores",
            "skm2v.clustering.cluster_shares",
            "skm2v.clustering.ClusterShares",
            "skm2v.clustering.ClusterShare",
            "skm2v.clustering.plot_map",
        ),
    ),
    Section(
        "Evaluate",
        "MTEB's protocols on your files, offline, with intervals.",
        (
            "skm2v.evaluation.evaluate",
            "skm2v.evaluation.Evaluation",
            "skm2v.evaluation.Result",
            "skm2v.evaluation.ResultStore",
            "skm2v.evaluation.Outcome",
            "skm2v.evaluation.ModelSummary",
            "skm2v.evaluation.Listener",
            "skm2v.evaluation.run_task",
            "skm2v.evaluation.find_sources",
            "skm2v.evaluation.load_diagnostic",
            "skm2v.evaluation.load_model",
            "skm2v.evaluation.DataOptions",
            "skm2v.evaluation.TaskSource",
            "skm2v.evaluation.Encode",
            "skm2v.evaluation.Encoder",
            "skm2v.evaluation.TextClassifier",
            "skm2v.evaluation.MtebEncoder",
        ),
    ),
    Section(
        "Tasks, baselines and measures of an evaluation",
        "What `skm2v.evaluation.evaluate` runs, what it compares with, and how it counts.",
        (
            "skm2v.evaluation.Task",
            "skm2v.evaluation.Clustering",
            "skm2v.evaluation.Contrast",
            "skm2v.evaluation.Deduplication",
            "skm2v.evaluation.FewShotClassification",
            "skm2v.evaluation.FullClassification",
            "skm2v.evaluation.PairClassification",
            "skm2v.evaluation.Reranking",
            "skm2v.evaluation.Retrieval",
            "skm2v.evaluation.STS",
            "skm2v.evaluation.WordSimilarity",
            "skm2v.evaluation.BM25",
            "skm2v.evaluation.TfidfSVD",
            "skm2v.evaluation.tfidf",
            "skm2v.evaluation.mrr",
            "skm2v.evaluation.ndcg_at",
            "skm2v.evaluation.recall_at",
        ),
    ),
    Section(
        "Scale",
        "Batches of Arrow and frames of Dask, for many processes and machines.",
        (
            "skm2v.distributed.BatchTransformer",
            "skm2v.distributed.deduplicate",
            "skm2v.distributed.embed",
            "skm2v.distributed.predict",
        ),
    ),
    Section(
        "Data sets",
        "They come with the package and need no network.",
        (
            "skm2v.datasets.load_sms_spam",
            "skm2v.datasets.load_banking77",
            "skm2v.datasets.load_valence",
            "skm2v.datasets.default_model_path",
        ),
    ),
    Section(
        "Test your own estimator",
        "scikit-learn's conventions, for input of texts.",
        (
            "skm2v.testing.check_text_transformer",
            "skm2v.testing.check_text_classifier",
            "skm2v.testing.parametrize_with_text_checks",
            "skm2v.testing.text_transformer_checks",
            "skm2v.testing.text_classifier_checks",
        ),
    ),
    Section(
        "Errors, warnings, versions",
        "Each error also is the built-in one that users catch.",
        (
            "skm2v.exceptions.Skm2vError",
            "skm2v.exceptions.TextTypeError",
            "skm2v.exceptions.TextValueError",
            "skm2v.exceptions.ModelFormatError",
            "skm2v.exceptions.TeacherError",
            "skm2v.exceptions.TeacherNotFoundError",
            "skm2v.exceptions.MissingExtraError",
            "skm2v.evaluation.TaskDataError",
            "skm2v.evaluation.ModelSpecError",
            "skm2v.exceptions.TextWarning",
            "skm2v.exceptions.VersionWarning",
            "skm2v.show_versions",
            "skm2v.__version__",
        ),
    ),
)
NAMES = tuple(name for section in SECTIONS for name in section.names)


def page_of(name: str) -> str:
    """Return the page of a public name, relative to the root of the site, without its ending."""
    return f"api/{name}"


def rst() -> str:
    """Return the overview of the API reference, from which autosummary makes the pages."""
    lines = ["API reference", "=============", "", "All that is public, on one page.", ""]
    for section in SECTIONS:
        lines += [section.title, "-" * len(section.title), "", section.text, ""]
        lines += [".. autosummary::", "   :toctree: .", "   :nosignatures:", ""]
        lines += [f"   {name}" for name in section.names] + [""]
    return "\n".join(lines)
