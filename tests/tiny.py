"""Tiny tokenizers and teachers, made in well under two seconds, the same on every run.

They have the shape of the real thing (tokenizer families, special tokens, the folder layout of
sentence-transformers) and none of its meaning: weights are random, vocabularies a few hundred
entries.
"""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

KINDS = ("wordpiece", "bpe", "unigram")

WORDS = (
    "the a of to and in is it you that he was for on are as with his they at be this have from or "
    "one had by word but not what all were we when your can said there use an each which she do "
    "how their if will up other about out many then them these so some her would make like him "
    "into time has look two more write go see number no way could people my than first water been "
    "call who oil its now find long down day did get come made may part bank card money transfer "
    "free win prize claim text mobile phone reply stop london new york"
).split()

#: Sentences made of the words above, for tests that need ordinary input.
SENTENCES = tuple(
    " ".join(WORDS[(7 * i + 13 * j) % len(WORDS)] for j in range(3 + i % 8)) for i in range(60)
)


def _unique(pieces: list[str]) -> list[str]:
    return list(dict.fromkeys(pieces))


def wordpiece_tokenizer() -> Tokenizer:
    """BERT uncased in small: [PAD] [unused] [UNK] [CLS] [SEP] [MASK], letters, pieces, words."""
    pieces = ["[PAD]", "[unused0]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = string.ascii_lowercase + string.digits + string.punctuation + "é中文"
    pieces += [*letters, *("##" + c for c in string.ascii_lowercase + string.digits)]
    pieces += ["##ing", "##ed", "##s", "##er", *WORDS]
    vocab = {piece: i for i, piece in enumerate(_unique(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])],
    )
    return tokenizer


