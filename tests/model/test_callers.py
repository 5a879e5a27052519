"""Calls of programs that were written for other libraries: what they pass on, what they get."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline

from skm2v import StaticEmbedder, StaticModel
from skm2v.exceptions import MissingExtraError
from tests import tiny

TEXTS = ["free prize", "the bank of london", "water"]
# What sentence-transformers' callers hand over where they want nothing special.
NEUTRAL = {
    "prompt_name": None,
    "prompt": None,
    "output_value": "sentence_embedding",
    "precision": "float32",
    "convert_to_numpy": True,
    "convert_to_tensor": False,
    "device": "cpu",
    "normalize_embeddings": False,
    "truncate_dim": None,
    "pool": None,
    "chunk_size": None,
}


def test_neutral_values_change_nothing(tiny_static, capsys):
    plain = tiny_static.encode(TEXTS)
    same = tiny_static.encode(
        TEXTS,
        batch_size=1,
        show_progress_bar=None,
        use_multiprocessing=False,
        multiprocessing_threshold=10_000,
        n_jobs=2,
        **NEUTRAL,
    )
    np.testing.assert_array_equal(same, plain)
    assert capsys.readouterr() == ("", "")
    for name, value in NEUTRAL.items():
        np.testing.assert_array_equal(tiny_static.encode(TEXTS, **{name: value}), plain)
    np.testing.assert_array_equal(tiny_static.encode(TEXTS, prompt="", truncate_dim=16), plain)


def test_a_progress_bar_counts_texts(tiny_static, capsys):
    tiny_static.encode(TEXTS, show_progress_bar=True)
    captured = capsys.readouterr()
    assert captured.out == "" and "3 of 3" in captured.err


@pytest.mark.parametrize(
    "settings, way",
    [
        ({"prompt_name": "query"}, r"prompt_name='query'.*distill\(\.\.\., prompt="),
        ({"prompt": "query: "}, "prompt='query: '.*in front of each text"),
        ({"output_value": "token_embeddings"}, "encode_as_sequence"),
        ({"output_value": None}, "encode_as_sequence"),
        ({"precision": "int8"}, "vectors of texts are float32"),
        ({"truncate_dim": 8}, r"has 16 dimensions; use model\.with_dimensions"),
        ({"pool": {"processes": []}}, "n_jobs"),
        ({"device": "cuda"}, "CPU; got device='cuda'"),
        ({"convert_to_tensor": "yes"}, "convert_to_tensor must be True or False; got 'yes'"),
        ({"normalize": "yes"}, "normalize must be True or False; got 'yes'"),
        ({"normalize_embeddings": "l2"}, "normalize_embeddings must be True or False"),
        ({"normalize": False, "normalize_embeddings": True}, "contradict"),
    ],
    ids=str,
)
def test_other_values_are_errors_that_name_the_way(tiny_static, settings, way):
    with pytest.raises(ValueError, match=way):
        tiny_static.encode(TEXTS, **settings)


@pytest.mark.parametrize("call", ["encode", "encode_iter", "encode_query"])
def test_unknown_keywords_are_refused(tiny_static, call):
    with pytest.raises(TypeError, match="unexpected keyword argument 'normalise'"):
        getattr(tiny_static, call)(TEXTS, normalise=True)


def test_normalize_embeddings_only_adds_as_in_sentence_transformers(tiny_static):
    """The folder of a model that normalizes has a Normalize module there, which False keeps."""
    raw_model = tiny_static.with_settings(normalize=False)
    unit, raw = tiny_static.encode(TEXTS), raw_model.encode(TEXTS)
    assert not np.allclose(np.linalg.norm(raw, axis=1), 1)
    for model, plain in ((tiny_static, unit), (raw_model, raw)):
        for value in (None, False):
            same = model.encode(TEXTS, normalize_embeddings=value)
            np.testing.assert_array_equal(same, plain)
        np.testing.assert_array_equal(model.encode(TEXTS, normalize_embeddings=True), unit)
        for value in (None, False):
            stated = model.encode(TEXTS, normalize=False, normalize_embeddings=value)
            np.testing.assert_array_equal(stated, raw)


def test_tensors_where_asked(tiny_static):
    torch = pytest.importorskip("torch")
    plain = tiny_static.encode(TEXTS)
    tensor = tiny_static.encode(TEXTS, convert_to_tensor=True, device=torch.device("cpu"))
    assert isinstance(tensor, torch.Tensor) and tensor.dtype == torch.float32
    np.testing.assert_array_equal(tensor.numpy(), plain)
    tensors = tiny_static.encode(TEXTS, convert_to_numpy=False)
    assert isinstance(tensors, list) and [one.shape for one in tensors] == [(16,)] * 3
    one = tiny_static.encode(TEXTS[0], convert_to_numpy=False)
    np.testing.assert_array_equal(one.numpy(), plain[0])
    of_tensors = tiny_static.similarity(tensor, tensor)
    np.testing.assert_allclose(of_tensors, plain @ plain.T, atol=1e-6)


def test_tensors_need_torch(tiny_static, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match="A tensor needs torch"):
        tiny_static.encode(TEXTS, convert_to_tensor=True)


def test_similarity_is_the_cosine(tiny_static):
    one = tiny_static.encode(TEXTS, normalize=False)
    other = tiny_static.encode([*TEXTS, "free water"], normalize=False) * 3
    cosines = tiny_static.similarity(one, other)
    assert cosines.shape == (3, 4) and cosines.dtype == np.float32
    np.testing.assert_allclose(np.diag(cosines), 1, rtol=1e-6)
    expected = one[0] @ other[3] / np.linalg.norm(one[0]) / np.linalg.norm(other[3])
    np.testing.assert_allclose(cosines[0, 3], expected, rtol=1e-6)
    np.testing.assert_allclose(
        tiny_static.similarity_pairwise(one, other[[3, 1, 2]]), cosines[[0, 1, 2], [3, 1, 2]]
    )
    assert tiny_static.similarity(one[0], other[0].tolist()).shape == (1, 1)
    zero = tiny_static.similarity(np.zeros((1, 16)), other)
    np.testing.assert_array_equal(zero, np.zeros((1, 4)))
    with pytest.raises(ValueError, match="16 and of 8 dimensions"):
        tiny_static.similarity(one, other[:, :8])
    with pytest.raises(ValueError, match="as many vectors on both sides; got 3 and 4"):
        tiny_static.similarity_pairwise(one, other)
    with pytest.raises(ValueError, match="embeddings2 must be vectors"):
        tiny_static.similarity(one, TEXTS)
    with pytest.raises(ValueError, match=r"shape \(n, d\); got \(1, 3, 16\)"):
        tiny_static.similarity(one[None], other)


# What each tool of docs/clients.md was seen to call, in the version of its table.
CALLS = {
    "KeyBERT, semhash, Chroma": lambda model, texts: model.encode(texts),
    "KeyBERT's backends": lambda model, texts: model.encode(texts, show_progress_bar=False),
    "vicinity, txtai": lambda model, texts: model.encode(texts).astype(np.float32),
    "Chonkie": lambda model, texts: np.stack(
        [model.encode(text, convert_to_numpy=True) for text in texts]
    ),
    "sentence-transformers": lambda model, texts: model.encode(
        texts, batch_size=32, show_progress_bar=None, convert_to_tensor=True
    ).numpy(),
    "setfit": lambda model, texts: model.encode(
        texts, batch_size=32, normalize_embeddings=False, convert_to_tensor=False, device="cpu"
    ),
    "LanceDB": lambda model, texts: np.stack([model.encode(text) for text in texts]),
    "LangChain": lambda model, texts: np.float32(model.embed_documents(texts)),
    "LangChain, LlamaIndex": lambda model, texts: np.float32([model.embed_query(t) for t in texts]),
    "BERTopic": lambda model, texts: make_pipeline(StaticEmbedder(model)).fit_transform(texts),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_what_tools_call_gives_the_vectors(tiny_static, call):
    np.testing.assert_array_equal(call(tiny_static, TEXTS), tiny_static.encode(TEXTS), strict=True)


def test_calls_of_langchain_and_its_like(tiny_static):
    plain = tiny_static.encode(TEXTS)
    documents = tiny_static.embed_documents(TEXTS)
    assert type(documents) is list and type(documents[0][0]) is float
    np.testing.assert_array_equal(np.float32(documents), plain)
    assert tiny_static.embed_query(TEXTS[1]) == documents[1]
    np.testing.assert_array_equal(tiny_static.encode_query(TEXTS[1]), plain[1])
    np.testing.assert_array_equal(tiny_static.encode_document(TEXTS, **NEUTRAL), plain)
    assert tiny_static.get_sentence_embedding_dimension() == tiny_static.dim == 16


def test_the_text_of_the_class_is_known_to_clients_that_would_load_another_model():
    """BERTopic 0.17 and KeyBERT 0.9 take a class whose text names none of these for no model."""
    text = str(StaticModel)
    assert "sentence_transformers" in text and "skm2v.StaticModel" in text
    earlier = ("model2vec", "flair", "spacy", "gensim", "saved_model")
    assert not [name for name in earlier if name in text]
    assert type(StaticModel(tiny.tiny_table(), tiny.tiny_tokenizer())) is StaticModel
