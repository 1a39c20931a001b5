"""Every entry commits to what it says and follows the one before it; Python and SQL make the same hash."""

import json
from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.actor import system_actor
from audit import entries
from audit.chaining import chain_entries
from audit.commitments import (
    NO_DOCUMENT,
    NO_PREVIOUS,
    Head,
    canonical_bytes,
    document_commitment,
    entry_hash,
    paths_commitment,
    values_commitment,
)
from audit.models import Entry
from contacts.models import CONTACT_ACCESS, CONTACT_DETAILS, Contact
from contacts.services.anonymization import anonymize_contacts
from contacts.services.changes import patch_details
from core.documents import Change
from tests.fixtures import without_triggers

SYSTEM = system_actor("tests")
HEAD = Head.__slots__


def hash_of(entry: Entry, previous: bytes) -> bytes:
    return entry_hash(Head(*(getattr(entry, name) for name in HEAD)), bytes(entry.commitments), previous)


def chain_of(kind: str, subject_id: int) -> list[Entry]:
    """Return a subject's entries after checking that each follows the one before it."""
    found = list(Entry.objects.of(kind, subject_id).order_by("sequence"))
    previous = NO_PREVIOUS
    for entry in found:
        assert bytes(entry.entry_hash) == hash_of(entry, previous)
        previous = bytes(entry.entry_hash)
    return found


def forget_chain() -> None:
    """Leave the ledger as the previous version has written it."""
    with without_triggers():
        Entry.objects.update(salt=None, commitments=None, entry_hash=None)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abé"), inner),
    max_leaves=8,
)


class TestCanonicalForm:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ({"b": 1, "a": [None, True, False], "é": "é", "Z": {}}, '{"Z":{},"a":[null,true,false],"b":1,"é":"é"}'),
            # By code point, unlike by UTF-16: the emoji comes last.
            ({"\U0001f600": 1, "\uffee": 2}, '{"\uffee":2,"\U0001f600":1}'),
            ('"\\/\b\f\n\r\t\x01\x1f\x7f\u2028', '"\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\u2028"'),
            (1.0, "1"),
            ([1.0, {"a": 2.5, "b": [-3.0]}, "[1.0"], '[1,{"a":2.5,"b":[-3]},"[1.0"]'),
            (-0.0, "0"),
            (0.1, "0.1"),
            (1e21, "1e+21"),
            (123456789012345680000.0, "123456789012345680000"),
            (1e-6, "0.000001"),
            (1.5e-7, "1.5e-7"),
            (-333333333.3333333, "-333333333.3333333"),
            (5e-324, "5e-324"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (2**63, "9223372036854776000"),
            (2**64, "18446744073709552000"),
            (-(2**53), "-9007199254740992"),
        ],
    )
    def test_it_is_written_as_the_page_says(self, value, expected):
        assert canonical_bytes(value).decode() == expected

    @given(st.floats(allow_nan=False, allow_infinity=False))
    @settings(max_examples=200)
    def test_a_number_reads_as_what_it_was(self, number):
        assert float(canonical_bytes(number)) == number

    @pytest.mark.django_db
    @given(JSON)
    @settings(max_examples=100)
    def test_the_database_gives_back_what_has_the_same_form(self, value):
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s::jsonb::text", [canonical_bytes(value).decode()])
            (stored,) = cursor.fetchone()
        assert canonical_bytes(json.loads(stored)) == canonical_bytes(value)


