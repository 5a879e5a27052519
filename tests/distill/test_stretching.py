"""`stretch`: distances along directions that are learned from words with values."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skm2v import StaticEmbedder, StaticModel, distill
from skm2v._cli.main import _parser, main
from skm2v._distillation.fitting.stretching import learned
from skm2v._model.config import ModelConfig, Stretch
from skm2v.datasets import default_model_path, load_valence
from skm2v.exceptions import ModelFormatError, TextWarning
from tests import tiny
from tests.distill.test_adapting import random_texts, vectors_of

WORDS = list(tiny.WORDS)


@pytest.fixture(scope="module")
def model(tiny_teacher):
    return distill(tiny_teacher, pca_dims=16, quantize_to="float32")


@pytest.fixture(scope="module")
def axis(model):
    """Words with values that a direction of the table tells, but for some noise."""
    rng = np.random.default_rng(0)
    direction = rng.normal(size=model.dim)
    values = model.encode(WORDS) @ direction
    return WORDS, values + 0.05 * values.std() * rng.normal(size=len(values))


@pytest.fixture(scope="module")
def default():
    return StaticModel.from_pretrained(default_model_path())


def direction_of(stretched):
    return np.array(stretched.config.stretches[-1].axis)


# --- What it does -----------------------------------------------------------------------------


def test_a_direction_is_found_again(rng):
    vectors = rng.normal(size=(400, 12))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    truth = rng.normal(size=12)
    values = vectors @ truth
    direction, correlation = learned(vectors, values)
    assert correlation > 0.99
    assert abs(np.linalg.norm(direction) - 1) < 1e-5
    assert direction @ truth / np.linalg.norm(truth) > 0.99
    _, by_chance = learned(vectors, rng.normal(size=400))
    assert abs(by_chance) < 0.2


def test_rows_grow_along_the_axis_and_nowhere_else(model, axis):
    stretched = model.stretch({"made up": (*axis, 2.0)})
    u = direction_of(stretched)
    before, after = vectors_of(model), vectors_of(stretched)
    np.testing.assert_allclose(after @ u, 2 * (before @ u), atol=1e-5)
    across = np.eye(model.dim) - np.outer(u, u)
    np.testing.assert_allclose(after @ across, before @ across, atol=1e-5)
    (done,) = stretched.config.stretches
    assert (done.name, done.factor, done.n_words) == ("made up", 2.0, len(WORDS))
    assert done.correlation > 0.6
    assert model.config.stretches == ()


def test_the_inverse_of_a_stretch_undoes_it(model, axis):
    whole = model.stretch({"made up": (*axis, 1.7)}).config.stretches[0]
    for one in (whole, whole.first(5)):
        both = one.matrix() @ one.matrix(inverse=True)
        np.testing.assert_allclose(both, np.eye(len(one.axis)), atol=1e-12)


def test_axes_are_taken_one_after_the_other(model, axis):
    words, values = axis
    other = np.random.default_rng(1).normal(size=model.dim)
    axes = {"one": (words, values, 2.0), "two": (words, model.encode(words) @ other, 0.5)}
    at_once = model.stretch(axes)
    in_turn = model.stretch({"one": axes["one"]}).stretch({"two": axes["two"]})
    assert [done.name for done in at_once.config.stretches] == ["one", "two"]
    np.testing.assert_allclose(vectors_of(at_once), vectors_of(in_turn), atol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "float64", "int8"])
def test_every_number_type_is_kept(model, axis, dtype):
    narrow = model.quantized(dtype).stretch({"made up": (*axis, 2.0)})
    assert narrow.embedding.dtype == dtype
    exact = vectors_of(model.stretch({"made up": (*axis, 2.0)}))
    error = np.abs(vectors_of(narrow) - exact).max() / np.abs(exact).max()
    assert error < (0.02 if dtype == "int8" else 2e-3)


def test_shared_rows_and_pairs_are_stretched_too(model, tiny_teacher, axis):
    shared = model.clustered(40).quantized("int8")
    stretched = shared.stretch({"made up": (*axis, 2.0)})
    np.testing.assert_array_equal(stretched.mapping, shared.mapping)
    matrix = stretched.config.stretches[0].matrix()
    exact = vectors_of(shared) @ matrix
    assert np.abs(vectors_of(stretched) - exact).max() < 0.02 * np.abs(exact).max()
    texts = random_texts(2500, seed=3, words=tiny.WORDS)
    options = {"objective": "sentences", "corpus": texts, "ngram_range": (1, 2), "pca_dims": 16}
    paired = distill(tiny_teacher, quantize_to="int8", **options)
    assert len(paired.pairs)
    stretched = paired.stretch({"made up": (*axis, 2.0)})
    matrix = stretched.config.stretches[0].matrix()
    exact = vectors_of(paired) @ matrix
    assert np.abs(vectors_of(stretched) - exact).max() < 0.02 * np.abs(exact).max()


def test_nothing_to_do_is_the_same_model(model):
    assert model.stretch({}) is model


# --- What comes after it ----------------------------------------------------------------------


def test_new_words_are_put_into_the_stretched_space(model, axis, tiny_teacher):
    stretched = model.stretch({"made up": (*axis, 2.0)})
    new = ["remdesivir", "long covid"]
    late = stretched.extend(new, tiny_teacher)
    early = model.extend(new, tiny_teacher)
    expected = vectors_of(early)[-2:] @ stretched.config.stretches[0].matrix()
    np.testing.assert_allclose(vectors_of(late)[-2:], expected, atol=1e-4)


def test_adapting_works_in_the_space_before(model, axis, tiny_teacher):
    """Rows that move are stretched as those that stay."""
    texts = random_texts(1500)
    stretched = model.stretch({"made up": (*axis, 2.0)})
    late = stretched.adapt(texts, tiny_teacher)
    early = model.adapt(texts, tiny_teacher)
    assert late.config.adaptations == early.config.adaptations
    expected = vectors_of(early) @ stretched.config.stretches[0].matrix()
    np.testing.assert_allclose(vectors_of(late), expected, atol=1e-3 * np.abs(expected).max())
    assert late.config.stretches == stretched.config.stretches


def test_adapting_may_stretch(model, axis, tiny_teacher):
    texts, embedder = random_texts(1500), StaticEmbedder(model).fit(["a"])
    embedder.adapt(texts, model_name=tiny_teacher, stretch={"made up": (*axis, 2.0)})
    at_once = embedder.model_
    in_turn = model.adapt(texts, tiny_teacher).stretch({"made up": (*axis, 2.0)})
    assert at_once == in_turn
    assert model.adapt(texts, tiny_teacher, stretch={"made up": (*axis, 2.0)}) == in_turn
    done = embedder.fit_report_["adaptation"]["stretch"]["made up"]
    assert done["factor"] == 2.0
    assert done["correlation"] > 0.6


def test_fewer_columns_keep_what_is_left_of_the_axis(model, axis):
    cut = model.stretch({"made up": (*axis, 2.0)}).with_dimensions(6)
    (done,) = cut.config.stretches
    assert len(done.axis) == 6
    assert np.linalg.norm(done.axis) <= 1


def test_it_is_saved(model, axis, tmp_path, capsys):
    stretched = model.stretch({"made up": (*axis, 2.0)})
    assert pickle.loads(pickle.dumps(stretched)) == stretched
    stretched.save_pretrained(tmp_path)
    loaded = StaticModel.from_pretrained(tmp_path)
    assert loaded == stretched
    assert loaded.config.stretches == stretched.config.stretches
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert f"| Stretched along | made up: 2 times, learned from {len(WORDS)} words" in card
    assert main(["info", str(tmp_path)]) == 0
    assert f"made up: 2 times, learned from {len(WORDS)} words" in capsys.readouterr().out
    assert "stretches" not in model.config.to_dict()  # hashes of other models stay
    values = stretched.config.to_dict()
    (one,) = values["stretches"]
    for wrong in (
        "text",
        [3],
        [{**one, "factor": 0}],
        [{**one, "factor": True}],
        [{**one, "axis": [2.0]}],
        [{**one, "axis": ["a"]}],
        [{**one, "name": None}],
        [{**one, "n_words": -1}],
        [{**one, "more": 1}],
    ):
        with pytest.raises(ModelFormatError, match="stretch"):
            ModelConfig.from_dict({**values, "stretches": wrong})


def test_an_axis_of_other_columns_is_refused(model, axis):
    stretched = model.stretch({"made up": (*axis, 2.0)})
    with pytest.raises(ModelFormatError, match="'made up' has 16 numbers, the table 5 columns"):
        StaticModel(stretched.embedding[:, :5], stretched.text_tokenizer, config=stretched.config)


# --- As a step of the recipe ------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("objective", ["sentences", "tokens"])
def test_the_recipes_stretch_their_result(tiny_teacher, axis, objective, dtype):
    texts = random_texts(1500, words=tiny.WORDS) if objective == "sentences" else None
    options = {"objective": objective, "pca_dims": 16, "quantize_to": dtype}
    stretch = {"made up": (*axis, 1.5)}
    plain = distill(tiny_teacher, corpus=texts, **options)
    made = distill(tiny_teacher, corpus=texts, stretch=stretch, **options)
    assert made == plain.stretch(stretch)
    assert made.config.stretches


def test_an_embedder_stretches_what_it_distils(tiny_teacher, axis):
    texts = random_texts(1500, words=tiny.WORDS)
    embedder = StaticEmbedder(
        str(tiny_teacher), objective="sentences", pca_dims=16, stretch={"made up": (*axis, 1.5)}
    )
    assert clone(embedder).get_params()["stretch"].keys() == {"made up"}
    embedder.fit(texts)
    done = embedder.fit_report_["stretch"]["made up"]
    assert (done["factor"], done["n_words"]) == (1.5, len(WORDS))
    assert copy.deepcopy(embedder).model_ == embedder.model_


def test_too_few_texts_are_no_reason_to_stretch_twice(tiny_teacher, axis):
    options = {"objective": "sentences", "pca_dims": 16, "stretch": {"made up": (*axis, 1.5)}}
    with pytest.warns(TextWarning, match="needs at least"):
        made = distill(tiny_teacher, corpus=["one", "two"], **options)
    assert len(made.config.stretches) == 1


def test_an_embedder_stretches_a_static_model(model, axis):
    """In the columns that are left."""
    stretch = {"made up": (*axis, 1.5)}
    embedder = StaticEmbedder(model, pca_dims=8, stretch=stretch).fit(["a text"])
    assert embedder.model_ == model.with_dimensions(8).stretch(stretch)
    assert embedder.fit_report_["stretch"]["made up"]["factor"] == 1.5
    assert "stretch" not in StaticEmbedder(model).fit(["a text"]).fit_report_


def test_a_search_tries_factors(model, axis):
    """As a parameter of a pipeline's step, on texts whose labels are the two ends of the axis."""
    words, values = axis
    labels = values > np.median(values)
    pipeline = make_pipeline(StaticEmbedder(model), LogisticRegression())
    choices = [None, *({"made up": (words, values, factor)} for factor in (1.5, 3.0))]
    search = GridSearchCV(pipeline, {"staticembedder__stretch": choices}, cv=3).fit(words, labels)
    scores = search.cv_results_["mean_test_score"]
    assert len(scores) == 3
    assert scores[2] >= scores[0]


