"""Merges that meet, each on its own connection."""

from itertools import pairwise

import pytest

from accounts.actor import system_actor
from audit.models import Entry
from contacts.models import MERGE, Contact, Merge
from contacts.services.anonymization import anonymize_contacts
from merging.services.merging import merge_contacts
from merging.services.separating import unmerge_contacts
from tests.concurrency import at_once, while_waiting
from tests.fixtures import details
from tests.merging.conftest import everything

SYSTEM = system_actor("tests")

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def merging(api, survivor, loser):
    return lambda: api.post(f"/v1.0/contacts/{survivor.pk}/merge", {"losingContactId": loser.pk})


def merged(survivor, loser):
    merge_contacts(actor=SYSTEM, survivor_id=survivor.pk, loser_id=loser.pk)


def roots(contacts):
    return [everything(contact)["mergedInto"] for contact in contacts]


def test_of_two_that_swallow_each_other_one_survives(app, make_contact):
    first, second = make_contact(), make_contact()
    answers = at_once(merging(app, first, second), merging(app, second, first))
    assert sorted(answer.status for answer in answers) == [200, 422]
    assert [answer.sub_code for answer in answers if answer.status == 422] == ["SameContact"]
    assert sorted(roots([first, second]), key=str) in ([first.pk, None], [second.pk, None])
    assert (Merge.objects.count(), Entry.objects.filter(kind=MERGE).count()) == (1, 2)


def test_a_chain_that_is_made_at_once_leads_to_its_end(app, make_contact):
    contacts = first, second, third = make_contact(), make_contact(), make_contact()
    answers = at_once(merging(app, second, first), merging(app, third, second))
    assert [answer.status for answer in answers] == [200, 200]
    assert roots(contacts) == [third.pk, third.pk, None]


def test_a_ring_that_is_made_at_once_has_one_end(app, make_contact):
    contacts = [make_contact() for _number in range(3)]
    ring = [*contacts, contacts[0]]
    answers = at_once(*(merging(app, survivor, loser) for loser, survivor in pairwise(ring)))
    assert sorted(answer.status for answer in answers) == [200, 200, 422], [answer.json for answer in answers]
    (end,) = [contact.pk for contact in contacts if everything(contact)["mergedInto"] is None]
    assert {everything(contact)["mergedInto"] for contact in contacts} == {end, None}


def test_a_change_that_waited_for_a_merge_is_made_to_the_survivor(app, make_contact):
    survivor, loser = make_contact(), make_contact()
    patch = {"details": {"personalInformation": {"lastName": "Other"}}}
    address = f"/v1.0/contacts/{loser.pk}/details"
    before = everything(loser)["details"]
    assert while_waiting(lambda: app.patch(address, patch), before=lambda: merged(survivor, loser)).status == 200
    assert everything(survivor)["details"] == details(personalInformation={"lastName": "Other"})
    assert everything(loser)["details"] == before
    username = {"username": "other"}
    unmerge_contacts(actor=SYSTEM, survivor_id=survivor.pk, loser_id=loser.pk)
    waited = while_waiting(
        lambda: app.put(f"/v1.0/contacts/{loser.pk}/username", username), before=lambda: merged(survivor, loser)
    )
    assert waited.status == 204
    assert everything(survivor)["username"] == "other"


@pytest.mark.parametrize("named", ["survivor", "loser"])
def test_an_anonymization_that_waited_for_a_merge_erases_both(make_contact, named):
    both = {"survivor": make_contact(), "loser": make_contact()}
    while_waiting(lambda: anonymize_contacts(actor=SYSTEM, contact_ids=[both[named].pk]), before=lambda: merged(**both))
    assert Contact.objects.filter(anonymized_at__isnull=False).count() == 2
