"""An upgrade brings stored text into its one form, on record as the system's, and leaves what would collide."""

import unicodedata
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from accounts.models import ClientApplication, Participant
from administration.applications import APPLICATION
from administration.configuration import CONFIGURATION
from administration.models import ConfigurationSubject
from administration.rights import GROUP_RIGHTS
from audit.models import Entry
from contactgroups.models import CONTACT_GROUP, ContactGroup
from contacts.models import (
    CONTACT_DETAILS,
    CONTACT_IDENTITY,
    Contact,
    ExternalConnection,
    ExternalSystem,
    WaitingContact,
)
from legalentities.models import WaitingLegalEntity
from operations.doctor import EXAMINATIONS
from schemas.models import LIST_KIND, ListItem
from tests.fixtures import without_triggers

pytestmark = pytest.mark.django_db

DECOMPOSED = unicodedata.normalize("NFD", "Zürcher")
MIGRATIONS = {
    "contacts": "0035_text_has_one_form",
    "legalentities": "0018_text_has_one_form",
    "contactgroups": "0006_text_has_one_form",
}


def migrate() -> None:
    for app, name in MIGRATIONS.items():
        bring(f"{app}.migrations.{name}", "bring_texts")


def bring(module: str, function: str) -> None:
    getattr(import_module(module), function)(None, SimpleNamespace(connection=connection))


def collect_systems() -> None:
    bring("contacts.migrations.0037_systems_of_before", "collect_systems")


def latest(kind: str, pk: int) -> Any:
    entry = Entry.objects.of(kind, pk).first()
    return None if entry is None else (entry.initiator_system, entry.sequence, entry.changes)


def findings() -> list[str]:
    return [finding.text for finding in EXAMINATIONS["texts"]()]


def store_details(contact: Contact, city: str) -> None:
    with without_triggers():
        details = {**contact.details, "personalInformation": {**contact.details["personalInformation"], "title": city}}
        Contact.objects.filter(pk=contact.pk).update(details=details)


def test_details_become_a_new_version(make_contact):
    contact = make_contact()
    store_details(contact, f"{DECOMPOSED} ")
    for _again in range(2):
        migrate()
        contact.refresh_from_db()
        assert (contact.details["personalInformation"]["title"], contact.version) == ("Zürcher", 2)
    change = {"path": "personalInformation.title", "original": f"{DECOMPOSED} ", "target": "Zürcher"}
    assert latest(CONTACT_DETAILS, contact.pk) == ("upgrade", 2, [change])


def test_usernames_become_one_unless_somebody_has_that(make_contact):
    free, held, holder = (make_contact() for _ in range(3))
    Contact.objects.filter(pk=free.pk).update(username=f" {DECOMPOSED}")
    Contact.objects.filter(pk=holder.pk).update(username="anna")
    Contact.objects.filter(pk=held.pk).update(username="anna ")
    migrate()
    assert Contact.objects.get(pk=free.pk).username == "Zürcher"
    change = {"path": "username", "original": f" {DECOMPOSED}", "target": "Zürcher"}
    assert latest(CONTACT_IDENTITY, free.pk) == ("upgrade", 1, [change])
    assert Contact.objects.get(pk=held.pk).username == "anna "
    assert latest(CONTACT_IDENTITY, held.pk) is None
    assert findings() == [f"Usernames of contacts are not in the form of text: rows {held.pk}"]


def test_external_ids_become_one_unless_somebody_has_that(make_contact):
    free, held, holder = (make_contact() for _ in range(3))
    for contact, external_id in ((free, " E2"), (holder, "E1"), (held, "E1 ")):
        contact.external_connections.create(system="CRM ", external_id=external_id)
    migrate()
    assert set(ExternalConnection.objects.values_list("contact", "system", "external_id")) == {
        (free.pk, "CRM", "E2"),
        (holder.pk, "CRM", "E1"),
        (held.pk, "CRM ", "E1 "),
    }
    _system, _sequence, (change,) = latest(CONTACT_IDENTITY, free.pk)
    assert change == {
        "path": "externalConnections",
        "original": [{"system": "CRM ", "externalId": " E2"}],
        "target": [{"system": "CRM", "externalId": "E2"}],
    }
    left = held.external_connections.get().pk
    assert {f"External ids of contacts are not in the form of text: rows {left}"} < set(findings())


