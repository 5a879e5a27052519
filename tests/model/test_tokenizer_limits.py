"""Settings of tokenizers at their limits: the last that is accepted, the first that is refused."""

from __future__ import annotations

import pytest

from skm2v._model.tokenizer_check import check_tokenizer
from skm2v._model.tokenizer_settings import MAX_TOKENS
from skm2v._pooling import TokenizerDocument
from skm2v.exceptions import ModelFormatError
from tests.model.test_required_settings import FULL, MODELS, A, B, document

FLAG = ([True, False], [None, 0, 1, "true"])
CHAR = (["a", "▁"], ["", "ab", None, 1])
AFFIX = (["", "a" * 16], ["a" * 17, None, 1])
PATTERN = (
    [{"String": "a" * 64}, {"Regex": r"\s+"}],
    [{"String": "a" * 65}, {"String": ""}, {"Regex": ".*"}, {"Regex": 1}, {"String": None}]
    + [{"String": "a", "Regex": r"\s+"}, {}, {"Other": "a"}, "a", None],
)
BEHAVIOR = (["Removed", "Contiguous"], ["removed", "", None, ["Removed"]])
PAIR = (
    [["a", 0], ["a" * 512, MAX_TOKENS]],
    [["a" * 513, 0], ["", 0], ["a", -1], ["a", MAX_TOKENS + 1], ["a", True], ["a", 1.0]]
    + [["a"], ["a", 0, 0], ("a",), {"a": 0}, None, [0, "a"]],
)
BYTE_LEVEL = {"add_prefix_space": FLAG, "trim_offsets": FLAG, "use_regex": FLAG}
METASPACE = {
    "replacement": CHAR,
    "prepend_scheme": (["always", "never", "first"], ["Always", "", None, 1, ["always"]]),
    "split": FLAG,
    "add_prefix_space": FLAG,
    "str_rep": CHAR,
}
# Of every setting of a part: good values, and bad ones.
SETTINGS = {
    ("normalizer", "BertNormalizer"): {
        "clean_text": FLAG,
        "handle_chinese_chars": FLAG,
        "strip_accents": ([True, False, None], [0, "true"]),
        "lowercase": FLAG,
    },
    ("normalizer", "Strip"): {"strip_left": FLAG, "strip_right": FLAG},
    ("normalizer", "Prepend"): {"prepend": (["a", "a" * 16], ["", "a" * 17, None, 1])},
    ("normalizer", "Replace"): {"pattern": PATTERN, "content": (["", "b" * 8], ["b" * 65, None])},
    ("normalizer", "Precompiled"): {"precompiled_charsmap": ([], ["", "!", None, 1])},
    ("pre_tokenizer", "ByteLevel"): BYTE_LEVEL,
    ("pre_tokenizer", "Metaspace"): METASPACE,
    ("pre_tokenizer", "Punctuation"): {"behavior": BEHAVIOR},
    ("pre_tokenizer", "Digits"): {"individual_digits": FLAG},
    ("pre_tokenizer", "CharDelimiterSplit"): {"delimiter": CHAR},
    ("pre_tokenizer", "Split"): {"pattern": PATTERN, "behavior": BEHAVIOR, "invert": FLAG},
    ("post_processor", "BertProcessing"): {"sep": PAIR, "cls": PAIR},
    ("post_processor", "RobertaProcessing"): {
        "sep": PAIR,
        "cls": PAIR,
        "trim_offsets": FLAG,
        "add_prefix_space": FLAG,
    },
    ("post_processor", "ByteLevel"): BYTE_LEVEL,
    ("post_processor", "TemplateProcessing"): {
        "single": (
            [[A], [{"SpecialToken": {"id": "a", "type_id": 0}}, A]],
            [[B], [A, A], [], [A, B], ["A"], {"Sequence": A}, [{"Sequence": "A"}], None],
        ),
        "pair": ([None, [A]], []),
        "special_tokens": ([None, {}], []),
    },
    ("decoder", "ByteLevel"): BYTE_LEVEL,
    ("decoder", "WordPiece"): {"prefix": AFFIX, "cleanup": FLAG},
    ("decoder", "Metaspace"): METASPACE,
    ("decoder", "BPEDecoder"): {"suffix": AFFIX},
    ("decoder", "Strip"): {
        "content": CHAR,
        "start": ([0, 100], [-1, 101, True, None, 1.0]),
        "stop": ([0, 100], [-1, 101, True, None, 1.0]),
    },
    ("decoder", "Replace"): {"pattern": PATTERN, "content": (["", "b" * 64], ["b" * 65, None])},
}


