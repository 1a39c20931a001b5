"""The example of the documentation keeps a copy of the contacts in step, over HTTP."""

import importlib.util
from pathlib import Path

import pytest

from accounts.actor import system_actor
from administration.services.applications import change_application
from contacts.models import Contact
from contacts.services.anonymization import anonymize_contacts
from events.queries.feed import types_in_words
from tests.events.test_feed import give, rename, take

DOCS = Path(__file__).parents[2] / "docs"
SYSTEM = system_actor("tests")


@pytest.fixture
def replica_of(live_server, api_of):
    spec = importlib.util.spec_from_file_location("replica", DOCS / "examples" / "replica.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda application: module.Replica(live_server.url, api_of(application).token)


def stored(*contacts):
    rows = Contact.objects.filter(pk__in=[contact.pk for contact in contacts])
    return dict(rows.values_list("pk", "details"))


def test_the_copy_equals_the_database(replica_of, make_app, make_participant, make_contact, app):
    ours, theirs = make_participant(), make_participant()
    here, other = make_contact(participants=[ours]), make_contact(participants=[theirs])
    application = make_app(participants=[ours])
    replica = replica_of(application)
    replica.follow(seconds=0)
    assert replica.contacts == stored(here)
    new = make_contact(participants=[ours])
    rename(here, "Zwingli", api=app)
    give(other, ours)
    replica.follow(seconds=0)
    assert replica.contacts == stored(here, new, other)
    take(other, ours)
    anonymize_contacts(actor=SYSTEM, contact_ids=[new.pk])
    replica.follow(seconds=0)
    assert replica.contacts == stored(here)
    change_application(actor=SYSTEM, application_id=application.pk, target={"participants": [theirs.pk]})
    replica.follow(seconds=0)
    assert replica.contacts == stored(other)
    replica.position = 2**50
    rename(other, "Bullinger", api=app)
    replica.follow(seconds=0)
    assert replica.contacts == stored(other)


def test_the_documentation_has_every_type_of_events():
    rows = [line.split("|") for line in (DOCS / "events.md").read_text().splitlines() if line.startswith("| `")]
    types = types_in_words()
    documented = {row[1].strip(" `"): row[2].strip() for row in rows if row[1].strip(" `") in types}
    assert documented == {name: str(words) for name, words in types.items()}
