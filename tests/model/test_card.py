"""Cards: what is read of others', and whose are replaced."""

from __future__ import annotations

import os

import numpy as np
import pytest

from skm2v import ModelConfig, StaticModel
from skm2v._model.front_matter import CardFacts, parse_card, read_card
from tests import tiny
from tests.model.forge import tiny_model


@pytest.mark.parametrize(
    ("front", "facts"),
    [
        ("license: mit\nlanguage: en", CardFacts("mit", ("en",))),
        ("license: 'apache-2.0'\nlanguage:\n- en\n- 'de'", CardFacts("apache-2.0", ("en", "de"))),
        (
            "language:\n  - en  # English\n  - fr\nlicense: mit # ours",
            CardFacts("mit", ("en", "fr")),
        ),
        ('language: [en, "zh-Hant", no]\ntags: [a]', CardFacts(None, ("en", "zh-Hant", "no"))),
        ("license:\n- mit\n- apache-2.0", CardFacts("mit, apache-2.0")),
        ("base_model: BAAI/bge-m3", CardFacts(base_model="BAAI/bge-m3")),
        ("base_model:\n- a/b\n- c/d\ntags:\n- license: no", CardFacts(base_model="a/b")),
        ("base_model: unknown\nlicense: null\nlanguage: ~", CardFacts()),
        ("model-index:\n  - license: mit\nwidget:\n- text: 'language: xx'", CardFacts()),
        ("license: |\n  of my own", CardFacts("|")),
        ("language:\n\n# a list\n- en", CardFacts(None, ("en",))),
        ("", CardFacts()),
    ],
)
def test_front_matter(front, facts):
    assert parse_card(f"---\n{front}\n---\nlicense: of the text\n") == facts


@pytest.mark.parametrize(
    "text", ["", "license: mit", "# A\n---\nlicense: mit\n---\n", "\n---\nlicense: mit"]
)
def test_what_is_no_front_matter_declares_nothing(text):
    assert parse_card(text) == CardFacts()


def test_front_matter_that_never_ends_is_read_to_the_end():
    assert parse_card("---\nlicense: mit") == CardFacts("mit")
    assert parse_card("---\nlicense: mit\n...\nlanguage: en") == CardFacts("mit")


def test_a_card_of_ours_is_read_as_it_was_written(tmp_path):
    config = ModelConfig(teacher="owner/name", licence='a "b", c', language=("en", "de"))
    model = StaticModel(tiny.tiny_table(dim=2), tiny.tiny_tokenizer(), config=config)
    model.save_pretrained(tmp_path)
    assert read_card(tmp_path) == CardFacts('a "b", c', ("en", "de"), "owner/name")


def test_a_card_that_cannot_be_read_declares_nothing(tmp_path):
    assert read_card(tmp_path) == CardFacts()
    card = tmp_path / "README.md"
    card.write_bytes(b"---\nlicense: \xff\n---")
    assert read_card(tmp_path) == CardFacts()
    card.unlink()
    card.mkdir()
    assert read_card(tmp_path) == CardFacts()


def test_a_card_of_the_user_is_never_replaced(tmp_path):
    card = tmp_path / "README.md"
    card.write_text("# My model\n\nDo not touch.\n")
    tiny_model().save_pretrained(tmp_path)
    assert card.read_text() == "# My model\n\nDo not touch.\n"
    assert StaticModel.from_pretrained(tmp_path) == tiny_model()


def test_a_card_of_ours_is_replaced_until_somebody_edits_it(tmp_path):
    card = tmp_path / "README.md"
    tiny_model().save_pretrained(tmp_path)
    first = card.read_text(encoding="utf-8")
    tiny_model(dtype="int8").save_pretrained(tmp_path)
    second = card.read_text(encoding="utf-8")
    assert "float32" in first and "int8" in second
    edited = second.replace("# Static text embeddings", "# Embeddings of the archive")
    card.write_text(edited, encoding="utf-8")
    tiny_model().save_pretrained(tmp_path)
    assert card.read_text(encoding="utf-8") == edited
    # A line below the last is an edit, too.
    card.write_text(second + "\nSee also the wiki.\n", encoding="utf-8")
    tiny_model().save_pretrained(tmp_path)
    assert card.read_text(encoding="utf-8").endswith("wiki.\n")


def test_what_is_no_card_stays_where_it_is(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "README.md").mkdir()
    tiny_model().save_pretrained(tmp_path / "folder")
    assert (tmp_path / "folder" / "README.md").is_dir()
    (tmp_path / "link").mkdir()
    os.symlink("/nowhere/at/all", tmp_path / "link" / "README.md")
    tiny_model().save_pretrained(tmp_path / "link")
    assert np.array_equal(
        StaticModel.from_pretrained(tmp_path / "link").embedding, tiny_model().embedding
    )
