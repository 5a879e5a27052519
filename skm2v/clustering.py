"""Groups of texts: find them, say what is in them, draw them."""

from __future__ import annotations

from skm2v._clustering.averaging import NeighborAverager
from skm2v._clustering.choosing import ClusterChoice, choose_n_clusters
from skm2v._clustering.describer import ClusterDescriber
from skm2v._clustering.describing import describe_clusters
from skm2v._clustering.kmeans import WardKMeans
from skm2v._clustering.map import plot_map
from skm2v._clustering.merging import MergedClusters, merge_clusters
from skm2v._clustering.outliers import outlier_scores
from skm2v._clustering.shares import ClusterShare, ClusterShares, cluster_shares
from skm2v._clustering.table import Cluster, ClusterTable
from skm2v._clustering.topics import Topics, find_topics

__all__ = [
    "Cluster",
    "ClusterChoice",
    "ClusterDescriber",
    "ClusterShare",
    "ClusterShares",
    "ClusterTable",
    "MergedClusters",
    "NeighborAverager",
    "Topics",
    "WardKMeans",
    "choose_n_clusters",
    "cluster_shares",
    "describe_clusters",
    "find_topics",
    "merge_clusters",
    "outlier_scores",
    "plot_map",
]
