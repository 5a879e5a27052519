"""``objective="sentences"``: what the regression promises, on teachers that are known."""

from __future__ import annotations

import copy
import pickle
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array
from threadpoolctl import threadpool_info, threadpool_limits

from skm2v import StaticEmbedder, distill
from skm2v._distillation import TeacherPass, TokenRecipe, clear_recent, find_teacher, load_files
from skm2v._distillation.fitting import sentence_recipe as sentences_module
from skm2v._distillation.fitting.corpus import (
    choose_texts,
    count_tokens,
    held_out,
    says_too_little,
    unique_texts,
)
from skm2v._distillation.fitting.extra_rows import count_pairs, split_words
from skm2v._distillation.fitting.penalties import Chosen, TextData, TokenVectors, fit_table
from skm2v._distillation.fitting.regression import cosines, fit_affine, rotation_of, solve_ridge
from skm2v._distillation.fitting.sentence_recipe import SentenceRecipe
from skm2v._distillation.fitting.weights import token_weights
from skm2v._distillation.teacher_pass import text_vectors as text_vectors_module
from skm2v._distillation.teacher_pass.text_vectors import forget_texts, text_vectors
from skm2v._pooling import TextTokenizer
from skm2v.exceptions import TextWarning
from tests import tiny


def random_texts(n_texts, seed=0, words=tiny.WORDS):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(words, rng.integers(3, 10))) for _ in range(n_texts)]


@pytest.fixture(autouse=True)
def forget():
    clear_recent()
    forget_texts()
    yield
    clear_recent()
    forget_texts()


class FakeTeacher:
    """A teacher whose vectors of texts come from a function."""

    def __init__(self, real, encode):
        self._real, self._encode, self.n_read = real, encode, 0

    def __getattr__(self, name):
        return getattr(self._real, name)

    def encode(self, texts, **options):
        self.n_read += len(texts)
        return self._encode(list(texts))


@pytest.fixture
def teacher(tiny_teacher):
    """A real tiny teacher and, made with it, others that read texts in their own way."""
    files = find_teacher(tiny_teacher)
    real = load_files(files)

    def build(encode, **options):
        recipe = SentenceRecipe(TokenRecipe(pca_dims=16, quantize_to="float32"), **options)
        fake = FakeTeacher(real, encode)
        # Its own hash: what it says differs from what the real one says.
        names = ("name", "revision", "licence", "language", "prompt", "dtype")
        named = SimpleNamespace(**{name: getattr(files, name) for name in names})
        named.fingerprint = f"{files.fingerprint}-{id(encode)}"
        return lambda texts: recipe.build(TeacherPass(named, lambda: fake), texts)

    return build


@pytest.fixture
def bag_of_tokens():
    """Vectors that are means of hidden token vectors, plus a constant."""
    tokenizer = TextTokenizer(tiny.wordpiece_tokenizer().to_str())
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(len(tokenizer.tokens), 16)) * 0.1
    rows[:, 0] += 1  # all in one direction: norms differ little

    def encode(texts):
        means = count_tokens(tokenizer, texts, max_length=None).means() @ rows
        return means.astype(np.float32)

    return encode


# --- The linear algebra -----------------------------------------------------------------------


@pytest.fixture
def problem(rng):
    dense = np.where(rng.random((150, 90)) < 0.1, rng.random((150, 90)), 0).astype(np.float32)
    return csr_array(dense), rng.normal(size=(150, 5)).astype(np.float32), rng.random(90) + 0.5


@pytest.mark.parametrize("limit", [0, 10_000])
@pytest.mark.parametrize("transposed", [False, True])
def test_the_ridge_is_that_of_the_normal_equations(problem, limit, transposed):
    A, B, penalty = problem
    if transposed:  # fewer texts than unknowns
        A, B, penalty = csr_array(A[:40]), B[:40], penalty
    D = solve_ridge(A, B, penalty, tolerance=1e-6, cholesky_limit=limit)
    dense = A.toarray().astype(float)
    expected = np.linalg.solve(dense.T @ dense + np.diag(penalty), dense.T @ B)
    np.testing.assert_allclose(D, expected, atol=1e-5)
    assert D.dtype == np.float32


@pytest.mark.parametrize("limit", [0, 10_000])
def test_an_infinite_penalty_moves_nothing(problem, limit):
    A, B, penalty = problem
    D = solve_ridge(A, B, penalty * 1e12, cholesky_limit=limit)
    assert np.abs(D).max() < 1e-8


