"""Which neighbours a normal form of Unicode looks at: the kernel normalizes the others alone."""

from __future__ import annotations

import json
import unicodedata

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from skm2v._pooling import TextPooler, TextTokenizer
from skm2v._pooling.normalizers import WITH_PARTS, neighbours_of, plan_normalizer

from .conftest import random_table

pytest.importorskip("skm2v._pooling.kernel", exc_type=ImportError)

FORMS = ("NFC", "NFD", "NFKC", "NFKD")
ASSIGNED = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs")]
MARKS = [c for c in ASSIGNED if unicodedata.combining(c)]
# Letters with marks, parts of Hangul and of Indic vowels, and marks that are letters to Unicode.
COMPOSED = [c for c in ASSIGNED if unicodedata.normalize("NFKD", c) != c]
PARTS = sorted({part for c in COMPOSED for part in unicodedata.normalize("NFD", c)})


def shares_a_way(flags, left: str, right: str) -> bool:
    of_left, of_right = flags(left), flags(right)
    return of_left is None or of_right is None or bool(of_left >> 4 & of_right & 15)


def test_characters_of_two_parts_are_where_they_are_looked_for():
    places = [ord(c) for c in ASSIGNED if not unicodedata.decomposition(c).startswith("<")]
    of_two = [c for c in places if len(unicodedata.decomposition(chr(c)).split()) == 2]
    assert len(of_two) > 1000
    assert max(of_two) in WITH_PARTS


@pytest.mark.parametrize("form", FORMS)
def test_strings_without_a_shared_way_are_normalized_character_by_character(rng, form):
    flags = neighbours_of(plan_normalizer({"type": form}))
    kinds = [np.array(kind, dtype=object) for kind in (MARKS, PARTS, COMPOSED, ASSIGNED)]
    independent = 0
    for _ in range(60_000):
        text = [str(rng.choice(kinds[kind])) for kind in rng.integers(0, 4, rng.integers(2, 5))]
        if any(shares_a_way(flags, *pair) for pair in zip(text, text[1:], strict=False)):
            continue
        independent += 1
        alone = "".join(unicodedata.normalize(form, c) for c in text)
        assert unicodedata.normalize(form, "".join(text)) == alone, ascii(text)
    assert independent > 20_000


@pytest.mark.parametrize("form", FORMS)
def test_all_pairs_of_marks_and_parts(form):
    flags = neighbours_of(plan_normalizer({"type": form}))
    seconds = [c for c in [*MARKS, *PARTS] if flags(c) is not None and flags(c) & 15]
    firsts = [c for c in PARTS if flags(c) is not None]
    for right in seconds:
        after = unicodedata.normalize(form, right)
        for left in firsts[:: 1 if len(firsts) < 700 else len(firsts) // 700]:
            together = unicodedata.normalize(form, left + right)
            if together != unicodedata.normalize(form, left) + after:
                assert shares_a_way(flags, left, right), (ascii(left), ascii(right))


@pytest.mark.parametrize(
    "text",
    [
        "Ein Großteil des Übergangs für die Vereinigten Staaten wäre schön",
        "Le cœur déçu mais l'âme plutôt naïve",
        "Tiếng Việt có rất nhiều dấu thanh",
        "पढ़ाई के लिए लड़का और लड़की आये थे",
        "ที่นี่มีคนอยู่สองคน",
        "한국어 문장도 그렇습니다",
        "これはペンです。",
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFKC"])
def test_ordinary_text_does_without_the_reference_tokenizer(monkeypatch, text, form):
    text = unicodedata.normalize("NFC", text)
    vocabulary = [("<unk>", 0.0), ("\u2581", -3.0)]
    vocabulary += [(c, -4.0) for c in sorted(set(unicodedata.normalize(form, text))) if c != " "]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=0, byte_fallback=False))
    tokenizer.normalizer = getattr(normalizers, form)()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    texts = TextTokenizer(tokenizer.to_str())
    pooler = TextPooler(texts, random_table(texts))
    expected = tokenizer.encode(text).ids
    asked: list[str] = []
    original = TextTokenizer._encode
    monkeypatch.setattr(
        TextTokenizer, "_encode", lambda self, *a: asked.append(a[0]) or original(self, *a)
    )
    ids, _ = pooler.token_ids([text], max_length=None)
    assert asked == []
    unknown = json.loads(tokenizer.to_str())["model"]["unk_id"]
    assert ids.tolist() == [i for i in expected if i != unknown]
