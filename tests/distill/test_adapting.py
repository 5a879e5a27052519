"""`StaticModel.adapt`: the rows of a finished model, re-fitted to other texts."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skm2v import StaticEmbedder, StaticModel, distill
from skm2v._distillation import TeacherPass, find_teacher, load_files
from skm2v._distillation.fitting import penalties as selection_module
from skm2v._distillation.fitting.corpus import count_tokens
from skm2v._distillation.fitting.penalties import TextData, moved_rows
from skm2v._distillation.fitting.regression import align, cosines
from skm2v._distillation.teacher_pass import store
from skm2v._distillation.teacher_pass.text_vectors import forget_texts
from skm2v._model.config import Adaptation, ModelConfig
from skm2v._pooling import TextTokenizer
from skm2v.exceptions import ModelFormatError, TeacherError, TextTypeError, TextWarning
from tests import tiny

DOMAIN = tiny.WORDS[:60]


def random_texts(n_texts, seed=0, words=DOMAIN):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(words, rng.integers(3, 10))) for _ in range(n_texts)]


@pytest.fixture(scope="module")
def model(tiny_teacher):
    return distill(tiny_teacher, pca_dims=16, quantize_to="float32")


@pytest.fixture(scope="module")
def with_pairs(tiny_teacher):
    texts = random_texts(2500, seed=3, words=tiny.WORDS)
    options = {"objective": "sentences", "corpus": texts, "ngram_range": (1, 2)}
    return distill(tiny_teacher, pca_dims=16, **options)


def vectors_of(model):
    n_pairs = 0 if model.pairs is None else len(model.pairs)
    return model.pooler.table.entry_vectors(np.arange(len(model.tokens) + n_pairs), np.float32)


def seen_tokens(model, texts):
    counts = count_tokens(model.text_tokenizer, texts, max_length=None)
    return np.unique(counts.ids)


# --- The linear algebra -----------------------------------------------------------------------


def test_axes_are_found_again(rng):
    """Principal axes with a scale for each column, whatever the spread of the vectors."""
    spread, turn = np.geomspace(1, 0.05, 12), np.linalg.qr(rng.normal(size=(12, 12)))[0]
    S = ((rng.normal(size=(4000, 12)) * spread) @ turn + 2).astype(np.float32)
    axes = turn[:5].T
    scale, offset = np.array([3.0, 1.0, 0.5, 2.0, 1.0]), rng.normal(size=5)
    X = (S @ (axes * scale) + offset).astype(np.float32)
    found = align(S, X, np.ones(4000, np.float32))
    assert np.abs(found.apply(S) - X).max() < 0.05 * X.std()
    lengths = np.linalg.norm(found.matrix, axis=0)
    np.testing.assert_allclose(lengths, scale, rtol=0.05)
    directions = found.matrix / lengths
    np.testing.assert_allclose(directions.T @ directions, np.eye(5), atol=1e-5)


def test_mapped_vectors_have_the_variance_of_the_table(rng):
    S = rng.normal(size=(1000, 8)).astype(np.float32)
    X = (0.3 * S[:, :4] + rng.normal(size=(1000, 4))).astype(np.float32)
    mapped = align(S, X, np.ones(1000, np.float32)).apply(S)
    np.testing.assert_allclose(mapped.std(axis=0), X.std(axis=0), rtol=0.02)
    np.testing.assert_allclose(mapped.mean(axis=0), X.mean(axis=0), atol=1e-4)


def test_columns_that_do_not_vary_stay_finite(rng):
    S = rng.normal(size=(300, 6)).astype(np.float32)
    X = np.zeros((300, 3), np.float32)
    assert np.isfinite(align(S, X, np.ones(300, np.float32)).apply(S)).all()
    assert np.isfinite(align(np.ones_like(S), X + 1, np.ones(300, np.float32)).matrix).all()


def test_an_infinite_penalty_moves_nothing(rng):
    tokenizer = TextTokenizer(tiny.wordpiece_tokenizer().to_str())
    texts = random_texts(300)
    counts = count_tokens(tokenizer, texts, max_length=None)
    S = rng.normal(size=(300, 8)).astype(np.float32)
    data = TextData.build(counts, np.arange(300), None, S, np.ones(300, np.float32))
    moved, D = moved_rows(data, S.copy(), 1e12)
    np.testing.assert_array_equal(moved, np.unique(counts.ids))
    assert np.abs(D).max() < 1e-8


# --- Models -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int8"])
def test_tokens_that_the_texts_lack_keep_their_bytes(model, tiny_teacher, dtype):
    before, texts = model.quantized(dtype), random_texts(1500)
    after = before.adapt(texts, tiny_teacher)
    seen = seen_tokens(model, texts)
    other = np.setdiff1d(np.arange(len(model.tokens)), seen)
    assert len(other) > 50
    assert after.embedding.dtype == dtype
    np.testing.assert_array_equal(after.embedding[other], before.embedding[other])
    if before.weights is not None:
        np.testing.assert_array_equal(after.weights[other], before.weights[other])
    assert (np.abs(vectors_of(after) - vectors_of(before))[seen].max(axis=1) > 1e-3).all()
    assert after.text_tokenizer.json == before.text_tokenizer.json
    (done,) = after.config.adaptations
    assert done == Adaptation("tiny-wordpiece", None, len(set(texts)), len(seen), 0)
    assert replace(after.config, adaptations=()) == before.config
    assert after.max_length == before.max_length


def test_tokens_that_share_a_row_do_not_move_together(tiny_teacher):
    before = distill(tiny_teacher, pca_dims=16, vocabulary_quantization=40)
    texts = random_texts(1500)
    after = before.adapt(texts, tiny_teacher)
    seen = seen_tokens(before, texts)
    other = np.setdiff1d(np.arange(len(before.tokens)), seen)
    np.testing.assert_array_equal(vectors_of(after)[other], vectors_of(before)[other])
    assert (np.abs(vectors_of(after) - vectors_of(before))[seen].max(axis=1) > 1e-3).all()


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_a_table_with_shared_rows_does_not_grow_with_every_adaptation(tiny_teacher, dtype):
    before = distill(tiny_teacher, pca_dims=16, vocabulary_quantization=40).quantized(dtype)
    once = before.adapt(random_texts(1500), tiny_teacher)
    twice = once.adapt(random_texts(1500, seed=1, words=tiny.WORDS[30:90]), tiny_teacher)
    for model in (once, twice):
        rows = np.unique(model.mapping)
        np.testing.assert_array_equal(rows, np.arange(len(model.embedding)))
    other = np.setdiff1d(
        np.arange(len(before.tokens)),
        seen_tokens(before, [" ".join(tiny.WORDS[:90])]),
    )
    assert len(other) > 20
    np.testing.assert_array_equal(vectors_of(twice)[other], vectors_of(before)[other])


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_replaced_vectors_of_a_table_with_everything(rng, dtype):
    tokenizer = tiny.tiny_tokenizer()
    n_tokens = tokenizer.get_vocab_size()
    model = StaticModel(
        rng.normal(size=(25, 8)).astype(np.float32),
        tokenizer,
        weights=rng.uniform(0.5, 2, n_tokens + 5).astype(np.float32),
        mapping=rng.integers(0, 20, n_tokens),
        pairs=np.stack([np.arange(5), np.arange(5) + 7], axis=1),
    ).quantized(dtype)
    entries = np.sort(rng.choice(n_tokens + 5, 60, replace=False))
    assert (entries >= n_tokens).any()
    expected = vectors_of(model)
    expected[entries] = rng.normal(size=(60, 8))
    core = model._core.with_vectors(entries, expected[entries])
    changed = StaticModel._of_core(core.with_vectors(entries[::2], expected[entries[::2]]))
    tolerance = 0.02 if dtype == "int8" else 0
    np.testing.assert_allclose(vectors_of(changed), expected, atol=tolerance)
    np.testing.assert_array_equal(np.unique(changed.mapping), np.arange(len(changed.embedding) - 5))


@pytest.mark.parametrize("dtype", ["float16", "int8"])
def test_pairs_adapt_too(with_pairs, tiny_teacher, dtype):
    before, texts = with_pairs.quantized(dtype), random_texts(1500)
    after, report = before._adapted(texts, tiny_teacher)
    counts = count_tokens(before.text_tokenizer, texts, max_length=None)
    n_tokens = len(before.tokens)
    neighbours = {
        (a, b)
        for start, stop in zip(counts.indptr, counts.indptr[1:], strict=False)
        for a, b in zip(counts.ids[start : stop - 1], counts.ids[start + 1 : stop], strict=True)
    }
    seen = np.array([tuple(pair) in neighbours for pair in before.pairs])
    assert 0 < seen.sum() < len(seen)
    assert report["n_moved_pairs"] == seen.sum()
    old, new = vectors_of(before)[n_tokens:], vectors_of(after)[n_tokens:]
    np.testing.assert_array_equal(new[~seen], old[~seen])
    assert (new[seen] != old[seen]).any(axis=1).mean() > 0.9
    np.testing.assert_array_equal(after.pairs, before.pairs)


def test_new_texts_of_the_domain_come_closer_to_the_teacher(model, tiny_teacher):
    after, report = model._adapted(random_texts(3000), tiny_teacher)
    cosine = report["held_out_cosine"]
    assert cosine["after"] > cosine["before"] + 0.01
    assert report["n_moved_tokens"] == len(seen_tokens(model, random_texts(3000)))
    new = random_texts(500, seed=9)
    S = load_files(find_teacher(tiny_teacher)).encode(new)
    ones = np.ones(500, np.float32)

    def agreement(some):
        X = some.encode(new, normalize=False)
        return cosines(align(S, X, ones).apply(S), X).mean()

    assert agreement(after) > agreement(model) + 0.01


def test_models_of_other_packages_adapt(model, tiny_teacher):
    bare = StaticModel(model.embedding, model.text_tokenizer)
    expected = model.adapt(random_texts(1500), tiny_teacher)
    after = bare.adapt(random_texts(1500), tiny_teacher)
    np.testing.assert_array_equal(after.embedding, expected.embedding)


def test_the_order_of_things_does_not_matter(model, tiny_teacher, tmp_path):
    """Saved, pickled, cached, or chosen from more texts than the teacher may read."""
    texts = random_texts(1500)
    expected = model.adapt(texts, tiny_teacher, memory=tmp_path / "cache")
    model.save_pretrained(tmp_path / "model")
    loaded = StaticModel.from_pretrained(tmp_path / "model")
    assert loaded.adapt(texts, tiny_teacher, memory=tmp_path / "cache") == expected
    assert pickle.loads(pickle.dumps(model)).adapt(texts, tiny_teacher) == expected
    assert pickle.loads(pickle.dumps(expected)) == expected
    assert model.adapt([*texts, "", "  "], tiny_teacher) == expected
    _, report = model._adapted(random_texts(4000), tiny_teacher, max_teacher_texts=3000)
    assert report["n_teacher_texts"] == 3000


# --- What does not help -----------------------------------------------------------------------


def test_a_teacher_of_noise_changes_nothing(model, tiny_teacher, monkeypatch):
    rng = np.random.default_rng(0)

    def noise(self, texts, progress):
        return rng.normal(size=(len(texts), 32)).astype(np.float32)

    monkeypatch.setattr(TeacherPass, "unit_vectors", noise)
    with pytest.warns(TextWarning, match="do not bring the model closer.*stays as it is") as seen:
        assert model.adapt(random_texts(1500), tiny_teacher) is model
    assert seen[0].filename == __file__


def test_a_penalty_that_lets_nothing_move_changes_nothing(model, tiny_teacher, monkeypatch):
    monkeypatch.setattr(selection_module, "RHOS", (1e12,))
    with pytest.warns(TextWarning, match="do not bring the model closer"):
        adapted, report = model._adapted(random_texts(1500), tiny_teacher)
    assert adapted is model
    assert report["held_out_cosine"]["after"] == report["held_out_cosine"]["before"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (random_texts(100) * 10, "at least 200 different texts to adapt to; got"),
        (
            [f"Bank{'.' * i}" for i in range(300)],
            "Apart from case, punctuation .* is [01]; at least 5",
        ),
        ([chr(0x0905 + i % 50) * (1 + i // 50) for i in range(400)], "a token of 0 of 400"),
    ],
)
def test_few_texts_change_nothing(model, tiny_teacher, texts, message):
    with pytest.warns(TextWarning, match=message):
        adapted, report = model._adapted(texts, tiny_teacher)
    assert adapted is model and re.search(message, report["fallback"])


def test_wrong_input(model, tiny_teacher, tiny_teacher_of):
    with pytest.raises(TextTypeError):
        model.adapt("one text", tiny_teacher)
    with pytest.raises(TextTypeError):
        model.adapt([1, 2], tiny_teacher)
    with pytest.raises(ValueError, match="max_teacher_texts must be .* 200, or None; got 9"):
        model.adapt(random_texts(300), tiny_teacher, max_teacher_texts=9)
    wide = distill(tiny_teacher, pca_dims=32)
    with pytest.raises(TeacherError, match="of 16 dimensions, the model of 32"):
        wide.adapt(random_texts(500), tiny_teacher_of(hidden_size=16))


# --- The embedder -----------------------------------------------------------------------------


def test_the_embedder_adapts(model, tiny_teacher, tmp_path, monkeypatch):
    texts = random_texts(1500)
    expected = model.adapt(texts, tiny_teacher)
    options = {"pca_dims": 16, "quantize_to": "float32", "memory": str(tmp_path)}
    embedder = StaticEmbedder(tiny_teacher, **options).fit(texts)
    assert embedder.adapt(texts) is embedder
    assert embedder.model_ == expected
    report = embedder.fit_report_["adaptation"]
    assert report["n_moved_tokens"] > 0 and report["teacher"] == "tiny-wordpiece"
    assert {"tokens counted", "regression"} <= set(report["seconds"])
    assert "held out cosine" in embedder.fit_report_._repr_html_()
    assert pickle.loads(pickle.dumps(embedder)).model_ == expected
    assert embedder.fit(texts).model_ == model
    monkeypatch.chdir(tiny_teacher.parent)
    assert StaticEmbedder(model).fit(texts).adapt(texts).model_ == expected


def test_the_report_of_the_fit_is_kept(tiny_teacher):
    texts = random_texts(1500)
    embedder = StaticEmbedder(tiny_teacher, objective="sentences", pca_dims=16)
    fit = embedder.fit(random_texts(2000, seed=5, words=tiny.WORDS)).fit_report_
    report = embedder.adapt(texts).fit_report_
    assert {name: report[name] for name in fit} == dict(fit)
    assert report["adaptation"]["n_texts"] == 1500 != fit["n_texts"]
    assert set(report["adaptation"]["held_out_cosine"]) == {"before", "after"}
    with pytest.raises(TypeError):
        report["adaptation"]["held_out_cosine"]["after"] = 1
    copy = pickle.loads(pickle.dumps(report))
    assert copy == report and "seconds" not in copy["adaptation"]
    assert report.to_dict()["adaptation"]["seconds"]["all"] > 0


def test_every_adaptation_is_recorded(model, tiny_teacher):
    embedder = StaticEmbedder(model).fit(["a"])
    embedder.adapt(random_texts(1500), model_name=tiny_teacher)
    more = random_texts(1600, seed=8, words=tiny.WORDS[60:])
    embedder.adapt(more, model_name=tiny_teacher).add_words(["zebra"], model_name=tiny_teacher)
    assert embedder.fit_report_["adaptation"]["n_texts"] == 1600
    assert [done.n_texts for done in embedder.model_.config.adaptations] == [1500, 1600]


def test_adaptations_are_saved(model, tiny_teacher, tmp_path):
    after = model.adapt(random_texts(1500), tiny_teacher)
    after.save_pretrained(tmp_path / "model")
    loaded = StaticModel.from_pretrained(tmp_path / "model")
    assert loaded == after and loaded.config == after.config
    (done,) = loaded.config.adaptations
    card = (tmp_path / "model" / "README.md").read_text()
    assert f"| Adapted | to {done.n_texts} texts that tiny-wordpiece read: 6" in card
    assert "adaptations" not in model.config.to_dict()  # hashes of other models stay
    values = after.config.to_dict()
    assert ModelConfig.from_dict(values) == after.config
    (one,) = values["adaptations"]
    for wrong in (
        "text",
        [3],
        [{**one, "n_texts": -1}],
        [{**one, "n_texts": True}],
        [{**one, "teacher": None}],
        [{**one, "more": 1}],
        [{"teacher": "a"}],
    ):
        with pytest.raises(ModelFormatError, match="adaptation"):
            ModelConfig.from_dict({**values, "adaptations": wrong})


@pytest.mark.parametrize("device", ["cpu", "no such device"])
def test_a_device_for_the_teacher_of_a_static_model(model, tiny_teacher, device):
    """`device` of the embedder is refused with a static source, which has no use for it."""
    texts, embedder = random_texts(1500), StaticEmbedder(model).fit(["a"])
    steps = (
        lambda: embedder.adapt(texts, model_name=tiny_teacher, device=device),
        lambda: embedder.add_words(["zebra"], model_name=tiny_teacher, device=device),
    )
    for step in steps:
        store.clear_recent()
        forget_texts()
        if device == "cpu":
            assert step() is embedder
        else:
            with pytest.raises(ValueError, match="'no such device' cannot be used; there is 'cpu'"):
                step()


@pytest.mark.teacher
def test_the_bundled_model_adapts_to_a_domain(minilm):
    """Five labels for each of Banking77's intents, its training questions without labels."""
    from skm2v.datasets import load_banking77

    train, test = (load_banking77(subset=part) for part in ("train", "test"))
    before = StaticEmbedder().fit(train.data).model_
    after, report = before._adapted(train.data, minilm, max_teacher_texts=2000)
    assert after.embedding.dtype == np.int8
    target = np.array(train.target)
    rng = np.random.default_rng(0)
    few = np.concatenate(
        [rng.choice(np.flatnonzero(target == k), 5, replace=False) for k in range(77)]
    )

    def accuracy(model):
        classifier = LogisticRegression(C=10, max_iter=500)
        classifier.fit(model.encode([train.data[i] for i in few]), target[few])
        return classifier.score(model.encode(test.data), test.target)

    assert report["held_out_cosine"]["after"] > report["held_out_cosine"]["before"] + 0.003
    assert accuracy(after) > accuracy(before)