def test_the_affine_map_is_found(rng):
    X = rng.normal(size=(500, 6)).astype(np.float32)
    matrix, offset = rng.normal(size=(6, 6)), rng.normal(size=6)
    S = (X @ matrix + offset).astype(np.float32)
    found = fit_affine(X, S, np.ones(500, np.float32), 1e-9)
    np.testing.assert_allclose(found.matrix, matrix, atol=1e-4)
    np.testing.assert_allclose(found.offset, offset, atol=1e-4)


def test_the_affine_map_shrinks_to_a_scaled_identity(rng):
    X = rng.normal(size=(500, 6)).astype(np.float32)
    S = (3 * X + rng.normal(size=(500, 6)) + 1).astype(np.float32)
    found = fit_affine(X, S, np.ones(500, np.float32), 1e9)
    np.testing.assert_allclose(found.matrix, np.eye(6) * found.matrix[0, 0], atol=1e-6)
    assert found.matrix[0, 0] == pytest.approx(3, abs=0.1)


def test_a_weight_is_as_good_as_a_repetition(rng):
    X, S = (rng.normal(size=(50, 4)).astype(np.float32) for _ in range(2))
    weights = np.ones(50, np.float32)
    weights[:10] = 3
    rows = np.r_[np.repeat(np.arange(10), 3), 10:50]
    ones = np.ones(len(rows), np.float32)
    weighted, repeated = fit_affine(X, S, weights, 0.1), fit_affine(X[rows], S[rows], ones, 0.1)
    np.testing.assert_allclose(weighted.matrix, repeated.matrix, atol=1e-5)
    axes = rotation_of(S, weights), rotation_of(S[rows], ones)
    np.testing.assert_allclose(axes[0].axes, axes[1].axes, atol=1e-4)


def test_the_rotation_is_that_of_pca(rng):
    from sklearn.decomposition import PCA

    S = (rng.normal(size=(300, 6)) @ rng.normal(size=(6, 6)) + 2).astype(np.float32)
    rotation, pca = rotation_of(S, np.ones(300, np.float32)), PCA().fit(S.astype(float))
    np.testing.assert_allclose(
        np.abs(np.diag(rotation.axes.T @ pca.components_.T)), np.ones(6), atol=1e-5
    )
    np.testing.assert_allclose(
        rotation.explained_variance_ratio, pca.explained_variance_ratio_, atol=1e-5
    )


def test_the_cosine_of_a_zero_row_is_zero():
    X = np.array([[0, 0], [3, 4]], np.float32)
    np.testing.assert_allclose(cosines(X, X), [0, 1])


# --- Texts ------------------------------------------------------------------------------------


def test_duplicates_only_weigh():
    unique, weights = unique_texts(["b", "a", "b", "b", "b"])
    assert unique == ["b", "a"]
    np.testing.assert_allclose(weights, [2, 1])


def test_held_out_texts_do_not_straddle():
    texts = random_texts(2000)
    held = held_out(texts, 0.1)
    assert 120 < held.sum() < 280
    np.testing.assert_array_equal(held, held_out([f" {t.upper()}!" for t in texts], 0.1))
    np.testing.assert_array_equal(held[:100], held_out(texts[:100], 0.1))


def test_chosen_texts_show_rare_tokens(rng):
    counts = np.zeros((1000, 60), np.float32)
    counts[:, 0] = 1
    counts[np.arange(50), 1 + np.arange(50)] = 1  # fifty texts with a token of their own
    rows = choose_texts(csr_array(counts), 200)
    assert len(rows) == 200
    assert (np.diff(rows) > 0).all()
    assert set(range(50)) <= set(rows)
    assert len(choose_texts(csr_array(counts), 2000)) == 1000


def test_weights_of_tokens_follow_the_corpus():
    counts = np.zeros(100)
    counts[50] = 1e6
    weights = token_weights(counts)
    assert weights[50] == weights.min() < 0.01
    assert weights[99] > 0.9  # not in the corpus, and rare by its id


def test_pairs_stay_within_texts():
    tokenizer = TextTokenizer(tiny.wordpiece_tokenizer().to_str())
    counts = count_tokens(tokenizer, ["new york"] * 5 + ["york free"] * 3, max_length=None)
    found = count_pairs(counts, np.arange(8))
    names = [tuple(tokenizer.tokens[i] for i in pair) for pair in found.pairs]
    assert names == [("new", "york")]
    np.testing.assert_array_equal(found.counts.toarray()[:, 0], [1] * 5 + [0] * 3)


