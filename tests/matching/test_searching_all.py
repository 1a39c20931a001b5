"""The job that compares all contacts, or those that have changed."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from accounts.actor import system_actor
from contacts.models import Contact
from contacts.services.anonymization import anonymize_contacts
from contacts.services.changes import patch_details
from core.errors import UnprocessableEntity
from core.jobs import JobLease
from matching import blocks, searching
from matching.models import DuplicateSearch, MatchingKeys, Pair, SearchStatus
from matching.pairs import distinguish
from matching.searching import run_search, start_due_search, start_search
from matching.services import make_keys

pytestmark = pytest.mark.django_db
SYSTEM = system_actor("tests")


@pytest.fixture
def person(make_contact):
    def make(first="Reto", last="Nägeli", born="1980-02-09", **information):
        personal = {"firstName": first, "lastName": last} | ({"dateOfBirth": born} if born else {})
        return make_contact(document={"personalInformation": personal, "contactInformation": information})

    return make


def searched():
    search = start_search(actor=SYSTEM)
    run_search(search.pk)
    search.refresh_from_db()
    assert search.status == SearchStatus.COMPLETED, search.error_message
    return search


def pairs():
    return {(pair.lower_id, pair.higher_id) for pair in Pair.objects.filter(is_open=True)}


def test_pairs_are_found_by_what_two_have_in_common(person):
    reto, misspelt, swapped = person(), person(last="Naegelli"), person(born="1980-09-02")
    moved = person(first="Ursina", last="Caduff", born="1975-05-05", email="ursina@example.ch")
    married = person(first="Ursina", last="Huber", born="1975-05-05", email="ursina@example.ch")
    person(first="Ida", last="Zgraggen")
    search = searched()
    assert pairs() == {
        (reto.pk, misspelt.pk),
        (reto.pk, swapped.pk),
        (misspelt.pk, swapped.pk),
        (moved.pk, married.pk),
    }
    assert (search.processed, search.total, search.found) == (6, 6, 4)


def test_namesakes_of_whom_nothing_else_is_known_are_no_pair(person):
    person(born="")
    person(born="")
    searched()
    assert not Pair.objects.exists()


def test_a_key_that_very_many_share_makes_no_pairs(person, monkeypatch):
    """As the address of a company. They are found by what else they share."""
    for first in ("Anna", "Beat", "Claudia", "Dario"):
        person(first=first, last="Meier", born="", email="info@example.ch")
    reto = [person(email="info@example.ch") for _ in range(2)]
    monkeypatch.setattr(blocks, "_CROWDED", blocks._CROWDED.replace(str(blocks.MOST_IN_BLOCK), "4"))
    searched()
    assert pairs() == {(reto[0].pk, reto[1].pk)}


def test_slices_find_the_pairs_that_a_whole_finds(person, monkeypatch):
    for number in range(9):
        person(born=f"198{number % 3}-02-09")
    searched()
    whole = pairs()
    Pair.objects.all().delete()
    monkeypatch.setattr(searching, "SLICE", 2)
    monkeypatch.setattr(searching, "READ", 2)
    searched()
    assert pairs() == whole
    assert len(whole) == 36


def test_a_worker_that_takes_over_goes_on_behind_the_last_slice(person, monkeypatch):
    for _ in range(4):
        person()
    monkeypatch.setattr(searching, "SLICE", 1)
    search = start_search(actor=SYSTEM)

    class KilledError(BaseException):
        """Not caught by anything, as kill -9 is not."""

    def report(row):
        if row.processed == 2:
            raise KilledError

    with pytest.raises(KilledError):
        run_search(search.pk, report=report)
    search.refresh_from_db()
    assert (search.status, search.processed, Pair.objects.count()) == (SearchStatus.RUNNING, 2, 5)
    # Not before its lease has run out.
    run_search(search.pk)
    search.refresh_from_db()
    assert search.attempts == 1
    DuplicateSearch.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=3))
    seen = []
    run_search(search.pk, report=lambda row: seen.append(row.processed))
    search.refresh_from_db()
    assert (search.status, search.attempts, search.processed) == (SearchStatus.COMPLETED, 2, 4)
    assert seen == [3, 4]
    assert Pair.objects.count() == 6


def test_a_worker_that_counts_as_lost_writes_nothing(person, monkeypatch):
    person()
    person()
    search = start_search(actor=SYSTEM)
    found = searching.pairs_of_slice

    def overtaken(**asked):
        DuplicateSearch.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=3))
        assert JobLease.claim(DuplicateSearch.objects.all(), search.pk) is not None
        return found(**asked)

    monkeypatch.setattr(searching, "pairs_of_slice", overtaken)
    run_search(search.pk)
    assert not Pair.objects.exists()


def test_one_search_runs_at_a_time(person):
    search = start_search(actor=SYSTEM)
    with pytest.raises(UnprocessableEntity) as refused:
        start_search(actor=SYSTEM)
    assert refused.value.sub_code == "AlreadySearching"
    with pytest.raises(CommandError):
        call_command("find_duplicates")
    call_command("find_duplicates", "--resume")
    search.refresh_from_db()
    assert search.status == SearchStatus.COMPLETED
    call_command("find_duplicates")
    with pytest.raises(CommandError):
        call_command("find_duplicates", "--resume")


def test_pairs_that_are_not_alike_any_more_go_and_distinguished_ones_stay(person):
    one, other, third = person(), person(), person()
    searched()
    distinguish(actor=SYSTEM, pairs={(one.pk, other.pk): Pair.objects.first().score}, reason="Cousins.")
    change(third, {"personalInformation": {"firstName": "Ida", "lastName": "Zgraggen"}})
    searched()
    assert pairs() == set()
    assert Pair.objects.get().reason == "Cousins."
    # Once they are more alike than when somebody looked, they are shown again.
    for contact in (one, other):
        change(contact, {"contactInformation": {"phone": "+41445550101"}})
    searched()
    assert pairs() == {(one.pk, other.pk)}
    assert Pair.objects.get().reason == "Cousins."


def change(contact, patch):
    patch_details(actor=SYSTEM, contact_id=contact.pk, patch=patch)


def test_an_anonymized_contact_is_in_no_pair(person):
    one, other = person(), person()
    searched()
    anonymize_contacts(actor=SYSTEM, contact_ids=[one.pk])
    assert not Pair.objects.exists()
    searched()
    assert not Pair.objects.exists()
    assert Contact.objects.get(pk=other.pk).anonymized_at is None


def test_a_search_is_due_at_first_and_where_something_has_changed(person, settings):
    one, other = person(), person(first="Ida", last="Zgraggen")
    settings.DUPLICATE_SEARCH_HOURS = 0
    assert start_due_search() is None
    settings.DUPLICATE_SEARCH_HOURS = 2
    first = start_due_search()
    assert first.since is None
    assert start_due_search() is None
    run_search(first.pk)
    assert pairs() == set()
    assert start_due_search() is None
    later(hours=2)
    change(other, {"personalInformation": {"firstName": "Reto", "lastName": "Naegeli"}})
    second = start_due_search()
    assert second.since == DuplicateSearch.objects.get(pk=first.pk).created_at - searching.LATE
    run_search(second.pk)
    assert pairs() == {(one.pk, other.pk)}
    later(hours=2)
    change(other, {"personalInformation": {"firstName": "Ida", "lastName": "Zgraggen"}})
    run_search(start_due_search().pk)
    assert pairs() == set()


def later(hours):
    """Move all searches and entries back."""
    for search in DuplicateSearch.objects.all():
        DuplicateSearch.objects.filter(pk=search.pk).update(created_at=search.created_at - timedelta(hours=hours))


def test_keys_are_made_before_contacts_are_compared(person):
    person(), person()
    assert MatchingKeys.objects.filter(made_by=None).count() == 2
    searched()
    assert pairs()
    assert make_keys() == 0
