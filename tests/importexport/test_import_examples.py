"""The example files of docs/import.md work as they are, where there are the people of the demo."""

from pathlib import Path

import pytest

from contacts.models import Contact
from importexport.models import ImportKind
from tests.importexport.importing import counts, synced

pytestmark = pytest.mark.django_db
EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


def example(name):
    return (EXAMPLES / name).read_bytes()


def test_the_examples_import(make_participant, make_member):
    make_participant("Zurich")
    make_participant("Geneva")
    make_member("anna")
    assert counts(synced(example("contacts.json"))) == (2, 0, 0, 0)
    types = Contact.objects.order_by("pk").values_list("type__key", flat=True)
    assert list(types) == ["client", "prospect"]
    companies = synced(example("legal-entities.jsonl"), kind=ImportKind.LEGAL_ENTITIES)
    assert counts(companies) == (2, 0, 0, 0)
