"""Texts of languages that a model does not know are told in the warning of a call."""

import re
import warnings

import numpy as np
import pytest

from skm2v import HybridVectorizer, StaticEmbedder, StaticModel, StaticTextClassifier, fuse
from skm2v._pooling import TextPooler
from skm2v._pooling.foreign import find_foreign_tokens
from skm2v._pooling.reference import ReferenceEngine
from skm2v.datasets import default_model_path
from skm2v.exceptions import TextWarning

RUSSIAN = "Привет мир, это простая проверка модели на русском языке"
CHINESE = "北京大学是中国的一所综合性大学，我们在这里学习"
ARABIC = "مرحبا بالعالم هذا اختبار بسيط للنموذج"
KOREAN = "안녕하세요 저는 학생입니다 오늘"
JAPANESE = "これは日本語のテキストです"
FOREIGN = [RUSSIAN, CHINESE, ARABIC, KOREAN, JAPANESE]
KNOWN = [
    "The river bank was steep, and the boat drifted on.",
    "def f(x, y): return x[0] + y * 3 == (a - b) * {c: d}[e]",
    "12345 67890 3.14159 2,718 - 1 + 2 * 3 / 4",
    "- - - ! ? ! ? . . . ; : ( ) [ ]",
    "the angles α, β and γ of a triangle add up to π",
    "naïve café déjà vu, für Übung größer",
    "he said привет to them and went away to the market",
    "мир",
    "a b c d e f g h i j k l m",
]


@pytest.fixture(scope="module")
def model():
    return StaticModel.from_pretrained(default_model_path())


@pytest.mark.parametrize("text", FOREIGN)
def test_a_text_of_an_unknown_language_is_told(model, text):
    with pytest.warns(TextWarning, match=r"Of 1 texts, 1 \(100%\) seem to be in a language"):
        model.encode(text)


def test_many_are_told_once_with_their_share(model):
    with pytest.warns(TextWarning, match=r"Of 14 texts, 5 \(36%\) seem to be") as told:
        vectors = model.encode([*KNOWN, *FOREIGN])
    assert len(told) == 1
    assert vectors.any(axis=1).all()
    with pytest.warns(TextWarning, match=r"Of 14 texts, 5 \(36%\) seem to be") as told:
        list(model.encode_iter([*KNOWN, *FOREIGN], batch_size=3))
    assert len(told) == 1


SAID = r"^Of 14 texts, 5 \(36%\) seem to be in a language that the model does not know \(most of"


def test_all_ways_in_tell_it_once_and_alike():
    texts, y = [*KNOWN, *FOREIGN], [0, 1] * 7

    def told(call):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call()
        return [str(warning.message) for warning in caught if warning.category is TextWarning]

    embedder, hybrid = StaticEmbedder().fit(KNOWN), HybridVectorizer().fit(KNOWN)
    classifier = StaticTextClassifier().fit(KNOWN, y[: len(KNOWN)])
    fused = fuse(classifier)
    calls = {
        "embedder": lambda: embedder.transform(texts),
        "stream": lambda: list(embedder.transform_iter(texts, batch_size=4)),
        "vectorizer": lambda: hybrid.transform(texts),
        "vectorizer's fit_transform": lambda: HybridVectorizer().fit_transform(texts),
        "classifier": lambda: classifier.predict(texts),
        "probabilities": lambda: classifier.predict_proba(texts),
        "score": lambda: classifier.score(texts, y),
        "explain": lambda: classifier.explain(texts),
        "fused": lambda: fused.predict(texts),
    }
    for name, call in calls.items():
        messages = told(call)
        assert len(messages) == 1, name
        assert re.search(SAID, messages[0]), name


@pytest.mark.parametrize("text", KNOWN)
def test_nothing_is_told_of_texts_that_are_known_or_short(model, text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.encode([text, text])


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("max_length", [None, 9, 5])
def test_the_reference_finds_the_same_texts(model, max_length, n_jobs):
    texts = [*KNOWN, *FOREIGN, "", "\U0001f600"] * 90
    pooler = model.pooler
    reference = TextPooler(
        pooler.tokenizer, pooler.table, ReferenceEngine(pooler.tokenizer, pooler.table)
    )
    options = {"max_length": max_length, "normalize": True, "n_jobs": n_jobs}
    found, expected = pooler.pool(texts, **options), reference.pool(texts, **options)
    np.testing.assert_array_equal(found.foreign, expected.foreign)
    np.testing.assert_array_equal(found.empty, expected.empty)
    assert found.foreign.any() == (max_length != 5)  # too short to tell
    alone = [pooler.pool([text], max_length=max_length, normalize=True) for text in texts[:20]]
    assert [pooled.foreign[0] for pooled in alone] == found.foreign[:20].tolist()


def test_a_vocabulary_with_enough_of_a_script_was_made_for_it():
    words = [f"word{number}" for number in range(10_000)]
    ideographs = [chr(0x4E00 + number) for number in range(2_000)]
    few = find_foreign_tokens([*words, *ideographs[:500], "##\u0431", "\u2581\u0431", "бб", "é"])
    assert few.nonzero()[0].tolist() == [*range(10_000, 10_502)]
    assert find_foreign_tokens([*words, *ideographs]) is None
    assert find_foreign_tokens(["a", "б"]) is None