def test_split_words_are_frequent_words_of_several_tokens():
    tokenizer = TextTokenizer(tiny.wordpiece_tokenizer().to_str())
    texts = ["zebra the"] * 6 + ["quagga the"] * 4
    assert split_words(tokenizer, texts, 10) == ("zebra",)
    assert split_words(tokenizer, texts, 0) == ()


# --- Models -----------------------------------------------------------------------------------


def test_a_teacher_that_is_a_bag_of_tokens_is_recovered(bag_of_tokens):
    """With next to no penalty, the table becomes the teacher."""
    texts = random_texts(2000)
    tokenizer = TextTokenizer(tiny.wordpiece_tokenizer().to_str())
    counts = count_tokens(tokenizer, texts, max_length=None)
    S = bag_of_tokens(texts)
    data = TextData.build(counts, np.arange(len(texts)), None, S, np.ones(len(texts), np.float32))
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(len(tokenizer.tokens), 16)).astype(np.float32)
    rotation = rotation_of(S, np.ones(len(texts), np.float32))
    E, _ = fit_table(data, TokenVectors(raw, raw), rotation, Chosen(0.1, 1e-7, "residual", {}))
    new = random_texts(500, seed=9)
    means = count_tokens(tokenizer, new, max_length=None).means() @ E
    np.testing.assert_allclose(means, rotation.apply(bag_of_tokens(new)), atol=1e-4)


def test_unseen_tokens_keep_the_prior_exactly(bag_of_tokens):
    texts = random_texts(500, words=tiny.WORDS[:40])
    tokenizer = TextTokenizer(tiny.wordpiece_tokenizer().to_str())
    counts = count_tokens(tokenizer, texts, max_length=None)
    S = bag_of_tokens(texts)
    data = TextData.build(counts, np.arange(500), None, S, np.ones(500, np.float32))
    raw = np.random.default_rng(0).normal(size=(len(tokenizer.tokens), 16)).astype(np.float32)
    rotation = rotation_of(S, np.ones(500, np.float32))
    moved, prior = (
        fit_table(data, TokenVectors(raw, raw), rotation, Chosen(0.1, 1.0, kept, {}))[0]
        for kept in ("residual", "prior")
    )
    seen = np.asarray(counts.counts.sum(axis=0)).ravel() > 0
    np.testing.assert_array_equal(moved[~seen], prior[~seen])
    assert (np.abs(moved[seen] - prior[seen]).max(axis=1) > 1e-4).all()


def test_the_linear_algebra_uses_one_thread(tiny_teacher, monkeypatch):
    """With more of them sums differ in their last bit from machine to machine."""
    seen = []

    def watch(name):
        original = getattr(sentences_module, name)

        def watched(*args, **options):
            pools = threadpool_info()
            seen.append({pool["num_threads"] for pool in pools if pool["user_api"] == "blas"})
            return original(*args, **options)

        monkeypatch.setattr(sentences_module, name, watched)

    for name in ("rotation_of", "choose", "fit_table"):
        watch(name)
    with threadpool_limits(2, user_api="blas"):
        distill(tiny_teacher, objective="sentences", corpus=random_texts(4000))
    assert seen == [{1}] * 3


def test_it_comes_closer_to_its_teacher(tiny_teacher):
    texts, new = random_texts(4000), random_texts(500, seed=5)
    S = load_files(find_teacher(tiny_teacher)).encode(new)
    model = distill(
        tiny_teacher, objective="sentences", corpus=texts, align="teacher", quantize_to="float32"
    )
    assert model.config.objective == "sentences"
    assert model.dim == S.shape[1]
    plain = distill(tiny_teacher, pca_dims=None, quantize_to="float32")
    assert cosines(model.encode(new), S).mean() > cosines(plain.encode(new), S).mean() + 0.01


def test_noise_is_not_learned(teacher):
    rng = np.random.default_rng(0)
    build = teacher(lambda texts: rng.normal(size=(len(texts), 32)).astype(np.float32))
    with pytest.warns(TextWarning, match=r"do not improve on the plain recipe"):
        model, report = build(random_texts(600))
    assert model.config.objective == report["objective"] == "tokens"


def test_few_texts_fall_back(tiny_teacher):
    with pytest.warns(TextWarning, match="at least 200 different texts; got 2"):
        model = distill(tiny_teacher, pca_dims=16, objective="sentences", corpus=["a", "b"] * 300)
    assert model == distill(tiny_teacher, pca_dims=16)


