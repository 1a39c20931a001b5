"""Texts are shown so that different ones look different."""

import unicodedata
from collections.abc import Iterator

import pytest
from confusable_homoglyphs.confusables import confusables_data

from core.templatetags.visible_text import visible
from core.visible_text import differences, in_plain_text, segments, skeleton

LATIN_NAMES = ["Müller", "Nägeli", "Lefèvre", "Di Rocco", "O'Neil", "Şahin", "Sørensen", "Nguyễn", "Łukasz", "John 3rd"]
NAMES_IN_ONE_SCRIPT = [
    "Иванов",
    "Παπαδόπουλος",
    "山田 タロウ",
    "김민준",
    "محمد",
    "דוד",
    "Иван Müller",
    "Müller (Мюллер)",
]
BIDI_CONTROLS = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}


def _marked(text: str) -> list[str]:
    return [part.names for part in segments(text) if part.names]


def _unseen_characters() -> Iterator[str]:
    """Yield every format character, direction control and space but the usual one."""
    for character in map(chr, range(0x110000)):
        category = unicodedata.category(character)
        if character != " " and (category in {"Cf", "Zs"} or unicodedata.bidirectional(character) in BIDI_CONTROLS):
            yield character


def test_every_character_that_is_not_seen_is_marked_and_named() -> None:
    unmarked = [hex(ord(one)) for one in _unseen_characters() if not _marked(f"Mül{one}ler")]
    assert unmarked == []
    assert _marked("Mül\u200bler") == ["U+200B ZERO WIDTH SPACE"]


@pytest.mark.parametrize("character", "\u3164\u2800\u034f\u115f\ufe0f\u0000\u0085\u2028\ue000\U000e0101")
def test_other_characters_without_a_shape_are_marked(character: str) -> None:
    assert len(_marked(f"Mül{character}ler")) == 1


@pytest.mark.parametrize(("text", "spaces"), [(" Anna", 1), ("Anna ", 1), ("Anna  Maria", 2), ("Anna Maria", 0)])
def test_spaces_at_the_ends_and_next_to_each_other_are_marked(text: str, spaces: int) -> None:
    assert _marked(text) == ["U+0020 SPACE"] * spaces


@pytest.mark.parametrize("name", [*LATIN_NAMES, *NAMES_IN_ONE_SCRIPT, "Line one\nLine two"])
def test_names_written_in_one_script_are_not_marked(name: str) -> None:
    assert _marked(name) == []


def test_a_letter_of_another_script_is_marked_within_its_word() -> None:
    assert _marked("Anna Müll\u0435r") == ["U+0435 CYRILLIC SMALL LETTER IE"]


@pytest.mark.parametrize("name", LATIN_NAMES)
def test_what_looks_like_a_name_is_recognized(name: str) -> None:
    """Every letter of the name, replaced by each character that Unicode calls confusable with it."""
    for place, letter in enumerate(name):
        for other in confusables_data.get(letter, ()):
            variant = name[:place] + other["c"] + name[place + 1 :]
            assert skeleton(name) == skeleton(variant), (name, variant)
            assert differences(name, variant)


def test_a_name_and_its_decomposed_form_look_alike() -> None:
    assert skeleton("Müller") == skeleton("Mu\u0308ller")
    assert differences("Müller", "Mu\u0308ller") == [
        (
            "U+00FC LATIN SMALL LETTER U WITH DIAERESIS",
            "U+0075 LATIN SMALL LETTER U, U+0308 COMBINING DIAERESIS",
        )
    ]


@pytest.mark.parametrize(("one", "other"), [("Müller", "Muller"), ("Meier", "Meyer"), ("", "A")])
def test_texts_that_look_different_are_not_taken_for_look_alikes(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


def test_marks_are_read_out_and_html_is_escaped() -> None:
    shown = visible("<b>\u200b")
    assert shown.startswith("<bdi>&lt;b&gt;<mark")
    assert "(U+200B ZERO WIDTH SPACE)" in shown
    assert "\u200b" not in shown


def test_a_mail_spells_marks_out() -> None:
    assert in_plain_text("Mül\u200bler and Müll\u0435r") == (
        "Mül[U+200B ZERO WIDTH SPACE]ler and Müll\u0435[U+0435 CYRILLIC SMALL LETTER IE]r"
    )
