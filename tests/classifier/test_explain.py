"""explain: exact, in the right place, and harmless as HTML."""

from __future__ import annotations

import gzip
import html
import json
import re
import warnings
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skm2v import StaticEmbedder, StaticTextClassifier, TextTokenizer, explain, fuse
from skm2v.datasets import load_banking77, load_sms_spam
from skm2v.exceptions import TextWarning

from .conftest import make_pairs_model

ADVERSARIAL = Path(__file__).parents[3] / "shared" / "data" / "adversarial" / "blns.jsonl.gz"

HOSTILE = [
    "<script>alert(1)</script> free money",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)> win',
    "' style='x' onmouseover='alert(1)",
    "</style><script>alert(1)</script>",
    "<!-- bank --> card ]]> &lt;script&gt; &amp; &#60;",
    "javascript:alert(1) <a href=javascript:alert(1)>free</a>",
    "nul \x00 bell \x07 escape \x1b[31m del \x7f",
    "\u202eright to left\u202c \u2066isolate",
    "{{7*7}} ${7*7} <%= 7 %>",
]


def assert_sums(explanation, decision):
    """Contributions and intercept against decision values that were computed another way."""
    decision = np.reshape(decision, (len(explanation), -1))
    for row, one in enumerate(explanation):
        total = one.intercept + one.contributions.sum(axis=0)
        size = np.maximum(1, np.abs(one.contributions).sum(axis=0))
        assert (np.abs(total - decision[row]) <= 1e-6 * size).all()
        assert_allclose(total, one.decision[0], rtol=0, atol=1e-12)


# --- Bounded ------------------------------------------------------------------------------------


def test_a_long_text_is_read_as_far_as_it_is_predicted(fitted, monkeypatch):
    classifier, texts, _ = fitted
    n_read = 0
    encode = TextTokenizer._encode

    def counted(self, text):
        nonlocal n_read
        n_read += len(text)
        return encode(self, text)

    start = " ".join(texts) * 20
    assert len(start) > 20_000
    longer = [start + " " + end for end in ("free money " * 50_000, "x" * 500_000, " " * 500_000)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TextWarning)
        wanted = classifier.explain([start])
        monkeypatch.setattr(TextTokenizer, "_encode", counted)
        explanations = classifier.explain(longer)
        decision = classifier.decision_function(longer)
    assert n_read < 60_000
    assert wanted.truncated.all()
    for one in explanations:
        assert_array_equal(one.contributions, wanted.contributions)
        assert_array_equal(one.spans, wanted.spans)
        assert_array_equal(one.truncated, wanted.truncated)
        assert one.tokens.tolist() == wanted.tokens.tolist()
    assert_sums(explanations, decision)


@pytest.mark.parametrize("end", ["", " ", ".", "x" * 200_000, " " * 200_000])
def test_whether_a_long_text_is_cut(fitted, end):
    """Of a text of just max_length tokens nothing is cut, however long it is."""
    classifier, _, _ = fitted
    text = "free " * classifier.scores_.max_length
    text = text + " " * 10_000 + end
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TextWarning)
        explanation = classifier.explain([text])
    assert explanation.truncated.tolist() == [end.strip() != ""]
    assert (~explanation.is_pair).sum() == classifier.scores_.max_length


# --- Exact --------------------------------------------------------------------------------------


def test_classifier_sums(fitted):
    classifier, texts, _ = fitted
    explanation = classifier.explain(texts)
    assert_sums(explanation, classifier.decision_function(texts))
    assert explanation.is_pair.any()
    assert len(explanation.outputs) == explanation.contributions.shape[1]


@pytest.mark.parametrize("normalize", [False, True])
def test_fused_sums(any_tiny_static, data3, normalize):
    texts, y = data3
    embedder = StaticEmbedder(any_tiny_static, normalize=normalize)
    pipeline = make_pipeline(embedder, LogisticRegression()).fit(texts, y)
    assert_sums(fuse(pipeline).explain(texts), pipeline.decision_function(texts))