def test_limits_are_tried_of_every_setting():
    assert set(SETTINGS) == set(FULL)
    for part, values in SETTINGS.items():
        assert set(FULL[part]) <= set(values), part


@pytest.mark.parametrize(("section", "kind"), SETTINGS)
def test_settings_of_a_part(section, kind):
    full = FULL[section, kind]
    for name, (good, bad) in SETTINGS[section, kind].items():
        for value in good:
            check_tokenizer(document(section, {"type": kind, **full, name: value}))
        for value in bad:
            message = f"(?s)setting '{name}' of the tokenizer's {section} {kind} is not supported"
            if name == "precompiled_charsmap":
                message = "charsmap"
            with pytest.raises(ModelFormatError, match=message):
                check_tokenizer(document(section, {"type": kind, **full, name: value}))


UNKNOWN = {"[UNK]": 0}
OF_MODELS = [
    ("WordPiece", "vocab", [{**UNKNOWN, "a" * 512: 1}], [{**UNKNOWN, "a" * 513: 1}, {"a": 0}, {}]),
    ("WordPiece", "max_input_chars_per_word", [1, 256], [0, 257, True, None, 1.0]),
    ("WordPiece", "continuing_subword_prefix", ["", "#" * 16], ["#" * 17, None, 1]),
    ("WordPiece", "split_unknown", [True, False], [None, 0, "no"]),
    ("WordLevel", "unk_token", ["[UNK]", "a"], ["b", "", None, 0]),
    ("BPE", "continuing_subword_prefix", [None, ""], [1, ["#"]]),
    ("BPE", "end_of_word_suffix", [None, "", "#" * 16], ["#" * 17, 1]),
    ("BPE", "dropout", [None, 0, 0.0], [0.5, 1, "0"]),
    ("BPE", "unk_token", [None, "b"], ["z", "", 0, ["a"]]),
    ("BPE", "ignore_merges", [True, False], [None, 0, "no"]),
    ("BPE", "fuse_unk", [True, False], [None, 0, "no"]),
    ("BPE", "byte_fallback", [True, False], [None, 0, "no"]),
    (
        "BPE",
        "merges",
        [[], ["a b"], [["a", "b"]], [["a", "b"]] * 3],
        [[["a"]], [["a", "b", "ab"]], ["ab"], ["a  b"], [["b", "a"]], [3], {"a": "b"}, None]
        # The union is a token, but not all that it is made of.
        + [[["", "ab"]], [["ab", ""]], [[["a"], "b"]]],
    ),
    (
        "Unigram",
        "vocab",
        [[["a", -999_999.5]], [["a", 999_999.5]], [["a", 0]], [["a" * 512, 1.5]]],
        [[["a", -1e6]], [["a", 1e6]], [["a", True]], [["a", "1"]], [["a", None]], [["a" * 513, 1]]]
        + [[["a"]], [["a", 1, 1]], [[1, "a"]], [[1, 1]], ["a"], [["", 1]], [["a", 1]] * 2, []],
    ),
    ("Unigram", "unk_id", [None, 0, 1], [-1, 2, True, "0", 1.0]),
    ("Unigram", "byte_fallback", [False], [None, 0, "no"]),
]


