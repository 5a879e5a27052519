"""Predict time: texts to token ids, token ids to pooled vectors."""

from __future__ import annotations

from skm2v._pooling.columns import readable_again
from skm2v._pooling.losses import warn_of_losses
from skm2v._pooling.pooler import Pooled, TextPooler, slowed_by_words
from skm2v._pooling.streams import check_batch_size, pool_batches
from skm2v._pooling.table import PoolingTable
from skm2v._pooling.texts import TextColumn, check_texts, iter_texts
from skm2v._pooling.token_ids import TokenIds, keys_of_pairs, pairs_of_keys
from skm2v._pooling.tokenization import Pieces, TextTokenizer
from skm2v._pooling.tokenizer_document import TokenizerDocument

__all__ = [
    "Pieces",
    "Pooled",
    "PoolingTable",
    "TextColumn",
    "TextPooler",
    "TextTokenizer",
    "TokenIds",
    "TokenizerDocument",
    "check_batch_size",
    "check_texts",
    "iter_texts",
    "keys_of_pairs",
    "pairs_of_keys",
    "pool_batches",
    "readable_again",
    "warn_of_losses",
    "slowed_by_words",
]
