"""A name or an id is stored alike or refused alike at every door, and found again however it is spelled."""

import unicodedata
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.text import is_one_line, normalized
from tests.api import Api
from tests.browserless import sent_by
from tests.changerequests.policies import policy, set_policy
from tests.examples import examples
from tests.fixtures import details
from tests.importexport.importing import array, faults, synced

pytestmark = pytest.mark.django_db

# Storable text of few characters: JSON refuses surrogates, and PostgreSQL NUL, before any rule about text.
TEXTS = st.text(
    st.sampled_from("E1/ .äa\u0308\n\t\x85\u2028\u200b\u200d\u00ad\u3164\u2800\u034f\u00a0क\u094d\ue000")
    | st.characters(exclude_categories=["Cs"], exclude_characters="\x00"),
    max_size=6,
)
STRAY = "E\u200b1"
STRAY_MESSAGE = "This must be on one line, without control characters: character 2 is U+200B ZERO WIDTH SPACE."


def spellings(text: str) -> list[str]:
    return [text, unicodedata.normalize("NFD", text), f" {text} "]


def rolled_back(act: Callable[[], str | None]) -> str | None:
    """Return what an act stores, and undo it."""
    with transaction.atomic():
        found = act()
        transaction.set_rollback(True)
    return found


@pytest.fixture
def doors(make_contact, make_member, admin_of, app, entry, tmp_path) -> dict[str, Callable[[str], str | None]]:
    """Doors that give a contact an external id; each returns what is stored, None if it was refused."""
    member = make_member(is_superuser=True, sees_all_contacts=True)
    contact, browser = make_contact(), admin_of(member)

    def stored(of: Any = contact) -> str | None:
        return of.external_connections.values_list("external_id", flat=True).first()

    def by_rest(text: str) -> str | None:
        app.post(f"/v1.0/contacts/{contact.pk}/external-connections", {"externalId": text, "system": "CRM"})
        return stored()

    def by_form(text: str) -> str | None:
        address = f"/admin/contacts/contact/{contact.pk}/connections/add/"
        browser.post(address, {"system": "CRM", "external_id": text})
        return stored()

    def by_import(text: str) -> str | None:
        job = synced(array(entry(text, username="somebody")))
        found = type(contact).objects.filter(username="somebody").first()
        assert (found is None) == bool(job.failed)
        return None if found is None else stored(found)

    def by_command(text: str) -> str | None:
        file = tmp_path / "contacts.json"
        file.write_bytes(array(entry(text, username="somebody")))
        try:
            call_command("import_contacts", str(file), verbosity=0)
        except (CommandError, SystemExit):
            return None
        return stored(type(contact).objects.get(username="somebody"))

    return {"REST": by_rest, "form": by_form, "import": by_import, "command": by_command}


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=TEXTS)
def test_an_external_id_is_stored_or_refused_alike_at_every_door(doors, text):
    line = normalized(text)
    expected = line if line and is_one_line(line) else None
    assert {name: rolled_back(lambda door=door: door(text)) for name, door in doors.items()} == dict.fromkeys(
        doors, expected
    )


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS.map(normalized).filter(lambda text: bool(text) and is_one_line(text)))
def test_it_is_found_however_it_is_spelled(app, make_contact, text):
    with transaction.atomic():
        contact = make_contact()
        path = f"/v1.0/contacts/{contact.pk}/external-connections"
        assert app.post(path, {"externalId": text, "system": "Kernbank Zürich"}).status == 204
        for spelled in spellings(text):
            for system in spellings("Kernbank Zürich"):
                found = app.get(
                    f"/v1.0/contacts/external-connections/{quote(system, safe='')}/{quote(spelled, safe='')}"
                )
                assert found.json.get("id") == contact.pk, (system, spelled, found.json)
        transaction.set_rollback(True)


@pytest.fixture
def doors_of_details(
    make_contact, make_member, admin_of, app, entry, tmp_path
) -> dict[str, Callable[[str], str | None]]:
    """Doors that give a contact a title; each returns what is stored, None if it was refused or there is none."""
    set_policy(policy([], []))
    member = make_member(is_superuser=True, sees_all_contacts=True)
    contact, browser = make_contact(), admin_of(member)
    contact.external_connections.create(system="Default", external_id="E-1")
    edit = f"/admin/contacts/contact/{contact.pk}/edit/"

    def stored() -> str | None:
        contact.refresh_from_db()
        return contact.details["personalInformation"].get("title") or None

    def document(text: str) -> dict[str, Any]:
        return {"externalId": "E-1", "details": details(personalInformation={"title": text})}

    def by_rest(text: str) -> str | None:
        change = {"details": {"personalInformation": {"title": text}}}
        app.patch(f"/v1.0/contacts/{contact.pk}/details", change)
        return stored()

    def by_form(text: str) -> str | None:
        form = sent_by(browser.get(edit).content.decode())
        form["details.personalInformation.title"] = text
        browser.post(edit, form.urlencode(), content_type="application/x-www-form-urlencoded")
        return stored()

    def by_import(text: str) -> str | None:
        synced(array(document(text)))
        return stored()

    def by_command(text: str) -> str | None:
        file = tmp_path / "contacts.json"
        file.write_bytes(array(document(text)))
        with suppress(CommandError, SystemExit):
            call_command("import_contacts", str(file), verbosity=0)
        return stored()

    return {"REST": by_rest, "form": by_form, "import": by_import, "command": by_command}


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=TEXTS)
def test_a_text_of_details_is_stored_or_refused_alike_at_every_door(doors_of_details, text):
    line = normalized(text)
    expected = line if line and is_one_line(line) else None
    found = {name: rolled_back(lambda door=door: door(text)) for name, door in doors_of_details.items()}
    assert found == dict.fromkeys(doors_of_details, expected)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=TEXTS.map(normalized).filter(lambda text: bool(text) and is_one_line(text)))