@pytest.mark.parametrize("normalize", [False, True])
def test_regressor_and_pairs_of_the_embedding(data, normalize):
    texts = [f"{text} of to and bank card" for text in data[0]]
    embedder = StaticEmbedder(make_pairs_model(), normalize=normalize)
    pipeline = make_pipeline(embedder, Ridge(alpha=0.1)).fit(texts, data[1] * 3.0)
    explanation = fuse(pipeline).explain(texts)
    assert explanation.is_pair.any()
    assert explanation.classes is None
    assert_sums(explanation, pipeline.predict(texts))


def test_real_text_sums():
    X, y = load_sms_spam(subset="train", return_X_y=True)
    classifier = StaticTextClassifier(C=1.0).fit(X[:600], y[:600])
    texts = [*X[600:900], "", "\U0001f600" * 3, " ".join(X[:60])]
    with pytest.warns(TextWarning):
        decision = classifier.decision_function(texts)
    with pytest.warns(TextWarning):
        explanation = classifier.explain(texts)
    total = [one.intercept + one.contributions.sum(axis=0) for one in explanation]
    assert_allclose(np.ravel(total), decision, rtol=0, atol=1e-6)


def test_several_classes_of_real_text():
    X, y = load_banking77(subset="train", return_X_y=True)
    rows = np.flatnonzero(y < 6)
    classifier = StaticTextClassifier(C=1.0).fit([X[row] for row in rows], y[rows])
    texts = X[:100]
    explanation = classifier.explain(texts)
    assert_allclose(explanation.decision, classifier.decision_function(texts), atol=1e-6)
    assert_array_equal(explanation.predicted, classifier.predict(texts))


def test_predicted(fitted):
    """As predict does: classes, or indicators of labels."""
    classifier, texts, _ = fitted
    for estimator in (classifier, fuse(classifier)):
        explanation = estimator.explain(texts)
        expected = estimator.predict(texts)
        assert_array_equal(explanation.predicted, expected, strict=True)
        assert_array_equal(explanation[3:5].predicted, expected[3:5], strict=True)


def test_a_contribution_is_what_its_token_adds(tiny_static, data):
    """In a plain mean, taking a token out takes its score out of the sum."""
    embedder = StaticEmbedder(tiny_static, normalize=False)
    fused = fuse(make_pipeline(embedder, LogisticRegression()).fit(*data))
    whole = fused.explain(["free money bank"])
    without = fused.decision_function(["free bank"])[0]
    rest = (whole.decision[0, 0] - fused.scores_.intercept[0] - whole.contributions[1, 0]) * 3
    assert without == pytest.approx(fused.scores_.intercept[0] + rest / 2, abs=1e-6)


# --- In the right place -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Free  MONEY, now!", ["Free", "MONEY", ",", "now", "!"]),
        ("the caf\u00e9 bank", ["the", "c", "a", "f", "\u00e9", "bank"]),
        ("the cafe\u0301 bank", ["the", "c", "a", "f", "e", "bank"]),
        ("\u4e2d\u6587card\u4e2d", ["\u4e2d", "\u6587", "card", "\u4e2d"]),
        ("\U0001f600 bank \U0001f469\u200d\U0001f467 card", ["bank", "card"]),
        ("\u3000free\u00a0money\ufeff", ["free", "money"]),
        ("[UNK] bank [PAD]", ["[", "U", "N", "K", "]", "bank", "[", "P", "A", "D", "]"]),
    ],
)
def test_spans_are_the_characters_of_the_token(classifier, data, text, pieces):
    explanation = classifier.fit(*data).explain([text], pieces=True)
    spans = explanation.spans[~explanation.is_pair]
    found = [text[start:stop] for start, stop in spans]
    assert found == pieces


@pytest.mark.parametrize(
    "text",
    [
        "\U0001f600 caf\u00e9 \u4e2d\u6587 na\u00efve \U0001f1e9\U0001f1ea \u0130stanbul",
        "e\u0301" * 5 + " bank \U0001f44d\U0001f3fd \u0645\u0631\u062d\u0628\u0627 card",
    ],
)
@pytest.mark.filterwarnings("ignore:Of 1 texts, 1 .* seem to be in a language")
def test_spans_on_real_tokens(text):
    """Every token's characters, normalised as BERT does, are the token."""
    import unicodedata

    X, y = load_sms_spam(subset="train", return_X_y=True)
    classifier = StaticTextClassifier(C=1.0).fit(X[:50], y[:50])
    explanation = classifier.explain([text], pieces=True)
    tokens = ~explanation.is_pair
    assert tokens.sum() >= 5
    for token, (start, stop) in zip(
        explanation.tokens[tokens], explanation.spans[tokens], strict=True
    ):
        characters = unicodedata.normalize("NFD", text[start:stop].lower())
        characters = "".join(c for c in characters if unicodedata.category(c) != "Mn")
        assert characters == token.removeprefix("##")