def test_the_command_stretches(tiny_teacher, tmp_path):
    # No axis that needs no words is known to the words of the tiny teacher.
    assert main(["distill", str(tiny_teacher), str(tmp_path / "out"), "--stretch", "mood=2"]) == 2
    with pytest.raises(SystemExit):
        main(["distill", str(tiny_teacher), str(tmp_path / "out"), "--stretch", "valence"])
    parsed = _parser(["distill"]).parse_args(
        ["distill", "teacher", "output", "--stretch", "valence=1.5", "--stretch", "mood=2"]
    )
    assert parsed.stretch == [("valence", 1.5), ("mood", 2.0)]


# --- What is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        (3, "stretch must be a mapping"),
        (["valence"], "stretch must be a mapping"),
        ({1: 2.0}, "names that are strings"),
        ({"mood": 2.0}, r"none of the axes that need no words: \['valence'\]"),
        ({"valence": 0}, "positive number; got 0"),
        ({"valence": float("inf")}, "positive number; got inf"),
        ({"valence": "much"}, "positive number; got 'much'"),
        ({"valence": True}, "positive number; got True"),
        ({"mood": (WORDS, np.ones(len(WORDS)))}, "got 2 items"),
        ({"mood": (WORDS, np.ones(3), 2.0)}, "a finite value for each"),
        ({"mood": (WORDS, ["a"] * len(WORDS), 2.0)}, "must be numbers"),
        ({"mood": (WORDS, np.ones(len(WORDS)), 2.0)}, "needs different values; all are 1.0"),
        ({"mood": (WORDS[:20], np.arange(20.0), 2.0)}, "at least 50 words .*; got 20 of 20"),
    ],
)
def test_what_makes_no_axis_is_refused(model, axes, message):
    with pytest.raises(ValueError, match=message):
        model.stretch(axes)


