"""Text has one form, and one line of it has nothing that nobody sees."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.documents import canonical
from core.text import in_one_form, is_one_line, normalized, stray_characters, stray_message

DECOMPOSED = unicodedata.normalize("NFD", "Zürich")
NOTHING_VISIBLE = ["\u200b", "\u3164", "\u00ad", "\u2800", "\u115f", "\u034f", "\ufe0f", "\u2028", "\x85", " \u00a0 "]
STRAYS = {
    "\n": "U+000A",
    "\x00": "U+0000",
    "\x85": "U+0085",
    "\u2028": "U+2028 LINE SEPARATOR",
    "\u200b": "U+200B ZERO WIDTH SPACE",
    "\u00ad": "U+00AD SOFT HYPHEN",
    "\u202e": "U+202E RIGHT-TO-LEFT OVERRIDE",
    "\ue000": "U+E000",
    "\u0378": "U+0378",
    "\ud800": "U+D800",
    "\U000e0001": "U+E0001 LANGUAGE TAG",
}
NAMES = ["Zürich", "O'Neil", "نامه\u200cای", "क्\u200dष", "山田\u3000太郎", "Nguyễn", "김민준", "Anna\u00a0Maria"]


@pytest.mark.parametrize("text", NOTHING_VISIBLE)
def test_a_text_of_nothing_visible_is_empty(text: str) -> None:
    assert normalized(text) == ""


def test_text_is_composed_and_has_no_space_at_its_ends() -> None:
    assert normalized(f"\u2003{DECOMPOSED}\t\n") == "Zürich"
    assert normalized("ﬁ ²") == "ﬁ ²"  # not by compatibility, which changes what it says


@pytest.mark.parametrize(("character", "name"), STRAYS.items())
def test_one_line_has_no_character_that_nobody_sees(character: str, name: str) -> None:
    text = f"Zür{character}ich"
    assert not is_one_line(text)
    assert list(stray_characters(text)) == [3]
    assert stray_message(text).endswith(f"character 4 is {name}.")


@pytest.mark.parametrize("text", ["\u200dAnna", "1\u200d", "क्\u200d\u200dष", " \u0301\u200c"])
def test_a_joiner_that_follows_no_letter_is_refused(text: str) -> None:
    assert not is_one_line(text)


@pytest.mark.parametrize("text", NAMES)
def test_names_of_any_script_are_accepted_as_they_are(text: str) -> None:
    assert is_one_line(text)
    assert normalized(text) == text


@given(st.text())
def test_the_form_is_one(text: str) -> None:
    form = normalized(text)
    assert normalized(form) == form
    assert normalized(f" {unicodedata.normalize('NFD', text)}\n") == form


def test_the_form_reaches_every_text_of_a_document_but_no_key() -> None:
    document = {DECOMPOSED: [f" {DECOMPOSED}", {"a": f"{DECOMPOSED} ", "b": 1, "c": None}], "d": True}
    assert in_one_form(document) == {DECOMPOSED: ["Zürich", {"a": "Zürich", "b": 1, "c": None}], "d": True}
    assert canonical(document, objects=()) == in_one_form(document)


def test_what_is_stored_keeps_its_form_until_it_is_changed() -> None:
    stored = {"city": DECOMPOSED, "tags": [DECOMPOSED], "at": {"home": " x"}}
    assert canonical(stored, objects=(), stored=stored) == stored
    changed = {**stored, "city": f"{DECOMPOSED} West"}
    assert canonical(changed, objects=(), stored=stored)["city"] == "Zürich West"