def test_pairs_span_both_tokens(classifier, data):
    texts = [f"{text} free money" for text in data[0]]
    explanation = classifier.fit(texts, data[1]).explain(["so: free,  money free money"])
    pairs = explanation.is_pair
    found = [explanation.texts[0][start:stop] for start, stop in explanation.spans[pairs]]
    assert "free money" in found
    assert "free,  money" not in found  # a comma stands between
    assert "free money" in explanation.tokens[pairs]


def test_unknown_and_truncated_tokens_are_left_out(tiny_static, data):
    texts, y = data
    with pytest.warns(TextWarning):
        embedder = StaticEmbedder(tiny_static, max_length=4)
        fused = fuse(make_pipeline(embedder, LogisticRegression()).fit(texts, y))
    texts = ["free \u4e00 money bank card win", "<b>free</b> bank", "\u4e00", "free bank"]
    with pytest.warns(TextWarning, match="Of 4 texts, 1 without.* intercept alone and 2 were cut"):
        explanation = fused.explain(texts)
    assert explanation[0].tokens.tolist() == ["free", "money", "bank"]
    assert explanation.truncated.tolist() == [True, True, False, False]
    assert explanation.empty.tolist() == [False, False, True, False]
    assert explanation[1:3].truncated.tolist() == [True, False]
    assert explanation[1:3].empty.tolist() == [False, True]
    for one, cut in zip(explanation, explanation.truncated, strict=True):
        assert ("cut after 4 tokens" in one.to_html()) == cut
    assert "&lt;/b&gt; bank</p>" in explanation[1].to_html()  # what was cut off is shown, escaped


def test_losses_are_those_of_the_decision(tiny_static, data):
    """The same warning, at the caller's line, and the same flags."""
    embedder = StaticEmbedder(tiny_static, max_length=20, handle_missing="zero")
    fused = fuse(make_pipeline(embedder, LogisticRegression()).fit(*data))
    texts = ["free " * 20, "free " * 21, "", None, "\u4e00 " * 21, "bank"]
    messages = []
    for method in (fused.decision_function, fused.explain):
        with pytest.warns(TextWarning) as caught:
            result = method(texts)
        assert [warning.filename for warning in caught] == [__file__]
        messages.append(str(caught[0].message))
    assert messages[0] == messages[1]
    decided = fused.scores_.decide(result.texts)
    assert_array_equal(result.empty, decided.empty)
    assert_array_equal(result.truncated, decided.truncated)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fused.explain(["bank", None])


def test_no_texts_and_no_tokens(classifier, data):
    classifier.fit(*data)
    with pytest.warns(TextWarning, match="2 without a known token"):
        explanation = classifier.explain(["", "bank", "  "])
    assert np.diff(explanation.indptr).tolist() == [0, 1, 0]
    assert_array_equal(explanation.decision[0], classifier.intercept_)
    empty = classifier.explain([])
    assert len(empty) == 0
    assert empty.to_frame().shape[0] == 0
    assert "<article>" not in empty.to_html()


def test_slices(classifier, data):
    explanation = classifier.fit(*data).explain(data[0])
    part = explanation[5:9]
    assert part.texts == data[0][5:9]
    assert_array_equal(part[-1].contributions, explanation[8].contributions)
    assert_array_equal(part[1].spans, explanation[6].spans)
    assert len(list(explanation)) == len(explanation) == 60
    with pytest.raises(IndexError):
        explanation[60]
    with pytest.raises(ValueError, match="step of 1"):
        explanation[::2]
    assert "60 texts" in repr(explanation)


# --- As a frame and as HTML ---------------------------------------------------------------------


