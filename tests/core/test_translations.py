"""German, French and Italian translations are complete and keep their placeholders."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import django.contrib.admin
import django.contrib.auth
import oauth2_provider.models
import pytest
import unfold
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from django.conf import settings
from django.urls import reverse

from core import third_party_messages

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
LANGUAGES = [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[sd]|\{[^}]*\}")


@pytest.fixture(scope="module")
def said() -> Catalog:
    """The messages in the code, extracted like `make messages` does."""
    with (ROOT / "babel.cfg").open() as mapping:
        methods, options = parse_mapping_cfg(mapping)
    catalog = Catalog()
    for _file, _line, text, _comments, context in extract_from_dir(ROOT, methods, options):
        catalog.add(text, context=context)
    return catalog


@pytest.fixture(scope="module", params=LANGUAGES)
def translated(request) -> Catalog:
    with (ROOT / "locale" / request.param / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file, locale=request.param)


def texts(catalog: Catalog) -> Iterator[Message]:
    return (message for message in catalog if message.id)


def names(messages) -> set[tuple]:
    return {(message.context, message.id) for message in messages}


def forms(texts_of_a_message) -> tuple[str, ...]:
    return texts_of_a_message if isinstance(texts_of_a_message, tuple) else (texts_of_a_message or "",)


def placeholders(text: str) -> Counter[str]:
    return Counter(PLACEHOLDER.findall(text))


def test_the_code_says_something_in_python_and_in_templates(said):
    known = {message.id for message in texts(said)}
    assert {
        "There is no such address.",
        "Client master data under four-eyes control",
        "Your verification key is %(key)s. It is valid for %(minutes)s minutes.",
        "Review of change request #%(id)s",
        "Proposed value",
    } <= known


def test_every_text_is_translated(said, translated):
    assert names(texts(said)) - names(texts(translated)) == set(), "`make messages` adds them to the catalog"
    assert [message.id for message in texts(translated) if not all(forms(message.string))] == []


def test_third_party_messages_are_still_theirs():
    """If a third-party message has changed, our translation of the old text no longer applies."""
    roots = [Path(package.__path__[0]) for package in (unfold, django.contrib.admin, django.contrib.auth)]
    files = [path for root in roots for kind in ("*.html", "*.py") for path in root.rglob(kind)]
    files.append(Path(oauth2_provider.models.__file__))
    # Join implicitly concatenated literals.
    theirs = re.sub(r"""["']\s*\n\s*["']""", "", "\n".join(path.read_text() for path in files))
    listed = third_party_messages.UNFOLD + third_party_messages.DJANGO + third_party_messages.OAUTH
    assert [text for text in listed if text not in theirs] == []


def test_no_translation_is_a_guess(translated):
    assert [message.id for message in texts(translated) if message.fuzzy] == []


def test_no_text_is_kept_that_the_code_no_longer_says(said, translated):
    assert names(texts(translated)) - names(texts(said)) == set(), "`make messages` removes them from the catalog"
    assert list(translated.obsolete) == []


def test_a_translation_has_the_placeholders_of_its_text(translated):
    wrong = [
        message.id
        for message in texts(translated)
        if not message.pluralizable and placeholders(message.id) != placeholders(message.string)
    ]
    assert wrong == []


def test_texts_that_count_have_every_plural_form_of_the_language(translated):
    for message in texts(translated):
        if message.pluralizable:
            one, *_between, many = forms(message.string)
            assert len(forms(message.string)) == translated.num_plurals, message.id
            assert placeholders(one) <= placeholders(message.id[1]), message.id
            assert placeholders(many) == placeholders(message.id[1]), message.id


NO_SUCH_ADDRESS = {
    "en": "There is no such address.",
    "de": "Diese Adresse gibt es nicht.",
    "fr": "Cette adresse n’existe pas.",
    "it": "Questo indirizzo non esiste.",
}


@pytest.mark.django_db
class TestThroughHttp:
    @pytest.mark.parametrize(("language", "message"), NO_SUCH_ADDRESS.items())
    def test_an_unknown_address_is_told_in_the_language_that_was_asked_for(self, anonymous, language, message):
        assert anonymous.get(f"/nothing?language={language}").json["message"] == message
        assert anonymous.get("/nothing", accept_language=language).json["message"] == message

    def test_swiss_german_is_served_german(self, anonymous):
        assert anonymous.get("/nothing?language=de-CH").json["message"] == NO_SUCH_ADDRESS["de"]

    @pytest.mark.parametrize(
        ("language", "message"),
        [
            ("en", "There is no list “fruit”."),
            ("de", "Es gibt keine Liste «fruit»."),
            ("fr", "Il n’existe pas de liste «\N{NO-BREAK SPACE}fruit\N{NO-BREAK SPACE}»."),
            ("it", "Non esiste un elenco «fruit»."),
        ],
    )
    def test_a_message_says_what_it_is_about_in_every_language(self, app, language, message):
        answer = app.post(f"/v1.0/lists/fruit/search?language={language}", {})
        assert (answer.status, answer.json["message"]) == (404, message)

    @pytest.mark.parametrize(
        ("language", "button"), [("en", "Log in"), ("de", "Anmelden"), ("fr", "Se connecter"), ("it", "Accedi")]
    )
    def test_people_log_in_in_their_language(self, client, language, button):
        page = client.get(f"{reverse(settings.LOGIN_URL)}?language={language}").content.decode()
        assert f'<button type="submit">{button}</button>' in page
        assert f'<html lang="{language}">' in page
