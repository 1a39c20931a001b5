"""A history can be proven where Kontor is not installed, by a program of its own and by the words of docs/proof.md."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.actor import system_actor
from contacts.services.anonymization import anonymize_contacts
from contacts.services.changes import patch_details
from proof.sealing import seal_ledger
from tests.proof.by_the_page import faults_of

pytestmark = pytest.mark.django_db(transaction=True)

SYSTEM = system_actor("tests")


@pytest.fixture
def contact(make_contact, seals):
    contact = make_contact()
    for number in (1, 2.5, 1e21, "Zoë \U0001f600"):
        patch = {"relationship": {"notes": f"{number}"}}
        patch_details(actor=SYSTEM, contact_id=contact.pk, patch=patch, comment="as she wrote")
        make_contact()
        seal_ledger()
    return contact


def exported(contact, folder: Path) -> Path:
    call_command("export_proof", contact.pk, output=folder / "proof.json", script=folder / "verify_proof.py")
    return folder / "proof.json"


def run(proof: Path, key: Path, *, python=(sys.executable, "-I")) -> tuple[int, str]:
    """Run the program that was exported, in its own folder, with nothing of this project."""
    done = subprocess.run(
        [*python, proof.with_name("verify_proof.py"), proof, "--public-key", key],
        cwd=proof.parent, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, done.stdout


# Without site packages there is no `cryptography`, and openssl verifies.
@pytest.mark.parametrize("python", [(sys.executable, "-I"), (sys.executable, "-I", "-S")], ids=["library", "openssl"])
def test_the_program_verifies_an_export_with_the_public_key_alone(contact, seals, make_key, tmp_path, python):
    folder = tmp_path / "court"
    folder.mkdir()
    proof = exported(contact, folder)
    stranger = make_key("stranger").with_name("stranger.pub")
    status, output = run(proof, stranger, python=python)
    assert status == 1
    assert "its key is neither the given one nor introduced by it" in output
    assert run(proof, tmp_path / "first.pub", python=python)[0] == 0
    assert faults_of(json.loads(proof.read_text()), (tmp_path / "first.pub").read_text()) == []


CHANGES = [
    ("a value", "values are not", lambda proof: proof["entries"][1]["changes"][0].update(target="x")),
    ("a comment", "values are not", lambda proof: proof["entries"][1].update(comment="x")),
    ("a path", "paths are not", lambda proof: proof["entries"][1]["changes"][0].update(path="x")),
    ("who", "hash is wrong", lambda proof: proof["entries"][1].update(initiatorSystem="x")),
    ("when", "hash is wrong", lambda proof: proof["entries"][1].update(recordedAt="2001-01-01T00:00:00.000000Z")),
    ("an entry that is gone", "entries are missing", lambda proof: proof["entries"].pop(1)),
    ("the end that is gone", "version is not", lambda proof: proof["entries"].pop()),
    ("the document", "not the one", lambda proof: proof["documents"][0]["document"].update(more=1)),
    ("a salt", "values are not", lambda proof: proof["entries"][1].update(salt="00" * 16)),
    ("values that are gone", "no entry says", lambda proof: [
        proof["entries"][1].update(salt=None, comment=None),
        proof["entries"][1]["changes"][0].update(original=None, target=None),
    ]),
    ("a root", "signature is wrong", lambda proof: proof["seals"][0].update(
        body=proof["seals"][0]["body"].replace('"root":"', '"root":"0', 1))),
    ("a path to the root", "not what seal", lambda proof: proof["entries"][1]["path"].pop()),
    ("a seal that is gone", "missing or not authentic", lambda proof: proof["seals"].pop()),
]  # fmt: skip


def test_both_find_what_was_changed_in_an_export(contact, tmp_path, subtests):
    key = tmp_path / "first.pub"
    original = json.loads(exported(contact, tmp_path).read_text())
    for name, words, change in CHANGES:
        with subtests.test(name):
            proof = json.loads(json.dumps(original))
            change(proof)
            (tmp_path / "proof.json").write_text(json.dumps(proof))
            status, output = run(tmp_path / "proof.json", key)
            assert status == 1
            assert words in output
            assert faults_of(proof, key.read_text()) != []


def test_an_anonymized_history_verifies_and_the_export_has_nothing_of_the_person(contact, tmp_path):
    anonymize_contacts(actor=SYSTEM, contact_ids=[contact.pk])
    seal_ledger()
    proof = exported(contact, tmp_path)
    assert run(proof, tmp_path / "first.pub")[0] == 0
    assert faults_of(json.loads(proof.read_text()), (tmp_path / "first.pub").read_text()) == []
    assert not any(text in proof.read_text() for text in ("Spyri", "Johanna", "1967", "Zoë", "as she wrote"))


def test_of_nobody_there_is_no_proof(db, tmp_path):
    with pytest.raises(CommandError, match="no contact 4711"):
        call_command("export_proof", 4711, output=tmp_path / "proof.json")