@pytest.mark.django_db
class TestEntries:
    def test_each_commits_to_its_paths_values_and_document_and_follows_the_last(self, make_contact):
        contact = make_contact()
        patch_details(
            actor=SYSTEM, contact_id=contact.pk, patch={"relationship": {"notes": "¡Olé!"}}, comment="by phone"
        )
        first, second = chain_of(CONTACT_DETAILS, contact.pk)
        assert bytes(first.salt) != bytes(second.salt)
        salt = bytes(second.salt)
        assert bytes(second.commitments) == (
            paths_commitment(("relationship.notes",))
            + values_commitment(salt, [{"path": "relationship.notes", "original": None, "target": "¡Olé!"}], "by phone")
            + document_commitment(salt, Contact.objects.get(pk=contact.pk).details)
        )

    def test_a_kind_without_versions_commits_to_no_document(self, make_contact):
        contact = make_contact()
        for target in (1, 2):
            entries.append(
                kind=CONTACT_ACCESS, subject_id=contact.pk, actor=SYSTEM, changes=[Change("members", None, target)]
            )
        found = chain_of(CONTACT_ACCESS, contact.pk)
        assert [bytes(entry.commitments)[64:] for entry in found] == [NO_DOCUMENT] * 2

    def test_the_hash_binds_who_when_and_what(self, make_contact):
        entry = make_contact().entries.get()
        others = {
            "kind": "another", "subject_id": 1, "sequence": 2, "recorded_at": datetime(2001, 1, 1, tzinfo=UTC),
            "initiator_member_id": 5, "initiator_contact_id": 5, "initiator_application_id": 5,
            "change_request_id": 5, "correlation_id": "x", "initiator_system": "y",
        }  # fmt: skip
        assert set(others) == set(HEAD)
        for name, value in others.items():
            kept = getattr(entry, name)
            setattr(entry, name, value)
            assert hash_of(entry, NO_PREVIOUS) != bytes(entry.entry_hash), name
            setattr(entry, name, kept)

    def test_a_request_is_named_by_its_correlation_id(self, app, make_contact):
        contact = make_contact()
        answer = app.patch(
            f"/v1.0/contacts/{contact.pk}/details",
            {"details": {"relationship": {"notes": "x"}}},
            X_Correlation_ID="branch-17:4711",
        )
        assert answer.status == 200
        assert chain_of(CONTACT_DETAILS, contact.pk)[-1].correlation_id == "branch-17:4711"

    @pytest.mark.parametrize("columns", [{"commitments": b"x"}, {"commitments": bytes(96), "salt": None}])
    def test_one_that_commits_to_less_is_refused(self, columns):
        with pytest.raises(IntegrityError, match="not committed to in full"), transaction.atomic():
            Entry.objects.create(kind="x", subject_id=1, sequence=1, changes=[], paths=[], **columns)


@pytest.mark.django_db
class TestErasing:
    def test_the_chain_stays_whole_and_an_entry_says_how_far_values_are_gone(self, make_contact):
        contact = make_contact()
        patch_details(actor=SYSTEM, contact_id=contact.pk, patch={"relationship": {"notes": "x"}})
        hashes = [bytes(entry.entry_hash) for entry in chain_of(CONTACT_DETAILS, contact.pk)]
        anonymize_contacts(actor=SYSTEM, contact_ids=[contact.pk])
        found = chain_of(CONTACT_DETAILS, contact.pk)
        assert [bytes(entry.entry_hash) for entry in found[:2]] == hashes
        assert [entry.salt for entry in found[:2]] == [None, None]
        (erasure,) = chain_of(entries.ERASURE + CONTACT_DETAILS, contact.pk)
        assert erasure.changes == [{"path": "erasedUntil", "original": None, "target": 2}]

    def test_the_last_entry_still_commits_to_the_document_that_is_left(self, make_contact):
        contact = make_contact()
        anonymize_contacts(actor=SYSTEM, contact_ids=[contact.pk])
        last = chain_of(CONTACT_DETAILS, contact.pk)[-1]
        left = Contact.objects.get(pk=contact.pk).details
        assert bytes(last.commitments)[64:] == document_commitment(bytes(last.salt), left)


@pytest.mark.django_db
class TestWhatWasThereBefore:
    def test_it_is_chained_in_order_and_its_last_entry_commits_to_the_present_document(
        self, make_contact, django_assert_num_queries
    ):
        contacts = [make_contact() for _ in range(3)]
        for number in range(2):
            for contact in contacts:
                patch_details(actor=SYSTEM, contact_id=contact.pk, patch={"relationship": {"notes": str(number)}})
        forget_chain()
        assert chain_entries() == Entry.objects.count()
        for contact in contacts:
            first, *_, last = chain_of(CONTACT_DETAILS, contact.pk)
            assert bytes(first.commitments)[64:] == NO_DOCUMENT
            document = Contact.objects.get(pk=contact.pk).details
            assert bytes(last.commitments)[64:] == document_commitment(bytes(last.salt), document)
        assert chain_entries() == 0

    def test_an_entry_after_one_that_is_not_chained_is_chained_later_and_keeps_its_commitments(self, make_contact):
        contact = make_contact()
        forget_chain()
        patch_details(actor=SYSTEM, contact_id=contact.pk, patch={"relationship": {"notes": "x"}})
        _first, second = Entry.objects.of(CONTACT_DETAILS, contact.pk).order_by("sequence")
        assert second.entry_hash is None
        committed = bytes(second.commitments)
        chain_entries()
        assert bytes(chain_of(CONTACT_DETAILS, contact.pk)[-1].commitments) == committed
