"""Merged contacts leave the list of possible duplicates, and come back once the merge is undone."""

import pytest

from accounts.actor import system_actor
from matching.models import Pair
from matching.searching import run_search, start_search
from matching.services import make_keys
from merging.services.merging import merge_contacts
from merging.services.separating import unmerge_contacts

pytestmark = pytest.mark.django_db
SYSTEM = system_actor("tests")
RETO = {"firstName": "Reto", "lastName": "Nägeli", "dateOfBirth": "1980-02-09"}


def searched():
    make_keys()
    run_search(start_search(actor=SYSTEM).pk)
    return list(Pair.objects.filter(is_open=True).values_list("lower_id", "higher_id"))


def test_a_merged_contact_is_nobodys_duplicate_until_the_merge_is_undone(app, make_contact):
    one, other, third = (make_contact(document={"personalInformation": RETO}) for _number in range(3))
    assert sorted(searched()) == [(one.pk, other.pk), (one.pk, third.pk), (other.pk, third.pk)]
    merge_contacts(actor=SYSTEM, survivor_id=one.pk, loser_id=other.pk)
    assert list(Pair.objects.values_list("lower_id", "higher_id")) == [(one.pk, third.pk)]
    assert searched() == [(one.pk, third.pk)]
    asked = {"details": {"personalInformation": RETO}, "contactId": other.pk}
    found = app.post("/v1.0/contacts/duplicates/search", asked).json["candidates"]
    assert [candidate["contact"]["id"] for candidate in found] == [third.pk]
    unmerge_contacts(actor=SYSTEM, survivor_id=one.pk, loser_id=other.pk)
    assert sorted(searched()) == [(one.pk, other.pk), (one.pk, third.pk), (other.pk, third.pk)]