def bpe_tokenizer() -> Tokenizer:
    """RoBERTa in small: byte-level BPE whose merges spell the most common words."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *alphabet]
    merges: list[tuple[str, str]] = []
    for word in WORDS:
        left = "Ġ"
        for letter in word:
            if (left, letter) not in merges:
                merges.append((left, letter))
            left += letter
            pieces.append(left)
    pieces = [*_unique(pieces), "<mask>"]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        ["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)]
    )
    # Positional: the second argument's keyword differs between versions of tokenizers.
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", vocab["</s>"]), ("<s>", vocab["<s>"]), True, False
    )
    return tokenizer


def unigram_tokenizer() -> Tokenizer:
    """XLM-RoBERTa in small: Unigram with a Metaspace pre-tokenizer."""
    pieces = ["▁" + word for word in WORDS]
    pieces += ["▁", *string.ascii_lowercase, *string.digits, *string.punctuation, "é", "中", "文"]
    scored = [(piece, -2.0 - 0.05 * i) for i, piece in enumerate(_unique(pieces))]
    special = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocab = [*special, *scored, ("<mask>", 0.0)]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.add_special_tokens(
        ["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return tokenizer


def tiny_tokenizer(kind: str = "wordpiece") -> Tokenizer:
    """Return a fresh tokenizer of one of the `KINDS`."""
    makers = {
        "wordpiece": wordpiece_tokenizer,
        "bpe": bpe_tokenizer,
        "unigram": unigram_tokenizer,
    }
    return makers[kind]()


_SPECIALS = {
    "wordpiece": {
        "unk_token": "[UNK]",
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
    },
    "bpe": {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "cls_token": "<s>",
        "sep_token": "</s>",
        "mask_token": "<mask>",
    },
}
_SPECIALS["unigram"] = _SPECIALS["bpe"]


def _write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2), encoding="utf-8")


def write_transformer(
    folder: Path, kind: str = "wordpiece", *, hidden_size: int = 32, seed: int = 0
) -> Path:
    """Write a plain transformers folder: a random encoder and its tokenizer."""
    import torch
    from transformers import BertConfig, BertModel, RobertaConfig, RobertaModel

    tokenizer = tiny_tokenizer(kind)
    shape = {
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": hidden_size,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 2 * hidden_size,
        "initializer_range": 0.5,  # far enough from zero that tokens differ
    }
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any
        if kind == "wordpiece":
            model = BertModel(BertConfig(max_position_embeddings=128, pad_token_id=0, **shape))
        else:
            model = RobertaModel(
                RobertaConfig(
                    max_position_embeddings=130,
                    type_vocab_size=1,
                    pad_token_id=1,
                    bos_token_id=0,
                    eos_token_id=2,
                    **shape,
                )
            )
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": 128,
            **_SPECIALS[kind],
        },
    )
    _write_json(folder / "special_tokens_map.json", _SPECIALS[kind])
    return folder


def write_sentence_transformer(
    folder: Path,
    kind: str = "wordpiece",
    *,
    hidden_size: int = 32,
    seed: int = 0,
    pooling: str = "mean",
    normalize: bool = True,
    dense: int | None = None,
    max_seq_length: int = 64,
    prompts: dict[str, str] | None = None,
) -> Path:
    """Write a teacher in sentence-transformers layout.

    Parameters
    ----------
    folder : Path
        Where to write; made when missing.
    kind : {"wordpiece", "bpe", "unigram"}
        Tokenizer family.
    hidden_size, seed : int
        Width and random weights of the encoder.
    pooling : {"mean", "cls", "max", "lasttoken"}
        Mode written into `1_Pooling/config.json`.
    normalize : bool
        Whether a Normalize module closes the pipeline.
    dense : int or None
        Width of a Dense module after the pooling; None writes none.
    max_seq_length : int
        Written into `sentence_bert_config.json`; tokenizer_config.json says 128.
    prompts : dict or None
        Written into `config_sentence_transformers.json`; "query" is the default prompt if there.
    """
    write_transformer(folder, kind, hidden_size=hidden_size, seed=seed)
    names = [("", "Transformer"), ("1_Pooling", "Pooling")]
    modes = {"mean": "mean_tokens", "cls": "cls_token", "max": "max_tokens"}
    modes["lasttoken"] = "lasttoken"
    flags = {f"pooling_mode_{mode}": key == pooling for key, mode in modes.items()}
    _write_json(
        folder / "1_Pooling" / "config.json", {"word_embedding_dimension": hidden_size, **flags}
    )
    if dense is not None:
        import safetensors.numpy

        name = f"{len(names)}_Dense"
        names.append((name, "Dense"))
        _write_json(
            folder / name / "config.json",
            {
                "in_features": hidden_size,
                "out_features": dense,
                "bias": True,
                "activation_function": "torch.nn.modules.activation.Tanh",
            },
        )
        rng = np.random.default_rng(seed)
        safetensors.numpy.save_file(
            {
                "linear.weight": rng.normal(size=(dense, hidden_size)).astype(np.float32),
                "linear.bias": rng.normal(size=dense).astype(np.float32),
            },
            folder / name / "model.safetensors",
        )
    if normalize:
        names.append((f"{len(names)}_Normalize", "Normalize"))
    _write_json(
        folder / "modules.json",
        [
            {
                "idx": i,
                "name": str(i),
                "path": path,
                "type": f"sentence_transformers.models.{class_name}",
            }
            for i, (path, class_name) in enumerate(names)
        ],
    )
    _write_json(
        folder / "sentence_bert_config.json",
        {"max_seq_length": max_seq_length, "do_lower_case": False},
    )
    _write_json(
        folder / "config_sentence_transformers.json",
        {
            "prompts": prompts or {},
            "default_prompt_name": "query" if prompts and "query" in prompts else None,
            "similarity_fn_name": "cosine",
        },
    )
    return folder


def tiny_table(kind: str = "wordpiece", *, dim: int = 16, seed: int = 0) -> np.ndarray:
    """Return (V, dim) float32 random rows for a tiny tokenizer."""
    rows = tiny_tokenizer(kind).get_vocab_size()
    return np.random.default_rng(seed).normal(size=(rows, dim)).astype(np.float32)
