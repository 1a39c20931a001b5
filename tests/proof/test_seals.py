"""Seals are chained, signed, copied, and survive another key, a restored database and a killed process."""

import json

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from accounts.actor import system_actor
from audit.models import Entry
from contacts.services.changes import patch_details
from events.models import Event
from proof.keys import read_public_key
from proof.models import Seal
from proof.sealing import RESTORE, seal_ledger
from proof.verification.running import verify_all
from tests.fixtures import without_triggers

pytestmark = pytest.mark.django_db(transaction=True)

SYSTEM = system_actor("tests")


def body(number: int) -> dict:
    return json.loads(Seal.objects.get(pk=number).body)


def problems(**options) -> list[str]:
    return [finding.problem for finding in verify_all(processes=1, **options).findings]


@pytest.fixture
def contact(make_contact, seals):
    return make_contact()


def test_a_seal_covers_what_was_numbered_since_the_last_and_nothing_makes_no_seal(contact, make_contact):
    assert seal_ledger() == 1
    assert seal_ledger() == 0
    make_contact()
    assert seal_ledger() == 1
    first, second = body(1), body(2)
    assert (first["first"], second["first"]) == (1, first["last"] + 1)
    assert second["last"] == Event.objects.count()
    assert first["begins"] == second["begins"] == first["last"]


def test_without_a_key_nothing_is_sealed(contact, settings):
    settings.SEAL_KEY_FILES = []
    assert seal_ledger() == 0
    with pytest.raises(CommandError, match="names no key"):
        call_command("seal")
    settings.SEAL_KEY_FILES = ["/nowhere"]
    with pytest.raises(ImproperlyConfigured, match="no private key"):
        seal_ledger()


@pytest.mark.parametrize("sql", ["UPDATE proof_seal SET body = ''", "DELETE FROM proof_seal", "TRUNCATE proof_seal"])
def test_a_seal_is_neither_changed_nor_deleted(contact, sql):
    seal_ledger()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


class TestKeys:
    def test_the_old_key_introduces_the_new_one(self, contact, make_contact, make_key, settings, seals, tmp_path):
        seal_ledger()
        old, new = settings.SEAL_KEY_FILES[0], str(make_key("second"))
        settings.SEAL_KEY_FILES = [new]
        make_contact()
        with pytest.raises(ImproperlyConfigured, match="lacks the key of the last seal"):
            seal_ledger()
        settings.SEAL_KEY_FILES = [new, old]
        assert seal_ledger() == 2
        settings.SEAL_KEY_FILES = [new]
        make_contact()
        assert seal_ledger() == 1
        assert body(2)["nextKey"] == body(3)["key"] == body(4)["key"]
        first, second = (read_public_key((tmp_path / name).read_bytes()) for name in ("first.pub", "second.pub"))
        assert problems(public_key=first, copies=seals) == problems(public_key=first) == []
        assert any("its signature" in problem for problem in problems(public_key=second))

    def test_seals_of_another_key_are_found(self, contact, make_key, settings, seals, tmp_path):
        seal_ledger()
        genuine = read_public_key((tmp_path / "first.pub").read_bytes())
        settings.SEAL_KEY_FILES, settings.SEAL_FILE = [str(make_key("forger"))], ""
        with without_triggers():
            Seal.objects.all().delete()
        seal_ledger()
        assert problems() == []
        assert any("its signature" in problem for problem in problems(public_key=genuine))
        assert any("no such seal as the copy" in problem for problem in problems(copies=seals))


class TestCopies:
    def test_a_killed_process_leaves_no_half_line(self, contact, make_contact, seals):
        seal_ledger()
        whole = seals.read_bytes()
        seals.write_bytes(whole + b'{"body":"cut o')
        make_contact()
        seal_ledger()
        assert seals.read_bytes().startswith(whole)
        assert [json.loads(json.loads(line)["body"])["number"] for line in seals.open()] == [1, 2]

    def test_seals_and_entries_that_are_gone_from_the_end_are_found_by_the_copies_alone(self, contact, seals, attacker):
        seal_ledger()
        patch_details(actor=SYSTEM, contact_id=contact.pk, patch={"relationship": {"notes": "x"}})
        seal_ledger()
        attacker.remove_entry(contact.pk, 2)
        attacker.sql(
            "UPDATE contacts_contact SET version = 1, details = details - 'relationship' WHERE id = %s", contact.pk
        )
        with without_triggers():
            Seal.objects.filter(pk=2).delete()
        assert problems() == []
        found = verify_all(processes=1, copies=seals).findings
        assert any((finding.subject_id, finding.sequence) == (contact.pk, 2) for finding in found)

    def test_a_restored_database_says_so_and_goes_on(self, contact, make_contact, seals, attacker):
        seal_ledger()
        make_contact()
        seal_ledger()
        lost = Seal.objects.get(pk=2)
        with without_triggers():
            Seal.objects.filter(pk=2).delete()
        seal_ledger()
        assert (body(3)["restored"], body(3)["first"]) == (1, body(1)["last"] + 1)
        (entry,) = Entry.objects.filter(kind=RESTORE)
        assert entry.changes == [{"path": "lastSeal", "original": 2, "target": 1}]
        seal_ledger()
        assert problems() == []
        found = problems(copies=seals)
        assert len(found) == 1
        assert lost.body[:200] in found[0]
