"""ScoreTable and the sums of the pooler that it is made of."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skm2v._classification.scores import ScoreTable
from skm2v._pooling import PoolingTable, TextPooler, TextTokenizer
from skm2v._pooling.reference import ReferenceEngine
from skm2v.exceptions import ModelFormatError
from tests import tiny

from .conftest import make_pairs_model

TEXTS = [*tiny.SENTENCES, "", "中文 qqq", "the " * 700, "of to and bank card", "[UNK] [PAD]"]


@pytest.fixture(params=tiny.KINDS)
def pooler(request):
    return make_pairs_model(request.param).pooler


def by_reference(pooler: TextPooler) -> TextPooler:
    engine = ReferenceEngine(pooler.tokenizer, pooler.table)
    return TextPooler(pooler.tokenizer, pooler.table, engine)


@pytest.mark.parametrize("max_length", [None, 3])
def test_totals_are_means_times_tokens(pooler, max_length):
    ids, indptr = pooler.token_ids(TEXTS, max_length=max_length)
    mean = pooler.pool(TEXTS, max_length=max_length, normalize=False).vectors
    total = pooler.pool(TEXTS, max_length=max_length, normalize=False, total=True).vectors
    counts = np.diff(indptr)[:, np.newaxis]
    assert_allclose(total, mean * counts, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="either a total or normalized"):
        pooler.pool(TEXTS, max_length=max_length, normalize=True, total=True)


@pytest.mark.parametrize("max_length", [None, 3])
def test_kernel_and_reference_agree(pooler, max_length):
    reference = by_reference(pooler)
    actual = pooler.pool(TEXTS, max_length=max_length, normalize=False, total=True)
    expected = reference.pool(TEXTS, max_length=max_length, normalize=False, total=True)
    assert_allclose(actual.vectors, expected.vectors, rtol=2e-7)
    assert_array_equal(actual.truncated, expected.truncated)
    for one, other in zip(
        pooler.token_ids(TEXTS, max_length=max_length),
        reference.token_ids(TEXTS, max_length=max_length),
        strict=True,
    ):
        assert_array_equal(one, other)


def test_token_ids_are_those_that_count(pooler):
    ids, indptr = pooler.token_ids(TEXTS, max_length=5)
    unknown = pooler.tokenizer.unk_id
    for row, text in enumerate(TEXTS):
        wanted = [i for i in pooler.tokenizer.offsets(text)[0].tolist()[:5] if i != unknown]
        assert ids[indptr[row] : indptr[row + 1]].tolist() == wanted


@pytest.mark.parametrize("max_length", [1, 3, 5, None])
def test_a_text_that_just_fits_is_not_cut(pooler, max_length):
    ids, truncated, foreign = pooler.cut_token_ids(TEXTS, max_length=max_length)
    expected = pooler.pool(TEXTS, max_length=max_length, normalize=False).truncated
    assert_array_equal(truncated, expected)
    assert foreign.shape == (len(TEXTS),)
    assert_array_equal(ids.ids, pooler.token_ids(TEXTS, max_length=max_length).ids)


@pytest.fixture
def mixed():
    """A table of scores of both kinds of features, with two outputs and a pair."""
    tokenizer = TextTokenizer(tiny.tiny_tokenizer().to_str())
    rng = np.random.default_rng(0)
    v = len(tokenizer.tokens)
    rows = rng.normal(size=(v + 1, 6)).astype(np.float32)
    rows[:, 4:] = np.abs(rows[:, 4:])
    rows[v, [0, 1, 5]] = 0
    free, money = (tokenizer.vocabulary[word] for word in ("free", "money"))
    table = PoolingTable(rows, pairs=np.array([[free, money]], dtype=np.int32))
    return ScoreTable(tokenizer, table, rng.normal(size=2), "scaled", 50)


def test_decisions_by_hand(mixed):
    text = "free money money bank"
    free, money, bank = (mixed.tokenizer.vocabulary[word] for word in ("free", "money", "bank"))
    rows = mixed.table.rows[[free, money, money, bank, len(mixed.table.rows) - 1]].astype(float)
    total = rows.sum(axis=0)
    expected = mixed.intercept + total[:2] / np.sqrt(total[5]) + total[2:4] / np.sqrt(total[4])
    assert_allclose(mixed.decide([text]).values[0], expected, atol=1e-6)
    contributions = mixed.contributions(np.array([free, money, money, bank], dtype=np.int32))
    assert contributions.left.tolist() == [0]
    both = contributions.tokens.sum(axis=0) + contributions.pairs.sum(axis=0)
    assert_allclose(mixed.intercept + both, expected, atol=1e-12)


def test_threads_share_a_table(mixed):
    expected = mixed.decide(TEXTS).values
    fresh = pickle.loads(pickle.dumps(mixed))
    with ThreadPoolExecutor(8) as pool:
        for values in pool.map(lambda _: fresh.decide(TEXTS).values, range(64)):
            assert_array_equal(values, expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"form": "sum"}, "form must be one of"),
        ({"form": "mean"}, "2 outputs must have 3 columns; got 6"),
        ({"form": "unit"}, "coefficients if, and only if"),
        ({"intercept": np.zeros(3)}, "3 outputs must have 8 columns"),
        ({"intercept": np.zeros(0)}, "0 outputs"),
        ({"intercept": np.array([0, np.nan])}, "intercept must be finite"),
        ({"coef": np.zeros((6, 2))}, "coefficients if, and only if"),
        ({"form": "unit", "coef": np.zeros((5, 2))}, "coef must have the shape"),
        ({"form": "unit", "coef": np.full((6, 2), np.inf)}, "coef must be finite"),
    ],
    ids=str,
)
def test_tables_that_do_not_fit(mixed, change, message):
    fields = ("tokenizer", "table", "intercept", "form", "max_length", "coef")
    arguments = {name: getattr(mixed, name) for name in fields}
    with pytest.raises(ModelFormatError, match=message):
        ScoreTable(**{**arguments, **change})


def test_negative_squares_are_refused(mixed):
    rows = mixed.table.rows.copy()
    rows[3, 4] = -1
    with pytest.raises(ModelFormatError, match="must not be negative"):
        ScoreTable(
            mixed.tokenizer,
            PoolingTable(rows, pairs=mixed.table.pairs),
            mixed.intercept,
            mixed.form,
        )
