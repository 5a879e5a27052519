"""Second stages of a search, and what searches return."""

from __future__ import annotations

from skm2v._search.bi_encoder import BiEncoderReranker
from skm2v._search.explaining import SearchExplanation
from skm2v._search.result import Hit, SearchResult
from skm2v._search.tuning import Tuning

__all__ = ["BiEncoderReranker", "Hit", "SearchExplanation", "SearchResult", "Tuning"]