def test_texts_that_the_vocabulary_cannot_spell(tiny_teacher):
    texts = [chr(0x0905 + i % 50) * (1 + i // 50) for i in range(400)]
    with pytest.warns(TextWarning, match="Only 0 of 400 different texts have a token"):
        distill(tiny_teacher, pca_dims=16, objective="sentences", corpus=texts)


@pytest.mark.parametrize("n_wordings", [1, 3])
@pytest.mark.parametrize("first", ["bank", "card", "free"])
def test_texts_that_differ_in_punctuation_only(tiny_teacher, n_wordings, first):
    """None of them could be held out, or all would be."""
    words = [f"{first} {word}" for word in tiny.WORDS[:n_wordings]]
    texts = [f"{words[i % n_wordings]}{'!' * (i // n_wordings + 1)}" for i in range(300)]
    options = {"pca_dims": 16, "objective": "sentences", "corpus": texts}
    with pytest.warns(TextWarning, match="Apart from case, punctuation") as caught:
        model = distill(tiny_teacher, **options)
    assert len(caught) == 1
    assert model == distill(tiny_teacher, pca_dims=16)


def test_a_split_needs_wordings_on_both_sides():
    texts = random_texts(400)
    held = held_out(texts, 0.1)
    assert says_too_little(texts, held) is None
    assert "held out to judge by is 0" in says_too_little(texts, np.zeros(400, bool))
    assert "left to learn from is 0" in says_too_little(texts, np.ones(400, bool))
    few = [*texts[:50], *(f"Bank{'.' * i}" for i in range(50))]
    held = np.arange(100) >= 46
    assert says_too_little(few, held) is None
    held = np.arange(100) >= 47  # three other texts, and one
    assert "held out to judge by is 4" in says_too_little(few, held)


def test_duplicates_and_empty_texts_change_little(tiny_teacher):
    texts = random_texts(2000)
    options = {"pca_dims": 16, "objective": "sentences", "quantize_to": "float32"}
    once = distill(tiny_teacher, corpus=texts, **options)
    assert distill(tiny_teacher, corpus=[*texts, "", "  "], **options) == once
    twice = distill(tiny_teacher, corpus=texts * 2, **options)
    np.testing.assert_allclose(twice.embedding, once.embedding, atol=1e-4)


@pytest.mark.parametrize(
    "options", [{}, {"ngram_range": (1, 2)}, {"extra_words": 5}, {"max_teacher_texts": 1500}]
)
def test_everything_is_finite_and_deterministic(any_tiny_teacher, options):
    texts = [*random_texts(2500), *["zebras"] * 3, *(f"zebra {t}" for t in random_texts(20))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TextWarning)
        models = []
        for _ in range(2):
            clear_recent()
            forget_texts()
            models.append(
                distill(
                    any_tiny_teacher, pca_dims=8, objective="sentences", corpus=texts, **options
                )
            )
    assert models[0] == models[1]
    assert np.isfinite(models[0].embedding.astype(np.float32)).all()
    assert models[0].encode(texts[:50]).shape == (50, 8)


def test_the_embedder_reports(tiny_teacher):
    embedder = StaticEmbedder(tiny_teacher, objective="sentences", pca_dims=16)
    embedder.fit(random_texts(3000))
    report = embedder.fit_report_
    assert report["objective"] == "sentences"
    cosine = report["held_out_cosine"]
    assert cosine["tokens"] < cosine["result"]
    assert "regression" in report["seconds"]
    assert "held out cosine" in report._repr_html_()
    loaded = pickle.loads(pickle.dumps(report))
    assert loaded == report and set(report) - set(loaded) == {"seconds", "peak_memory_mb"}
    assert report.to_dict()["seconds"]["regression"] == report["seconds"]["regression"]


def test_fewer_dimensions_are_the_first_columns_up_to_rounding(tiny_teacher):
    """To the bit only with ``objective="tokens"``: here every number of them is fitted."""
    texts, options = random_texts(2500), {"quantize_to": "float32"}
    few, many = (distill(tiny_teacher, pca_dims=k, **options) for k in (8, 16))
    np.testing.assert_array_equal(few.embedding, many.embedding[:, :8])
    options.update(objective="sentences", corpus=texts)
    few, many = (distill(tiny_teacher, pca_dims=k, **options) for k in (8, 16))
    largest = np.abs(few.embedding).max()
    np.testing.assert_allclose(few.embedding, many.embedding[:, :8], rtol=0, atol=1e-5 * largest)


def test_equal_fits_have_equal_pickles(tiny_teacher):
    texts, pickles = random_texts(3000), []
    for _ in range(2):
        clear_recent()
        forget_texts()
        embedder = StaticEmbedder(tiny_teacher, objective="sentences", pca_dims=16).fit(texts)
        pickles.append(pickle.dumps(embedder))
        assert copy.deepcopy(embedder).fit_report_["seconds"]["all"] > 0
    assert pickles[0] == pickles[1]
    other = StaticEmbedder(tiny_teacher, pca_dims=16).fit(texts)
    assert embedder.fit_report_ != other.fit_report_
    assert embedder.fit_report_ != 3


def test_every_stage_where_a_person_waits_has_a_bar(tiny_teacher, capsys):
    options = {"objective": "sentences", "extra_words": 5, "pca_dims": 16}
    texts = [*random_texts(2000), *(f"zebra {t}" for t in random_texts(20))]
    distill(tiny_teacher, corpus=texts, show_progress_bar=True, **options)
    shown = capsys.readouterr().err
    for name in (
        "Teacher pass",  # over its tokens
        "Extra words",
        "Tokens counted",
        "Teacher's texts",
        "Choice of penalties",
        "Regression",
    ):
        assert f"{name}: 100%" in shown, name
    distill(tiny_teacher, corpus=texts, **options)
    assert capsys.readouterr().err == ""


# --- Parameters -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "words"}, "objective must be 'tokens' or 'sentences'; got 'words'"),
        ({"objective": "sentences"}, "pass some thousand as corpus=texts"),
        ({"corpus": ["a"]}, "have no effect with objective='tokens'"),
        ({"align": "teacher"}, "have no effect with objective='tokens'"),
        ({"objective": "sentences", "corpus": ["a"], "align": "x"}, "align must be 'texts' or"),
        ({"objective": "sentences", "corpus": ["a"], "ngram_range": (1, 3)}, "ngram_range must"),
        ({"objective": "sentences", "corpus": ["a"], "extra_words": -1}, "extra_words must be"),
        ({"objective": "sentences", "corpus": ["a"], "max_teacher_texts": 9}, "at least 200"),
        (
            {"objective": "sentences", "corpus": ["a"], "vocabulary_quantization": 9},
            "vocabulary_quantization must be None",
        ),
    ],
)
def test_wrong_parameters(tiny_teacher, options, message):
    with pytest.raises(ValueError, match=message):
        distill(tiny_teacher, **options)


