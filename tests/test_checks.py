"""The checks of arguments that every room shares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skm2v import _checks as checks


@given(st.integers(-(2**31), 2**31 - 1), st.sampled_from([int, np.int32, np.int64]))
def test_integers_of_python_and_numpy_are_the_same(value, kind):
    assert checks.is_integer(kind(value))
    assert checks.is_number(kind(value))
    assert checks.is_count(kind(value), 5) == (value >= 5)


@pytest.mark.parametrize("value", [True, np.True_, 1.0, np.float32(1), "1", None, [1]])
def test_what_is_no_integer(value):
    assert not checks.is_integer(value)
    assert not checks.is_count(value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, True, "1", None, 1j])
def test_what_is_no_number(value):
    assert not checks.is_number(value)


@pytest.mark.parametrize(
    ("check", "good", "bad", "message"),
    [
        (checks.check_flag, [True, np.False_], [1, None, "yes"], "x must be True or False; got"),
        (
            lambda name, value: checks.check_length(value, name),
            [None, 1, np.int64(7), 2**31 - 1],
            [0, -1, True, 2.0, "7", 2**31],
            r"x must be a positive integer below 2\*\*31 or None; got",
        ),
        (
            lambda name, value: checks.check_n_jobs(value, name),
            [None, 1, -1, np.int32(3)],
            [0, True, 1.5, "2"],
            "x must be a number of threads, -1 for all cores, or None; got",
        ),
        (
            lambda name, value: checks.check_choice(name, value, ("a",)),
            ["a"],
            ["b"],
            "x must be 'a'; got",
        ),
        (
            lambda name, value: checks.check_choice(name, value, ("a", "b")),
            ["a", "b"],
            ["c"],
            "x must be 'a' or 'b'; got",
        ),
        (
            lambda name, value: checks.check_choice(name, value, ("a", "b", "c")),
            ["a", "c"],
            ["d", "", None, ["a"], np.array(["a", "b"])],
            "x must be 'a', 'b' or 'c'; got",
        ),
    ],
    ids=["flag", "length", "n_jobs", "one choice", "two choices", "choice"],
)
def test_a_check_returns_python_values_or_names_the_parameter(check, good, bad, message):
    for value in good:
        checked = check("x", value)
        assert checked == value
        assert type(checked).__module__ == "builtins"
    for value in bad:
        with pytest.raises(ValueError, match=message):
            check("x", value)


@given(st.lists(st.text(), max_size=30), st.integers(1, 8))
def test_some_quotes_the_first_and_counts_the_rest(values, limit):
    told = checks.some(values, limit)
    rest = len(values) - limit
    quoted = ", ".join(map(repr, values[:limit]))
    assert told == (f"{quoted} and {rest} more" if rest > 0 else quoted)


def test_some_quotes_five_and_items_of_arrays_as_those_of_python():
    assert checks.some(range(5)) == "0, 1, 2, 3, 4"
    assert checks.some(np.arange(7)) == "0, 1, 2, 3, 4 and 2 more"


def test_the_default_that_is_no_value_says_what_it_means():
    assert repr(checks.MODEL_DEFAULT) == "<the model's>"
