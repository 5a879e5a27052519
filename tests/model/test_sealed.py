"""What everything that is saved has in common: a document, arrays, a number and a hash."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from skm2v._model.sealed import Content, Seal
from skm2v._model.state import from_state, to_state
from skm2v._model.tensor_file import parse_tensors
from skm2v._strict_json import count_strings, parse_json
from skm2v.exceptions import ModelFormatError

CONTENT = Content({"name": "x", "list": [1, 2.5, None]}, {"rows": np.arange(6.0).reshape(2, 3)})


def read_v1(content, what):
    return {"read by": 1, **content.settings}


def read_v2(content, what):
    return {"read by": 2, **content.settings}


OLD = Seal("skm2v-thing", {1: read_v1})
NEW = Seal("skm2v-thing", {1: read_v1, 2: read_v2})


def read(seal, data):
    tensors, metadata = parse_tensors(data, what="the file")
    return seal.read(metadata[seal.key], tensors, what="the file")[0]


def test_every_format_keeps_its_reader():
    assert read(NEW, OLD.dump(CONTENT))["read by"] == 1
    assert read(NEW, NEW.dump(CONTENT))["read by"] == 2
    assert from_state(NEW, to_state(OLD, CONTENT), what="x")["read by"] == 1
    assert from_state(NEW, to_state(NEW, CONTENT), what="x")["read by"] == 2


def test_a_newer_format_is_an_error_that_says_upgrade():
    with pytest.raises(ModelFormatError, match="format 2; skm2v .* formats up to 1. Upgrade skm2v"):
        read(OLD, NEW.dump(CONTENT))
    with pytest.raises(ModelFormatError, match="format 2; skm2v .* formats up to 1. Upgrade skm2v"):
        from_state(OLD, to_state(NEW, CONTENT), what="x")


def test_the_hash_is_about_all_content_and_the_format():
    settings, tensors = CONTENT.settings, CONTENT.tensors
    others = [
        Content({**settings, "name": "y"}, tensors),
        Content(settings, {"row": tensors["rows"]}),
        Content(settings, {"rows": tensors["rows"].astype(np.float32)}),
        Content(settings, {"rows": tensors["rows"].reshape(3, 2)}),
        Content(settings, {"rows": -tensors["rows"]}),
        Content(settings, tensors, tokenizer="{}"),
    ]
    hashes = {CONTENT.sha256(2), *(content.sha256(1) for content in [CONTENT, *others])}
    assert len(hashes) == 8
    big_endian = Content(settings, {"rows": tensors["rows"].astype(">f8")})
    assert big_endian.sha256(1) == CONTENT.sha256(1)


def test_the_hash_is_what_the_guide_to_the_format_says():
    """Computed by hand, as another program would do it."""
    content = Content({"b": 1, "a": "é"}, {"x": np.array([1, 2], np.int32)}, "tok")
    by_hand = hashlib.sha256(
        b'{"a":"\\u00e9","b":1,"format":1}'
        b"\0tokenizer 3\0tok"
        b"\0x int32 (2,)\0" + bytes([1, 0, 0, 0, 2, 0, 0, 0])
    )
    assert content.sha256(1) == by_hand.hexdigest()


def test_strings_are_counted_as_the_parser_finds_them():
    for value in (
        {},
        {"a": "b"},
        ["", '"', "\\", '\\"', '"\\', "\\\\", "é\n\t"],
        {'"': {'\\"': ['"\\\\"']}},
        json.dumps({"inner": json.dumps({"most": 'q"'})}),
    ):
        text = json.dumps(value)

        def count(value) -> int:
            if isinstance(value, dict):
                return len(value) + sum(map(count, value.values()))
            return sum(map(count, value)) if isinstance(value, list) else isinstance(value, str)

        assert count_strings(text) == count(value), text


def test_too_many_strings_are_refused_before_they_are_parsed(monkeypatch):
    text = json.dumps([str(i) for i in range(101)])
    assert len(parse_json(text, what="x", max_strings=101)) == 101
    monkeypatch.setattr("skm2v._strict_json.json.loads", None)
    with pytest.raises(ModelFormatError, match="x has 101 strings; at most 100 are read"):
        parse_json(text, what="x", max_strings=100)


def test_objects_are_counted_while_they_are_read():
    assert parse_json("[{}, {}]", what="x", max_objects=2) == [{}, {}]
    with pytest.raises(ModelFormatError, match="x is not valid JSON: more than 2 objects"):
        parse_json("[{}, {}, {}]", what="x", max_objects=2)


def test_brackets_and_commas_are_counted_before_anything_is_read():
    assert parse_json("[[], {}]", what="x", max_structure=4) == [[], {}]
    with pytest.raises(ModelFormatError, match="x has 4 brackets and commas; at most 3 are read"):
        parse_json("[[], {}]", what="x", max_structure=3)


def test_an_integer_may_have_400_digits():
    assert parse_json("9" * 400, what="x") == int("9" * 400)
    with pytest.raises(ModelFormatError, match="an integer of 401 digits"):
        parse_json("9" * 401, what="x")


def test_a_repeated_key_is_named_in_linear_time():
    text = "{" + ",".join(f'"{i}":0' for i in range(200_000)) + ',"199999":0}'
    with pytest.raises(ModelFormatError, match="the key '199999' is repeated"):
        parse_json(text, what="x")


def test_what_could_not_be_read_again_is_not_written(monkeypatch):
    monkeypatch.setattr("skm2v._model.sealed.MAX_STRINGS", 20)
    many = Content({"names": [str(i) for i in range(30)]}, CONTENT.tensors)
    with pytest.raises(ValueError, match="can hold 20 names"):
        NEW.dump(many)
