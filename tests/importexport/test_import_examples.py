"""The example files of docs/import.md work as described."""

import json
from pathlib import Path

import pytest

from importexport.models import ImportKind
from schemas.models import ListItem
from tests.importexport.importing import array, counts, lines, paths, synced

pytestmark = pytest.mark.django_db
EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


def test_the_examples_import(contact_type, make_participant, make_member, make_contact):
    make_participant("Zurich")
    make_participant("Geneva")
    make_member("anna")
    first, second = json.loads((EXAMPLES / "contacts.json").read_text())
    first["contactTypeId"] = contact_type.pk
    job = synced(array(first, second))
    # The second only says where a contact belongs that is there already.
    assert counts(job) == (1, 0, 0, 1)
    assert {position for position, _path in paths(job)} == {2}
    companies = [json.loads(line) for line in (EXAMPLES / "legal-entities.jsonl").read_text().splitlines()]
    policy = ListItem.objects.get(list__key="access-policy", key="owner")
    companies[1] |= {
        "details": {"name": "Rütli AG"},
        "contacts": [{"id": make_contact().pk, "accessPolicyId": policy.pk}],
    }
    assert counts(synced(lines(*companies), kind=ImportKind.LEGAL_ENTITIES)) == (2, 0, 0, 0)
