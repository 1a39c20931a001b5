"""Whoever owns the database attacks at many places at once, and computes every hash anew: each place is named."""

import random
from collections.abc import Callable

import pytest

from accounts.actor import system_actor
from contacts.models import ExternalConnection
from contacts.services.anonymization import anonymize_contacts
from proof.sealing import seal_ledger
from proof.verification.running import verify_all, verify_since, verify_subjects
from tests.fixtures import details
from tests.importexport.importing import counts, lines, synced
from tests.proof.attacker import Attacker

pytestmark = pytest.mark.django_db(transaction=True)

SYSTEM = system_actor("tests")
DETAILS = "contact-details"
ENTRIES = 3
PATCHES = ("calls on Mondays", "calls on Fridays", "calls never")

Places = set[tuple[str, int, int]]


def of(sequence: int, *ids: int) -> Places:
    return {(DETAILS, pk, sequence) for pk in ids}


def change(attacker: Attacker, one: int, other: int) -> Places:
    for pk in (one, other):
        attacker.change_entry(pk, 2, "changes = replace(changes::text, 'calls', 'mails')::jsonb")
    return of(2, one, other)


def delete(attacker: Attacker, one: int, other: int) -> Places:
    for pk in (one, other):
        attacker.remove_entry(pk, 2)
    return of(2, one, other)


def insert(attacker: Attacker, one: int, other: int) -> Places:
    """In the middle and dated back, so that what follows moves up."""
    for pk in (one, other):
        attacker.change_entry(pk, 3, "sequence = 4")
        attacker.sql(INSERT, pk)
        attacker.sql("UPDATE contacts_contact SET version = 4 WHERE id = %s", pk)
    return of(3, one, other)


def reorder(attacker: Attacker, one: int, other: int) -> Places:
    for pk in (one, other):
        attacker.change_entry(pk, 2, "sequence = 1000")
        attacker.change_entry(pk, 3, "sequence = 2")
        attacker.change_entry(pk, 1000, "sequence = 3")
    return of(2, one, other) | of(3, one, other)


def truncate(attacker: Attacker, one: int, other: int) -> Places:
    for pk in (one, other):
        attacker.remove_entry(pk, ENTRIES)
        attacker.sql(ROLL_BACK, PATCHES[1], ENTRIES - 1, pk)
    return of(ENTRIES, one, other)


def move(attacker: Attacker, one: int, other: int) -> Places:
    attacker.change_entry(one, 2, "subject_id = -1")
    attacker.change_entry(other, 2, "subject_id = %s", one)
    attacker.change_entry(-1, 2, "subject_id = %s", other)
    return of(2, one, other)


def swap_salts(attacker: Attacker, one: int, other: int) -> Places:
    attacker.sql(SWAP_SALTS, one, other, other, one)
    return of(2, one, other)


def roll_back(attacker: Attacker, one: int, other: int) -> Places:
    for pk in (one, other):
        attacker.sql(ROLL_BACK, PATCHES[1], ENTRIES, pk)
    return of(ENTRIES, one, other)


INSERT = """
INSERT INTO audit_entry (kind, subject_id, sequence, recorded_at, transaction_id, initiator_system, changes, paths,
       salt, commitments)
SELECT kind, subject_id, 3, '2001-01-01', '5', 'another', changes, paths, salt, commitments
  FROM audit_entry WHERE kind = 'contact-details' AND subject_id = %s AND sequence = 2
"""
ROLL_BACK = """
UPDATE contacts_contact SET details = jsonb_set(details, '{relationship,notes}', to_jsonb(%s::text)), version = %s
 WHERE id = %s
"""
SWAP_SALTS = """
UPDATE audit_entry entry SET salt = other.salt
  FROM audit_entry other
 WHERE (entry.kind, other.kind) = ('contact-details', 'contact-details') AND (entry.sequence, other.sequence) = (2, 2)
   AND (entry.subject_id, other.subject_id) IN ((%s, %s), (%s, %s))
"""
ATTACKS = (change, delete, insert, reorder, truncate, move, swap_salts, roll_back)


@pytest.fixture
def make_ledger(seals, contact_type) -> Callable[[int], list[int]]:
    """Make so many contacts with three entries each, and a fifth as many that are anonymized; return the former."""

    def make(size: int) -> list[int]:
        for notes in PATCHES:
            given = [
                {
                    "externalId": f"E-{number}",
                    "contactTypeId": contact_type.pk,
                    "username": f"user-{number}",
                    "details": details(relationship={"notes": notes}),
                }
                for number in range(size + size // 5)
            ]
            assert counts(synced(lines(*given)))[3] == 0
            seal_ledger()
        ids = list(ExternalConnection.objects.order_by("contact_id").values_list("contact_id", flat=True))
        random.Random(size).shuffle(ids)
        gone = ids[size:]
        for first in range(0, len(gone), 100):
            anonymize_contacts(actor=SYSTEM, contact_ids=gone[first : first + 100])
        seal_ledger()
        return ids[:size]

    return make


def attack(attacker: Attacker, ids: list[int]) -> Places:
    """Attack pairs of contacts, each kind of attack in turn; return the places."""
    places: Places = set()
    for number, (one, other) in enumerate(zip(ids[::2], ids[1::2], strict=True)):
        places |= ATTACKS[number % len(ATTACKS)](attacker, one, other)
    return places


@pytest.mark.parametrize("size", [48, pytest.param(1000, marks=pytest.mark.slow)])
def test_each_place_is_named_and_no_other(make_ledger, attacker, seals, size):
    ids = make_ledger(size + size // 8)
    before = verify_all(copies=seals, processes=1)
    assert before.findings == []
    assert before.erased >= size // 5 * ENTRIES
    attacked = ids[:size]
    places = attack(attacker, attacked)
    # Nothing but the database's own keys stops it: every commitment, hash and list of a seal fits again.
    attacker.compute_everything_anew()
    found = verify_all(copies=seals, processes=1).findings
    named = {(finding.kind, finding.subject_id, finding.sequence) for finding in found}
    assert places - named == set()
    assert {place[1] for place in named} - {0} == set(attacked)
    # The seals' lists were computed anew as well, which the signatures show without any copy.
    assert sum("seal" in finding.problem for finding in verify_all(processes=1).findings) >= len(PATCHES)


def test_one_contact_and_what_was_sealed_since_are_verified_alone(make_ledger, attacker, seals):
    one, other, quiet, *_rest = make_ledger(8)
    places = change(attacker, one, other)
    attacker.compute_everything_anew(seals=False)

    def named(report):
        return {(finding.kind, finding.subject_id, finding.sequence) for finding in report.findings}

    assert named(verify_subjects([DETAILS], one, copies=seals)) == of(2, one) < places
    assert named(verify_subjects([DETAILS], quiet, copies=seals)) == set()
    assert named(verify_since(1, copies=seals)) == places
    assert named(verify_since(3, copies=seals)) == set()