# --- The teacher's pass -----------------------------------------------------------------------


def counted(real, counter):
    return lambda: FakeTeacher(real, lambda texts: (counter.extend(texts), real.encode(texts))[1])


def test_folds_share_the_pass(tiny_teacher, tmp_path):
    real, read = load_files(find_teacher(tiny_teacher)), []
    texts = random_texts(1000)
    for start in (0, 200, 400):
        text_vectors(texts[start : start + 600], counted(real, read), "f", folder=tmp_path)
    assert sorted(read) == sorted(texts)
    forget_texts()  # as in another process
    vectors = text_vectors(texts, counted(real, read), "f", folder=tmp_path)
    assert len(read) == 1000
    np.testing.assert_allclose(vectors, real.encode(texts), atol=1e-5)


def test_a_killed_pass_is_resumed(tiny_teacher, tmp_path, monkeypatch):
    monkeypatch.setattr(text_vectors_module, "PIECE", 100)
    real, read, texts = load_files(find_teacher(tiny_teacher)), [], random_texts(1000)

    def killed(n_texts):
        if n_texts and len(read) >= 800:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        text_vectors(texts, counted(real, read), "f", folder=tmp_path, progress=killed)
    assert len(read) == 800
    forget_texts()
    text_vectors(texts, counted(real, read), "f", folder=tmp_path)
    assert sorted(read) == sorted(texts)


def test_a_damaged_piece_is_read_again(tiny_teacher, tmp_path):
    real, read, texts = load_files(find_teacher(tiny_teacher)), [], random_texts(300)
    expected = text_vectors(texts, counted(real, read), "f", folder=tmp_path)
    (file,) = tmp_path.rglob("*.arrays")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    forget_texts()
    np.testing.assert_array_equal(
        text_vectors(texts, counted(real, read), "f", folder=tmp_path), expected
    )
    assert len(read) == 600