def test_a_name_is_found_however_it_is_spelled(app, make_contact, text):
    with transaction.atomic():
        contact = make_contact(details(personalInformation={"displayName": text}))
        for spelled in spellings(text):
            query = "query ($name: String) { contacts(where: { name: { eq: $name } }) { items { id } } }"
            found = app.post("/graphql", {"query": query, "variables": {"name": spelled}})
            assert found.json == {"data": {"contacts": {"items": [{"id": contact.pk}]}}}, spelled
        transaction.set_rollback(True)


def test_a_space_or_a_decomposed_letter_makes_no_second_client(app, make_contact, entry):
    contact = make_contact()
    app.post(f"/v1.0/contacts/{contact.pk}/external-connections", {"externalId": "Zürich 1"})
    again = {"externalId": unicodedata.normalize("NFD", " Zürich 1 "), "details": details()}
    job = synced(array(again))
    assert (job.created, job.failed) == (0, 0)
    assert type(contact).objects.count() == 1


@pytest.mark.parametrize("system", ["A/B", "\u3164", "C\u202eRM", "C\nRM"])
def test_a_system_is_one_visible_line_without_a_slash(app, make_contact, entry, system):
    path = f"/v1.0/contacts/{make_contact().pk}/external-connections"
    assert app.post(path, {"externalId": "E1", "system": system}).status in (400, 422)
    job = synced(array(entry("E1", externalConnections=[{"system": system, "externalId": "X"}])))
    assert job.failed == 1


def test_the_character_that_is_refused_is_named_with_its_position(app, make_contact, entry):
    contact = make_contact()
    answers = {
        "externalId": app.post(f"/v1.0/contacts/{contact.pk}/external-connections", {"externalId": STRAY}),
        "username": app.put(f"/v1.0/contacts/{contact.pk}/username", {"username": STRAY}),
        "personalInformation.lastName": app.patch(
            f"/v1.0/contacts/{contact.pk}/details", {"details": {"personalInformation": {"lastName": STRAY}}}
        ),
        "name": app.post(f"/v2.0/contacts/{contact.pk}/contactgroups", {"groupName": STRAY, "contacts": []}),
    }
    for place, answer in answers.items():
        assert (answer.status, answer.json["properties"]) == (422, {place: [STRAY_MESSAGE]})
    assert [message for _position, _path, message in faults(synced(array(entry(STRAY, username=STRAY))))] == [
        STRAY_MESSAGE,
        STRAY_MESSAGE,
    ]


def test_a_username_is_one_whatever_its_spelling(app, make_contact, entry):
    make_contact(username="müller")
    for spelled in (unicodedata.normalize("NFD", "Müller"), " müller\n", "ＭÜLLER"):
        answer = app.put(f"/v1.0/contacts/{make_contact().pk}/username", {"username": spelled})
        assert (answer.status, answer.json.get("subCode")) == (422, "UsernameNotUnique"), spelled
        assert synced(array(entry("E-9", username=spelled))).failed == 1


@pytest.mark.parametrize("blank", ["\u200b", "\u3164", "\u00ad", "\u2800", "\u115f", "\u034f"])
def test_a_mandatory_name_of_nothing_visible_is_none(app, make_contact, entry, blank):
    contact = make_contact()
    change = {"details": {"personalInformation": {"lastName": blank}}}
    answer = app.patch(f"/v1.0/contacts/{contact.pk}/details", change)
    assert (answer.status, answer.places) == (422, {"personalInformation.lastName"})
    document = details()
    document["personalInformation"]["lastName"] = blank
    assert synced(array(entry("E-1", details=document))).failed == 1
    assert app.put(f"/v1.0/contacts/{contact.pk}/username", {"username": blank}).status in (400, 422)


def test_details_are_composed_and_found_by_any_spelling(app: Api, make_contact, make_member, admin_of):
    contact = make_contact()
    for spelled in spellings("Zürcher"):
        change = {"details": {"personalInformation": {"displayName": spelled}}}
        assert app.patch(f"/v1.0/contacts/{contact.pk}/details", change).status == 200
    contact.refresh_from_db()
    assert (contact.details["personalInformation"]["displayName"], contact.version) == ("Zürcher", 2)
    browser = admin_of(make_member(is_superuser=True, sees_all_contacts=True))
    decomposed = unicodedata.normalize("NFD", "Zürcher")
    assert b"Z\xc3\xbcrcher" in browser.get("/admin/contacts/contact/", {"q": f" {decomposed}"}).content
    for operation in ("eq", "contains"):
        query = f'{{ contacts(where: {{ name: {{ {operation}: "{decomposed}" }} }}) {{ items {{ id }} }} }}'
        found = app.post("/graphql", {"query": query})
        assert found.json == {"data": {"contacts": {"items": [{"id": contact.pk}]}}}, operation