@pytest.mark.parametrize(
    ("kind", "name", "good", "bad"), OF_MODELS, ids=[f"{case[0]} {case[1]}" for case in OF_MODELS]
)
def test_settings_of_a_model(kind, name, good, bad):
    full = MODELS[kind] if name != "vocab" or kind != "Unigram" else {"unk_id": 0}
    for value in good:
        check_tokenizer(document(model=kind, settings={**full, name: value}))
    for value in bad:
        with pytest.raises(ModelFormatError):
            check_tokenizer(document(model=kind, settings={**full, name: value}))


def test_a_prefix_of_bpe_is_left_out_where_pieces_are_joined():
    vocabulary = {"a": 0, "##b": 1, "ab": 2}
    settings = {"vocab": vocabulary, "merges": [["a", "##b"]], "continuing_subword_prefix": "##"}
    check_tokenizer(document(model="BPE", settings=settings))
    with pytest.raises(ModelFormatError, match="two tokens whose union is a token"):
        check_tokenizer(
            document(model="BPE", settings={**settings, "continuing_subword_prefix": None})
        )


def replace(pattern, content):
    return {"type": "Replace", "pattern": {"String": pattern}, "content": content}


NFC, TRIPLE = {"type": "NFC"}, replace("a", "aaa")
NORMALIZERS = [
    # what, accepted, refused
    ("depth", 4, 5, lambda n: NFC if n == 0 else sequence(NORMALIZERS[0][3](n - 1))),
    ("parts", 256, 257, lambda n: sequence(*[replace("a", "b")] * n)),
    ("of one kind", 2, 3, lambda n: sequence(*[NFC] * n)),
    ("growth", 8, 9, lambda n: replace("a", "a" * n)),
    ("growth by pairs", 16, 17, lambda n: replace("bc", "a" * n)),
    ("growth of what follows", 2, 3, lambda n: sequence(replace("b", "a" * n), TRIPLE)),
    ("growth by another part", 2, 3, lambda n: sequence(TRIPLE, NFC, replace("a", "a" * n))),
    ("growth in another case", 2, 3, lambda n: sequence(replace("b", "A" * n), TRIPLE)),
    ("growth of what was something else", 2, 3, lambda n: sequence(replace("a", "b" * n), THREE)),
]
THREE = replace("b", "bbb")


def sequence(*parts):
    return {"type": "Sequence", "normalizers": [*parts]}


@pytest.mark.parametrize(
    ("good", "bad", "make"), [case[1:] for case in NORMALIZERS], ids=[c[0] for c in NORMALIZERS]
)
def test_normalizers(good, bad, make):
    check_tokenizer(document("normalizer", make(good)))
    with pytest.raises(ModelFormatError):
        check_tokenizer(document("normalizer", make(bad)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, None),
        ({"content": "x" * 512}, None),
        ({"content": "x" * 513}, "content of .* not supported"),
        ({"content": ""}, "content of .* not supported"),
        ({"id": MAX_TOKENS + 1}, "id of .* not supported"),
        ({"id": -1}, "id of .* not supported"),
        ({"id": True}, "id of .* not supported"),
        ({"id": 3}, "each once"),
        ({"id": 1}, "each once"),
        ({"content": "a"}, "repeated or has an id that differs"),
        ({"content": "a", "id": 1}, None),
        *[({name: 1}, f"{name} of .* not supported") for name in ("lstrip", "rstrip", "special")],
        *[({name: 1}, f"{name} of .* not supported") for name in ("normalized", "single_word")],
    ],
    ids=str,
)
def test_added_tokens(changes, message):
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized", "special"), False)
    added = document("added_tokens", [{"id": 2, "content": "x", **flags, **changes}])
    if message is None:
        check_tokenizer(added)
    else:
        with pytest.raises(ModelFormatError, match=message):
            check_tokenizer(added)


def test_how_much_is_read():
    with pytest.raises(ModelFormatError, match=f"{48 * 2**20 + 1} .* at most {48 * 2**20} are"):
        check_tokenizer(TokenizerDocument(" " * (48 * 2**20 + 1)))
    with pytest.raises(ModelFormatError, match="has 0 tokens; from 1 to 2000000 are supported"):
        check_tokenizer(document(model="WordLevel", settings={"vocab": {}, "unk_token": "a"}))
