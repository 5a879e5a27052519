"""The pages of errors and of log messages are complete, and say what the package says."""

from __future__ import annotations

import inspect
import logging

import pytest

import skm2v.evaluation
import skm2v.exceptions
from tests import messages, pages

ERRORS = pages.page("errors.md")
LOG = pages.section(pages.page("long_runs.md"), "Logging")
CLASSES = {
    name: value
    for module in (skm2v.exceptions, skm2v.evaluation)
    for name, value in vars(module).items()
    if name in module.__all__ and inspect.isclass(value) and issubclass(value, Exception)
}
RAISED = sorted({name for name, _ in messages.raised()} & set(CLASSES))
# The whole message is another error's, or made elsewhere.
QUOTING = {"...", "........."}
OF_FILES = QUOTING | {"...: ...", "... holds ...."}  # a path, and what is wrong with it
# One cause and one fix, whatever part of a file or model the message names.
OF_MANY = {"is damaged", "are damaged", "is truncated", "is not supported"}


def rows(heading: str) -> list[str]:
    found = pages.first_column(pages.section(ERRORS, heading))
    return [message for cell in found for message in cell]


def uncovered(
    templates: list[str], quoted: list[str], apart: frozenset[str] | set[str] = frozenset()
) -> list[str]:
    return [
        one
        for one in templates
        if one not in apart and not any(message in one for message in quoted)
    ]


def test_every_class_is_in_the_table_with_what_it_is():
    intro = ERRORS.partition("\n## ")[0]
    for name, value in CLASSES.items():
        [row] = [
            line for line in intro.splitlines() if line.startswith((f"| [`{name}`]", f"| `{name}`"))
        ]
        for base in value.__bases__:
            if base is not skm2v.exceptions.Skm2vError:
                assert f"`{base.__name__}`" in row.split("|")[2], row


@pytest.mark.parametrize("name", sorted(set(CLASSES) - {"Skm2vError"}))
def test_every_class_has_a_section_with_messages(name):
    assert rows(name)


def test_what_the_page_quotes_is_what_the_source_says():
    strings = messages.all_strings()
    headings = [line[3:] for line in ERRORS.splitlines() if line.startswith("## ")]
    quoted = [message for heading in headings for message in rows(heading)]
    assert len(quoted) > 100
    assert [message for message in quoted if message not in strings] == []


def test_errors_of_all_kinds_are_looked_at():
    warnings = {name for name, value in CLASSES.items() if issubclass(value, Warning)}
    assert set(RAISED) == set(CLASSES) - warnings - {"Skm2vError"}


@pytest.mark.parametrize("name", RAISED)
def test_no_message_is_left_out(name):
    templates = [text for one, text in messages.raised() if one == name]
    assert templates
    apart = OF_FILES if name == "ModelFormatError" else QUOTING
    assert uncovered(templates, rows(name), apart) == []


@pytest.mark.parametrize("name", RAISED)
def test_what_the_page_quotes_tells_messages_apart(name):
    templates = [text for one, text in messages.raised() if one == name]
    for message in rows(name):
        assert len(message.replace("...", "").strip()) >= 10, f"{message!r} is short"
        found = sum(message in one for one in templates)
        assert found <= 3 or message in OF_MANY, f"{message!r} is in {found} messages"


def test_no_warning_is_left_out():
    known = {
        "TextWarning": rows("TextWarning"),
        "VersionWarning": rows("VersionWarning"),
        "UserWarning": rows("Other warnings"),
    }
    # What texts lose is one warning of parts, which have a row each.
    parts = {"Of ... texts, ....": "skm2v._pooling.losses"}
    found = []
    for name, call in messages.calls():
        if name == "warn_user":
            category = call.args[1].id
            text = messages.template(call)
            assert text in parts or not uncovered([text], known[category]), text
            found.append(text)
        elif name in ("warnings.warn", "warnings.warn_explicit"):
            found.append(name)
    assert set(parts) < set(found)
    # One is `warn_user` itself, two are of `skm2v.testing`.
    assert sorted(text for text in found if text.startswith("warnings.")) == [
        "warnings.warn",
        "warnings.warn",
        "warnings.warn_explicit",
    ]


def test_no_log_message_is_left_out():
    quoted = [message for cell in pages.first_column(LOG) for message in cell]
    strings = messages.all_strings()
    assert [message for message in quoted if message not in strings] == []
    levels = {"debug", "info", "warning", "error", "critical", "exception", "log"}
    calls = [call for name, call in messages.calls() if name in {f"logger.{one}" for one in levels}]
    assert len(calls) > 10
    templates = [messages.template(call, 1 if call.func.attr == "log" else 0) for call in calls]
    assert uncovered(templates, quoted) == []


def test_the_page_of_errors_runs():
    pages.run("errors.md")


def test_the_page_of_long_runs_runs(monkeypatch):
    # It sets up logging, which is of the whole process.
    monkeypatch.setattr(logging, "basicConfig", lambda format: None)
    monkeypatch.setattr(logging.getLogger("skm2v"), "setLevel", lambda level: None)
    pages.run("long_runs.md")