def test_bounds_are_checked_before_a_teacher_is_looked_for(model):
    for wrong in ({"mood": 2.0}, {"valence": -1.0}):
        with pytest.raises(ValueError, match="stretch"):
            StaticEmbedder("./no such folder", stretch=wrong).fit(["a text"])
        with pytest.raises(ValueError, match="stretch"):
            model.adapt(["a text"], "./no such folder", stretch=wrong)


def test_an_axis_that_the_table_does_not_tell_is_left_alone(model):
    noise = np.random.default_rng(5).normal(size=len(WORDS))
    with pytest.warns(TextWarning, match="does not tell 'noise'.*not stretched"):
        assert model.stretch({"noise": (WORDS, noise, 2.0)}) is model


# --- Valence ----------------------------------------------------------------------------------


def test_valence_has_words_and_ratings():
    words, valence = load_valence(return_X_y=True)
    assert len(words) == len(set(words)) == len(valence) == 7217
    assert words == sorted(words)
    assert -4 <= valence.min() < -3 < 3 < valence.max() <= 4
    assert valence[words.index("excellent")] > 2 > -2 > valence[words.index("horrible")]
    data = load_valence()
    assert data.data == words
    assert "MIT" in data.DESCR


def test_praise_and_blame_come_apart(default):
    stretched = default.stretch({"valence": 2})
    assert stretched.config.stretches[-1].correlation > 0.7
    texts = ["a wonderful film", "a dreadful film", "the film of last night"]
    before, after = (m.encode(texts) @ m.encode(texts).T for m in (default, stretched))
    assert after[0, 1] < before[0, 1] - 0.1
    # Two new words stand on the two sides that they should.
    good, bad = (stretched.encode(w, normalize=False) for w in ("delightful", "disgusting"))
    u = direction_of(stretched)
    assert good @ u > 0 > bad @ u


def test_a_stretch_is_read_back_from_plain_data():
    one = Stretch("a", 2.0, (0.6, 0.8), 60, 0.5)
    config = ModelConfig(stretches=(one,))
    assert ModelConfig.from_dict(config.to_dict()) == config
    assert str(one) == "a: 2 times, learned from 60 words, correlation 0.50"
