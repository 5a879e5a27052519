"""Features of texts: what they are about, and the words that they use, of one token stream."""

from __future__ import annotations

from skm2v._features.vectorizer import HybridVectorizer

__all__ = ["HybridVectorizer"]
