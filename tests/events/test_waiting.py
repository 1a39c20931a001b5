"""Waiting for events, and events that two connections write and read at the same time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from accounts.actor import system_actor
from contacts.services.anonymization import anonymize_contacts
from events import long_poll
from events.models import Event
from events.services.numbering import number_events
from tests.events.feeds import FEED, Reader
from tests.events.test_feed import rename

pytestmark = pytest.mark.django_db(transaction=True)


def in_thread(pool, call):
    def run():
        try:
            return call()
        finally:
            connection.close()

    return pool.submit(run)


def test_a_reader_who_waits_is_answered_when_something_happens(app, make_contact):
    contact = make_contact()
    feed = Reader(app)
    with ThreadPoolExecutor(1) as pool:
        waiting = in_thread(pool, lambda: app.get(f"{FEED}?after={feed.position}&waitSeconds=20"))
        while long_poll._waiting._value:
            time.sleep(0.01)
        assert not waiting.done()
        rename(contact, "Zwingli", api=app)
        answer = waiting.result(timeout=20)
    assert [event["type"] for event in answer.json["events"]] == ["contact.changed"]


def test_only_one_waits_in_a_process_and_the_others_are_to_come_again(app, make_contact):
    feed = Reader(app)
    with ThreadPoolExecutor(1) as pool:
        waiting = in_thread(pool, lambda: app.get(f"{FEED}?after={feed.position}&waitSeconds=20"))
        while long_poll._waiting._value:
            time.sleep(0.01)
        for _ in range(5):
            answer = app.get(f"{FEED}?after={feed.position}&waitSeconds=20")
            assert (answer.json["events"], answer.json["hasMore"]) == ([], False)
            assert int(answer.headers["Retry-After"]) >= 1
        assert not waiting.done()
        make_contact()
        assert waiting.result(timeout=20).json["events"]


def test_nobody_waits_for_longer_than_asked(app):
    feed = Reader(app)
    began = time.monotonic()
    assert app.get(f"{FEED}?after={feed.position}&waitSeconds=1").json["events"] == []
    assert 1 <= time.monotonic() - began < 15


def test_a_cursor_never_passes_what_commits_later(app, make_contact):
    """The first transaction begins first, and has the lower ids, but commits last."""
    first, second = make_contact(), make_contact()
    feed = Reader(app)
    is_written, may_commit = threading.Event(), threading.Event()

    def slow_change():
        with transaction.atomic():
            rename(first, "Slow", api=app)
            is_written.set()
            assert may_commit.wait(20)

    with ThreadPoolExecutor(1) as pool:
        slow = in_thread(pool, slow_change)
        assert is_written.wait(20)
        rename(second, "Quick", api=app)
        assert [event["subject"]["id"] for event in feed.read()] == [second.pk]
        may_commit.set()
        slow.result(timeout=20)
    assert [event["subject"]["id"] for event in feed.read()] == [first.pk]


def test_who_numbers_its_own_entries_leaves_those_of_slower_transactions_to_be_numbered(app, make_contact):
    """Anonymization numbers in its own transaction, whose entries may have higher ids than those that commit later."""
    first, second = make_contact(), make_contact()
    feed = Reader(app)
    is_written, may_commit = threading.Event(), threading.Event()

    def slow_change():
        with transaction.atomic():
            rename(first, "Slow", api=app)
            is_written.set()
            assert may_commit.wait(20)

    with ThreadPoolExecutor(1) as pool:
        slow = in_thread(pool, slow_change)
        assert is_written.wait(20)
        anonymize_contacts(actor=system_actor("tests"), contact_ids=[second.pk])
        may_commit.set()
        slow.result(timeout=20)
    assert first.pk in [event["subject"]["id"] for event in feed.read()]


def test_of_several_who_number_at_once_each_entry_gets_one_event(make_contact):
    number_events()
    contacts = [make_contact() for _ in range(20)]
    with ThreadPoolExecutor(4) as pool:
        for numbering in [in_thread(pool, number_events) for _ in range(8)]:
            numbering.result(timeout=20)
    number_events()
    events = Event.objects.filter(entry__kind="contact-details", entry__subject_id__in=[one.pk for one in contacts])
    assert events.count() == len(contacts)
    positions = list(Event.objects.order_by("position").values_list("position", flat=True))
    assert positions == list(range(positions[0], positions[-1] + 1))