def test_frame(classifier, data3):
    pytest.importorskip("pandas")
    texts, y = data3
    named = np.array(["red", "green", "blue"])[y]
    explanation = classifier.fit(texts, named).explain(texts[:5])
    frame = explanation.to_frame()
    assert frame.columns.tolist() == [
        *["text", "part", "token", "start", "stop", "characters"],
        *["blue", "green", "red"],
    ]
    sums = frame.groupby("text")[["blue", "green", "red"]].sum()
    assert_allclose(sums + explanation.intercept, explanation.decision)
    first = frame.iloc[0]
    assert texts[0][first.start : first.stop] == first.characters
    assert set(frame.part) == {"word", "pair"}


def test_frame_of_classes_that_are_called_as_columns(classifier, data3):
    pytest.importorskip("pandas")
    texts, y = data3
    named = np.array(["text", "start", "text_score"])[y]
    explanation = classifier.fit(texts, named).explain(texts[:5])
    frame = explanation.to_frame()
    assert frame.columns.tolist() == [
        *["text", "part", "token", "start", "stop", "characters"],
        *["start_score", "text_score_", "text_score"],
    ]
    assert explanation.outputs == ["start", "text", "text_score"]
    assert_array_equal(frame.iloc[:, 6:].to_numpy(), explanation.contributions)
    assert_array_equal(frame["text"].unique(), np.arange(5))


class Reader(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.paragraph, self.paragraphs = set(), set(), None, []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attributes)
        if tag == "p":
            self.paragraph = ""

    def handle_endtag(self, tag):
        if tag == "p":
            self.paragraphs.append(self.paragraph)
            self.paragraph = None

    def handle_data(self, data):
        if self.paragraph is not None:
            self.paragraph += data


ALLOWED_TAGS = {
    *["div", "style", "article", "header", "b", "span", "small", "mark", "p", "details"],
    *["summary", "table", "tr", "th", "td", "i"],
}


def printable(text):
    """Control characters are shown as pictures."""
    pictures = {code: 0x2400 + code for code in range(32) if code not in (9, 10, 13)}
    pictures |= {code: 0xFFFD for code in (*range(0x7F, 0xA0), 0xFFFE, 0xFFFF)}
    return text.translate(pictures)


def naughty():
    if not ADVERSARIAL.exists():
        return []
    with gzip.open(ADVERSARIAL, "rt") as file:
        rows = [json.loads(line) for line in file]
    return [row["text"] if isinstance(row, dict) else row for row in rows]


def test_html_shows_hostile_texts_and_runs_nothing(classifier, data3):
    """Hostile texts, and hostile names of classes."""
    texts, y = data3
    names = np.array(["<script>alert(2)</script>", "'\"><img src=x onerror=alert(3)>", "a&b"])
    classifier.fit([*texts, *HOSTILE], names[np.append(y, np.arange(len(HOSTILE)) % 3)])
    hostile = [text for text in HOSTILE + naughty() if "\r" not in text]
    reader = Reader()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TextWarning)
        explanation = classifier.explain(hostile)
    reader.feed(explanation.to_html())
    reader.close()
    assert reader.tags <= ALLOWED_TAGS
    assert reader.attributes <= {"class", "style", "title"}
    assert reader.paragraphs == [printable(text) for text in hostile]


def test_html_of_every_output(classifier, data3, indicator):
    texts, y = data3
    explanation = classifier.fit(texts, np.array(["red", "green", "blue"])[y]).explain(texts[:2])
    for output in ("red", "green", "blue"):
        page = explanation.to_html(output=output)
        assert f"for {output}" in page
        assert f"{explanation.decision[0, explanation.outputs.index(output)]:+.3f}" in page
    with pytest.raises(ValueError, match="output must be one of"):
        explanation.to_html(output="pink")
    page = classifier.fit(*indicator).explain(texts[:2]).to_html()
    assert "predicted" not in page


def test_colours_are_the_contributions(classifier, data):
    texts, y = data
    explanation = classifier.fit(texts, np.array(["ham", "spam"])[y]).explain(["free", "bank"])
    for one in explanation:
        page = one.to_html()
        value = one.contributions[0, 0]
        assert html.escape(f"{value:+.4f}") in page
        colour = re.search(r'<p><mark style="background:rgba\((\d+),', page)[1]
        assert colour == ("33" if value > 0 else "220")


