"""What applications learn of merges: that a contact was merged, and that another one came into their sight."""

import pytest

from accounts.actor import system_actor
from merging.services.merging import merge_contacts
from merging.services.separating import unmerge_contacts

SYSTEM = system_actor("tests")

pytestmark = pytest.mark.django_db


def events_of(api, after=0):
    """Return the end of the feed, and type and contact of its events about contacts."""
    page = api.get(f"/v1.0/events?after={after}").json
    found = {
        (event["type"], event["subject"]["id"]) for event in page["events"] if event["subject"]["kind"] == "contact"
    }
    return page["next"], found


def test_each_learns_of_the_contacts_that_it_sees(api_of, make_app, make_contact, make_participant):
    geneva, zug, bern = (make_participant() for _number in range(3))
    survivor, loser = make_contact(participants=[geneva]), make_contact(participants=[zug])
    apps = {name: api_of(make_app(participants=[one])) for name, one in (("g", geneva), ("z", zug), ("b", bern))}
    ends = {name: api.get("/v1.0/events?fromEnd=true").json["next"] for name, api in apps.items()}
    merge_contacts(actor=SYSTEM, survivor_id=survivor.pk, loser_id=loser.pk)
    found = {name: events_of(api, ends[name]) for name, api in apps.items()}
    merged = {("contact.merged", survivor.pk), ("contact.merged", loser.pk)}
    assert found["g"][1] >= merged | {("contact.entered", loser.pk)}
    assert found["z"][1] >= merged | {("contact.entered", survivor.pk)}
    assert found["b"][1] == set()
    assert apps["z"].get(f"/v1.0/contacts/{loser.pk}/details").json["id"] == survivor.pk
    unmerge_contacts(actor=SYSTEM, survivor_id=survivor.pk, loser_id=loser.pk)
    after = {name: events_of(api, found[name][0])[1] for name, api in apps.items()}
    assert {("contact.left", loser.pk), ("contact.unmerged", survivor.pk)} <= after["g"]
    assert {("contact.left", survivor.pk), ("contact.unmerged", loser.pk)} <= after["z"]
    assert ("contact.unmerged", loser.pk) not in after["g"]
    assert after["b"] == set()
    assert apps["z"].get(f"/v1.0/contacts/{survivor.pk}").status == 404
    assert apps["g"].get(f"/v1.0/contacts/{loser.pk}").status == 404
