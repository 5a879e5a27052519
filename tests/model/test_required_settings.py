"""A tokenizer's part that lacks a setting it needs is refused, and the setting named."""

from __future__ import annotations

import json

import pytest
import tokenizers

from skm2v._model.tokenizer_check import check_tokenizer
from skm2v._model.tokenizer_settings import OPTIONAL, PARTS
from skm2v._pooling import TokenizerDocument
from skm2v.exceptions import ModelFormatError
from tests.pooling.charsmaps import charsmap

BYTE_LEVEL = {"add_prefix_space": True, "trim_offsets": True, "use_regex": True}
METASPACE = {"replacement": "▁", "prepend_scheme": "always", "split": True}
PAIR = {"sep": ["a", 1], "cls": ["a", 1]}
A, B = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
REPLACE = {"pattern": {"String": "a"}, "content": "b"}
# One good value for each setting.
FULL = {
    ("normalizer", "BertNormalizer"): {
        "clean_text": True,
        "handle_chinese_chars": True,
        "strip_accents": None,
        "lowercase": True,
    },
    ("normalizer", "Strip"): {"strip_left": True, "strip_right": True},
    ("normalizer", "Prepend"): {"prepend": "a"},
    ("normalizer", "Replace"): REPLACE,
    ("normalizer", "Precompiled"): {"precompiled_charsmap": charsmap({"a": "b"})},
    ("pre_tokenizer", "ByteLevel"): BYTE_LEVEL,
    ("pre_tokenizer", "Metaspace"): METASPACE,
    ("pre_tokenizer", "Punctuation"): {"behavior": "Isolated"},
    ("pre_tokenizer", "Digits"): {"individual_digits": True},
    ("pre_tokenizer", "CharDelimiterSplit"): {"delimiter": "a"},
    ("pre_tokenizer", "Split"): {
        "pattern": {"String": "a"},
        "behavior": "Isolated",
        "invert": False,
    },
    ("post_processor", "BertProcessing"): PAIR,
    ("post_processor", "RobertaProcessing"): {
        **PAIR,
        "trim_offsets": True,
        "add_prefix_space": True,
    },
    ("post_processor", "ByteLevel"): BYTE_LEVEL,
    ("post_processor", "TemplateProcessing"): {
        "single": [A],
        "pair": [A, B],
        "special_tokens": {},
    },
    ("decoder", "ByteLevel"): BYTE_LEVEL,
    ("decoder", "WordPiece"): {"prefix": "##", "cleanup": True},
    ("decoder", "Metaspace"): METASPACE,
    ("decoder", "BPEDecoder"): {"suffix": "</w>"},
    ("decoder", "Strip"): {"content": "a", "start": 0, "stop": 0},
    ("decoder", "Replace"): REPLACE,
}
MODELS = {
    "WordPiece": {
        "vocab": {"[UNK]": 0, "a": 1},
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
    },
    "WordLevel": {"vocab": {"[UNK]": 0, "a": 1}, "unk_token": "[UNK]"},
    "BPE": {"vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]], "unk_token": "a"},
    "Unigram": {"vocab": [["a", -1.0], ["b", -2.0]], "unk_id": 0},
}


def document(section=None, part=None, model="WordLevel", settings=None) -> TokenizerDocument:
    spec = {
        "version": "1.0",
        "added_tokens": [],
        "model": {"type": model, **(MODELS[model] if settings is None else settings)},
    }
    if section:
        spec[section] = part
    return TokenizerDocument(json.dumps(spec))


def loads(text: str) -> bool:
    try:
        tokenizers.Tokenizer.from_str(text)
    except BaseException:  # a panic of the library is no Exception
        return False
    return True


def test_the_list_names_every_part_with_settings():
    with_settings = {(s, kind) for s in PARTS for kind, settings in PARTS[s].items() if settings}
    assert set(FULL) == with_settings


@pytest.mark.parametrize(("section", "kind"), FULL)
def test_a_part_without_a_setting(section, kind):
    full = FULL[section, kind]
    check_tokenizer(document(section, {"type": kind, **full}))
    assert set(full) <= set(PARTS[section][kind])
    for name in full:
        part = {"type": kind, **{key: value for key, value in full.items() if key != name}}
        lacking = document(section, part)
        if name in OPTIONAL.get(kind, ()):
            check_tokenizer(lacking)
            assert loads(lacking.text)
        else:
            assert not loads(lacking.text), "the library does without it: so can we"
            with pytest.raises(ModelFormatError, match=f"{section} {kind} lacks .*{name}"):
                check_tokenizer(lacking)


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_without_a_setting(kind):
    full = MODELS[kind]
    check_tokenizer(document(model=kind))
    for name in full:
        settings = {key: value for key, value in full.items() if key != name}
        lacking = document(model=kind, settings=settings)
        if loads(lacking.text):
            check_tokenizer(lacking)
        else:
            with pytest.raises(ModelFormatError):
                check_tokenizer(lacking)
