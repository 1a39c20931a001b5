"""Verification finds what was changed, and who owns the database cannot prevent it."""

import pytest

from accounts.actor import system_actor
from audit.models import Entry
from contacts.services.anonymization import anonymize_contacts
from contacts.services.changes import patch_details
from proof.models import Seal
from proof.sealing import seal_ledger
from proof.verification.running import verify_all

pytestmark = pytest.mark.django_db(transaction=True)

SYSTEM = system_actor("tests")
DETAILS = "contact-details"


def places(report):
    return [(finding.kind, finding.subject_id, finding.sequence) for finding in report.findings]


@pytest.fixture
def contacts(make_contact, seals):
    """Nine contacts with four entries each, of which the last has been anonymized, sealed in three seals."""
    contacts = [make_contact() for _ in range(9)]
    seal_ledger()
    for number in range(3):
        for contact in contacts:
            patch = {"relationship": {"notes": f"call {number}"}}
            patch_details(actor=SYSTEM, contact_id=contact.pk, patch=patch, comment="by phone")
        seal_ledger()
    anonymize_contacts(actor=SYSTEM, contact_ids=[contacts[-1].pk])
    seal_ledger()
    return contacts


def test_nothing_is_found_where_nothing_was_changed(contacts, seals):
    for copies, processes in ((None, 1), (seals, 2)):
        report = verify_all(copies=copies, processes=processes)
        assert report.findings == []
        assert report.entries == Entry.objects.count()
        assert (report.erased, report.unsealed) == (4, 0)


ATTACKS = {
    "change": ("UPDATE audit_entry SET changes = replace(changes::text, 'call', 'cull')::jsonb", 3),
    "comment": ("UPDATE audit_entry SET comment = 'in writing'", 2),
    "path": ("UPDATE audit_entry SET changes = replace(changes::text, 'notes', 'vows')::jsonb", 2),
    "searched path": ("UPDATE audit_entry SET paths = '{relationship}'", 2),
    "who": ("UPDATE audit_entry SET initiator_system = 'another'", 2),
    "when": ("UPDATE audit_entry SET recorded_at = '2001-01-01'", 3),
    "correlation": ("UPDATE audit_entry SET correlation_id = 'x'", 2),
    "salt": ("UPDATE audit_entry SET salt = decode(repeat('ab', 16), 'hex')", 2),
    "silence": ("UPDATE audit_entry SET salt = NULL, changes = contacts_without_values(changes), comment = NULL", 3),
}


@pytest.mark.parametrize("is_clever", [False, True], ids=["bluntly", "with every hash computed anew"])
def test_each_changed_entry_is_named(contacts, seals, attacker, is_clever, subtests):
    kept = list(Entry.objects.order_by("pk"))
    kept_seals = list(Seal.objects.all())
    for name, (statement, sequence) in ATTACKS.items():
        with subtests.test(name):
            contact = contacts[0]
            attacker.sql(
                f"{statement} WHERE kind = %s AND subject_id = %s AND sequence = %s", DETAILS, contact.pk, sequence
            )
            if is_clever:
                attacker.compute_everything_anew()
            report = verify_all(copies=seals, processes=1)
            assert (DETAILS, contact.pk, sequence) in places(report)
            named = {place for place in places(report) if place[0] == DETAILS}
            assert named == {(DETAILS, contact.pk, sequence)}
            # Without the copies the seals still show it, if not where.
            assert verify_all(processes=1).findings != []
            attacker.put_back(kept, kept_seals)
    assert verify_all(copies=seals, processes=1).findings == []