def test_notebooks_show_a_part(classifier, data):
    explanation = classifier.fit(*data).explain(data[0])
    page = explanation._repr_html_()
    assert page.count("<article>") == 20
    assert "40 more texts are not shown" in page
    assert "not shown" not in explanation[:20]._repr_html_()


# --- Whole words ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Free  MONEY, now!", ["Free", "MONEY", ",", "now", "!"]),
        ("the caf\u00e9 bank", ["the", "caf\u00e9", "bank"]),
        ("the cafe\u0301 bank", ["the", "cafe", "bank"]),
        ("\u4e2d\u6587card\u4e2d", ["\u4e2d", "\u6587", "card", "\u4e2d"]),
        ("[UNK] bank", ["[", "UNK", "]", "bank"]),
        ("\u3000free\u00a0money\ufeff", ["free", "money"]),
    ],
)
def test_parts_are_whole_words(classifier, data, text, words):
    explanation = classifier.fit(*data).explain([text])
    spans = explanation.spans[~explanation.is_pair]
    assert [text[start:stop] for start, stop in spans] == words
    assert explanation.tokens[~explanation.is_pair].tolist() == words


@pytest.mark.parametrize(
    "text", ["caf\u00e9 bank caf\u00e9 win", "xyzzy-free, money!", "aa bb aa", "card"]
)
def test_a_word_adds_what_its_pieces_and_the_pairs_within_add(any_tiny_static, data3, text):
    texts, y = data3
    texts = [f"{one} caf\u00e9 xyzzy" for one in texts]
    classifier = StaticTextClassifier(StaticEmbedder(any_tiny_static), C=1.0).fit(texts, y)
    words, pieces = (classifier.explain([text], pieces=pieces) for pieces in (False, True))
    assert words.pieces is False and pieces.pieces is True
    assert_array_equal(words.decision, pieces.decision)
    assert_allclose(words.contributions.sum(axis=0), pieces.contributions.sum(axis=0), atol=1e-12)
    for (start, stop), value in zip(
        words.spans[~words.is_pair], words.contributions[~words.is_pair], strict=True
    ):
        within = (pieces.spans[:, 0] >= start) & (pieces.spans[:, 1] <= stop)
        assert_allclose(pieces.contributions[within].sum(axis=0), value, atol=1e-12)
    n_words = int((~words.is_pair).sum())
    assert len(text.split()) <= n_words <= int((~pieces.is_pair).sum())
    frame = words.to_frame()
    assert set(frame.part) <= {"word", "pair"}
    assert "word or pair" in words.to_html() and "token or pair" in pieces.to_html()


def test_a_pair_of_words_is_named_by_both(classifier, data):
    texts = [f"{text} caf\u00e9 money" for text in data[0]]
    explanation = classifier.fit(texts, data[1]).explain(["caf\u00e9 money"])
    assert explanation.tokens.tolist() == ["caf\u00e9", "money", "caf\u00e9 money"]
    assert explanation.spans.tolist() == [[0, 4], [5, 10], [0, 10]]


# --- Words of classes -----------------------------------------------------------------------------


def test_top_words_are_those_that_tell_a_class(tiny_embedder):
    texts = ["free the of", "free to and", "bank the and", "bank of to", "water the to", "of water"]
    y = ["spam", "spam", "bank", "bank", "sea", "sea"]
    classifier = StaticTextClassifier(tiny_embedder, semantic_weight=0.3).fit(texts * 3, y * 3)
    top = classifier.top_words(2)
    assert list(top) == ["bank", "sea", "spam"]
    assert {name: words[0][0] for name, words in top.items()} == {
        "bank": "bank",
        "sea": "water",
        "spam": "free",
    }
    for words in top.values():
        values = [value for _, value in words]
        assert values == sorted(values, reverse=True) and min(values) > 0
    seen = {word for text in texts for word in text.split()}
    assert {word for words in classifier.top_words(50).values() for word, _ in words} <= seen
    assert fuse(classifier).top_words(2) == top