def test_systems_are_those_that_are_shipped_and_those_that_contacts_have_ids_in(make_contact):
    ExternalSystem.objects.exclude(name="Default").delete()
    contacts = [make_contact() for _ in range(4)]
    stored = [("default", "E1"), ("Old CRM", "C1")], [("OLD CRM", "C2")], [("Old CRM", "C3")], [("Default", "E4")]
    for contact, connections in zip(contacts, stored, strict=True):
        for system, external_id in connections:
            contact.external_connections.create(system=system, external_id=external_id)
    held = contacts[3].external_connections.create(system="default", external_id="E5")
    for _again in range(2):
        collect_systems()
        assert set(ExternalSystem.objects.values_list("name", flat=True)) == {"CBS", "Default", "Old CRM"}
        assert list(ExternalConnection.objects.order_by("external_id").values_list("external_id", "system")) == [
            *(("C1", "Old CRM"), ("C2", "Old CRM"), ("C3", "Old CRM")),
            *(("E1", "Default"), ("E4", "Default"), ("E5", "default")),
        ]
    _system, sequence, (change,) = latest(CONTACT_IDENTITY, contacts[1].pk)
    assert (sequence, change["original"][0]["system"], change["target"][0]["system"]) == (1, "OLD CRM", "Old CRM")
    assert latest(CONTACT_IDENTITY, contacts[3].pk) is None
    assert findings() == [f"External ids are in systems that nobody has configured: rows {held.pk}"]


def test_groups_become_one_unless_another_has_that():
    first, second = ContactGroup.objects.create(name=DECOMPOSED, external_id="G1"), ContactGroup.objects.create()
    ContactGroup.objects.filter(pk=second.pk).update(external_id="G1\u2028")
    migrate()
    assert ContactGroup.objects.get(pk=first.pk).name == "Zürcher"
    assert latest(CONTACT_GROUP, first.pk)[0] == "upgrade"
    assert findings() == [f"External ids of contact groups are not in the form of text: rows {second.pk}"]


def test_names_that_staff_give_become_one_unless_another_has_that(make_participant, make_app):
    with without_triggers():
        groups, participants, applications = (
            [model.objects.create(name=name).pk for name in (f"{DECOMPOSED} ", "North", "NORTH ", "north")]
            for model in (Group, Participant, ClientApplication)
        )
    for _again in range(2):
        bring("administration.migrations.0007_names_have_one_form", "bring_names")
    for model, kind, path, subject in (
        (Group, GROUP_RIGHTS, "name", groups[0]),
        (ClientApplication, APPLICATION, "name", applications[0]),
        (Participant, CONFIGURATION, "participant.name", None),
    ):
        assert set(model.objects.values_list("name", flat=True)) >= {"Zürcher", "North", "NORTH "}
        pk = subject or ConfigurationSubject.objects.get(sort="participant", object_id=participants[0]).pk
        change = {"path": path, "original": f"{DECOMPOSED} ", "target": "Zürcher"}
        assert latest(kind, pk) == ("upgrade", 1, [change])
    found = findings()
    for what, (_mended, north, spaced, other) in (
        ("Groups of staff", groups),
        ("Participants", participants),
        ("Applications", applications),
    ):
        name = what[0].lower() + what[1:]
        assert f"Names of {name} are not in the form of text: rows {spaced}" in found
        assert f"{what} share a name, whatever its case: rows {north}, {other}" in found


def test_names_of_list_items_become_one_and_caches_read_them_again(default_schemas):
    item = ListItem.objects.get(list__key="contact-type", key="client")
    revision = item.list.revision
    ListItem.objects.filter(pk=item.pk).update(names={"en": f" {DECOMPOSED}", "de": "Kunde", "fr": "\u3164"})
    for _again in range(2):
        bring("schemas.migrations.0005_names_have_one_form", "bring_names")
    item.refresh_from_db()
    assert item.names == {"en": "Zürcher", "de": "Kunde", "fr": "\u3164"}
    assert item.list.revision > revision
    change = {"path": "contact-type.client.names.en", "original": f" {DECOMPOSED}", "target": "Zürcher"}
    assert latest(LIST_KIND, item.list_id) == ("upgrade", 1, [change])


def test_what_is_reserved_for_new_rows_becomes_one_unless_another_has_that(make_contact):
    make_contact(username="anna")
    with without_triggers():
        first, second = (
            WaitingContact.objects.create(pk=901 + number, username=name)
            for number, name in enumerate((DECOMPOSED, "anna "))
        )
        first.external_ids.create(external_id=" E1")
        WaitingLegalEntity.objects.create(pk=903, external_id="L1 ")
    bring("contacts.migrations.0039_reserved_text_has_one_form", "bring_texts")
    bring("legalentities.migrations.0019_reserved_text_has_one_form", "bring_texts")
    assert list(WaitingContact.objects.order_by("pk").values_list("username", flat=True)) == ["Zürcher", "anna "]
    assert first.external_ids.get().external_id == "E1"
    assert WaitingLegalEntity.objects.get().external_id == "L1"
    assert findings() == [f"Usernames of contacts that wait are not in the form of text: rows {second.pk}"]


def test_nothing_is_found_where_all_has_its_form(make_contact):
    make_contact(username="zürcher")
    assert findings() == ["names and ids have one form"]
