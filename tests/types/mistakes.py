"""Mistakes of users that type checkers must find, each in a line that says so."""

from __future__ import annotations

from skm2v import (
    Deduplicator,
    FusedTextClassifier,
    StaticEmbedder,
    StaticModel,
    StaticTextClassifier,
    TextSearcher,
    distill,
    fuse,
)
from skm2v.clustering import cluster_shares
from skm2v.datasets import load_sms_spam
from skm2v.deduplication import calibrate_threshold
from skm2v.evaluation import load_diagnostic

model = StaticModel.from_pretrained("default")
texts = ["free prize", "see you later"]

StaticEmbedder(pooling="sum")  # mistake: no such pooling
StaticEmbedder(quantize_to="int4")  # mistake: no such number type
StaticEmbedder(handle_missing="drop")  # mistake: rows are never dropped
StaticEmbedder(pca_dim=64)  # mistake: the parameter is pca_dims
distill("teacher", objective="words")  # mistake: no such objective
load_sms_spam(subset="dev")  # mistake: no such part
model.quantized("float8")  # mistake: no such number type
model.with_dimensions("64")  # mistake: a string for a number
model.encode(texts, precision="int8")  # mistake: a value that encode refuses
model.encode(texts, normalise=True)  # mistake: the keyword is normalize
model.encode(texts, prompt_name="query")  # mistake: a static model has no prompts
model.encode(texts).cpu()  # mistake: an array, not a tensor
model.encode_as_sequence("one text").append(1)  # mistake: one text gives an array, not a list
model.encode_iter(texts)[0]  # mistake: an iterator has no items
model.embed_query(texts)  # mistake: one text is wanted
StaticTextClassifier().fit(texts)  # mistake: labels are missing
StaticEmbedder().fit(texts, minutes=3)  # mistake: fit has no such argument
fuse(StaticTextClassifier(), handle_missing="keep")  # mistake: no such choice
fused: FusedTextClassifier = FusedTextClassifier.load(7)  # mistake: a number for a path
Deduplicator(method="fast")  # mistake: no such method
Deduplicator(threshold="high")  # mistake: a word for a number
StaticTextClassifier(class_weight="even")  # mistake: no such weights
TextSearcher(stop_words="german")  # mistake: no such list of words
TextSearcher(stemmer=1)  # mistake: a number for a stemmer
cluster_shares([0, 1], ["a", "b"], period="decade")  # mistake: no such period
calibrate_threshold(texts, texts, [0, 1], objective="recall")  # mistake: how much is missing
load_diagnostic("irony")  # mistake: no such set