@pytest.mark.parametrize("normalize", [False, True])
def test_the_score_of_a_top_word_is_the_decision_on_it_alone(tiny_static, data, normalize):
    texts, y = data
    embedder = StaticEmbedder(tiny_static, normalize=normalize)
    named = np.array(["ham", "spam"])[y]
    fused = fuse(make_pipeline(embedder, LogisticRegression()).fit(texts, named))
    top = fused.top_words(5, X=texts)
    assert list(top) == ["ham", "spam"]
    seen = {word for text in texts for word in text.split()}
    for sign, words in zip((-1, 1), top.values(), strict=True):
        assert len(words) == 5
        for word, value in words:
            assert word in seen
            decision = fused.decision_function([word])[0] - fused.scores_.intercept[0]
            assert value == pytest.approx(sign * decision, abs=1e-5)
    everything = fused.top_words(10_000)
    assert {word for words in everything.values() for word, _ in words} - seen
    assert not any(word.startswith("##") for words in everything.values() for word, _ in words)
    pieces = fused.top_words(10_000, pieces=True)
    assert any(word.startswith("##") for words in pieces.values() for word, _ in words)


def test_top_words_of_labels_and_of_numbers(classifier, indicator, tiny_static):
    texts, y = indicator
    names = ["art", "news", "sport"]
    tags = [[names[i] for i in np.flatnonzero(row)] for row in y]
    assert list(classifier.fit(texts, tags).top_words(1)) == names
    ridge = make_pipeline(StaticEmbedder(tiny_static), Ridge()).fit(texts, y[:, 0] * 2.0)
    assert list(fuse(ridge).top_words(1)) == [0]
    for bad in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="n must be a positive integer; got"):
            classifier.top_words(bad)
    with pytest.raises(NotFittedError):
        StaticTextClassifier().top_words()


# --- Of anything that can be fused ----------------------------------------------------------------


def test_explain_takes_whatever_can_be_fused(classifier, data, tiny_embedder):
    texts, y = data
    named = np.array(["ham", "spam"])[y]
    pipeline = make_pipeline(tiny_embedder, LogisticRegression()).fit(texts, named)
    search = GridSearchCV(pipeline, {"logisticregression__C": [1.0]}, cv=2).fit(texts, named)
    classifier.fit(texts, named)
    for estimator in (pipeline, search, classifier, fuse(classifier), FrozenEstimator(pipeline)):
        explanation = explain(estimator, texts[:3])
        assert explanation.outputs == ["spam"]
        assert explanation.classes.tolist() == ["ham", "spam"]
        assert_sums(explanation, estimator.decision_function(texts[:3]))
    assert explain(pipeline, ["caf\u00e9"], pieces=True).pieces
    with pytest.raises(TypeError, match="got LogisticRegression"):
        explain(pipeline[-1], texts)


def test_print_shows_what_is_decided_and_what_weighs_most(classifier, data3):
    texts, y = data3
    names = np.array(["art", "bank", "cash"])[y]
    explanation = explain(classifier.fit(texts, names), texts[:7])
    printed = str(explanation)
    first, *rest = printed.split("\n\n")
    assert len(rest) == 5 and rest[-1].startswith("... and 2 more texts")
    text, head, any_text, *parts = first.split("\n")
    one = explanation[0]
    column = int(one.decision[0].argmax())
    assert text == texts[0] and any_text.split() == [
        f"{one.intercept[column]:+.2f}",
        "(any",
        "text)",
    ]
    assert head == (
        f"predicted {one.predicted[0]};"
        f" score of {one.outputs[column]}: {one.decision[0, column]:+.2f}"
    )
    weights = [float(part.split()[0]) for part in parts]
    assert len(parts) <= 9 and np.all(np.diff(np.abs(weights[:8])) <= 0.005)
    total = float(any_text.split()[0]) + sum(weights)
    assert total == pytest.approx(one.decision[0, column], abs=0.06)
    assert repr(explanation) == "Explanation(7 texts, outputs=['art', 'bank', 'cash'])"
    assert str(explanation[:0]) == repr(explanation[:0])
    long = str(explain(classifier, ["money\n " * 100]))
    assert long.startswith("money money") and "…\npredicted" in long
