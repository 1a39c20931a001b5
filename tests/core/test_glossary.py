"""The catalogs use the words of docs/words.md, and one word for each term."""

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]
SOURCE = settings.LANGUAGE_CODE
LANGUAGES = [code for code, _name in settings.LANGUAGES if code != SOURCE]
ENDING = 3  # letters of a word that cases and numbers change


def tables() -> list[list[list[str]]]:
    """The cells of the tables of the page, each without its head."""
    page = (ROOT / "docs" / "words.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    starts = [index - 1 for index, row in enumerate(rows) if set(row) == {"---"}]
    return [rows[start + 2 : end] for start, end in zip(starts, [*starts[1:], len(rows)], strict=True)]


TERMS, AVOIDED = tables()


def folded(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def stems(word: str) -> list[str]:
    return [part[: max(len(part) - ENDING, 2)] if len(part) > ENDING + 1 else part for part in folded(word).split()]


@pytest.fixture(scope="module")
def catalogs() -> dict[str, Catalog]:
    read = {}
    for language in LANGUAGES:
        with (ROOT / "locale" / language / "LC_MESSAGES" / "django.po").open("rb") as file:
            read[language] = read_po(file, locale=language)
    return read


def pairs(catalog: Catalog) -> Iterator[tuple[str, str]]:
    for message in catalog:
        if message.id:
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            texts = message.string if isinstance(message.string, tuple) else (message.string or "",)
            yield " ".join(ids), " ".join(texts)


@pytest.mark.parametrize("row", TERMS, ids=[row[0] for row in TERMS])
def test_a_term_has_its_word_in_every_language(row, catalogs):
    english, *words = row
    term = re.compile(rf"\b{english.removesuffix('y')}(y|s|ies)?\b", re.IGNORECASE)
    wrong = []
    for language, word in zip(("de", "fr", "it"), words, strict=True):
        found = [(text, said) for text, said in pairs(catalogs[language]) if term.search(text)]
        assert found, f"no text has {english}"
        wrong += [(text, said) for text, said in found if not all(stem in folded(said) for stem in stems(word))]
    assert wrong == []


@pytest.mark.parametrize("row", AVOIDED, ids=[f"{row[0]}-{row[1]}" for row in AVOIDED])
def test_an_avoided_word_does_not_occur(row, catalogs):
    language, avoided, _instead = row
    words = [folded(word) if word != "ß" else word for word in avoided.split(", ")]
    some = catalogs[LANGUAGES[0]] if language == SOURCE else catalogs[language]
    texts = [text if language == SOURCE else said for text, said in pairs(some)]
    assert [text for text in texts for word in words if word in (text if word == "ß" else folded(text))] == []
