"""Stored legal entities, their list items and their schema."""

import pytest
from django.core.management import call_command
from django.db.models import F

from accounts.actor import system_actor
from core.errors import UnprocessableEntity
from legalentities.models import LegalEntity
from schemas.services.lists import remove_list_item
from tests.fixtures import without_triggers
from tests.legalentities.documents import company

pytestmark = pytest.mark.django_db
ADDRESS = {"type": "domicile", "city": "Chur", "country": "CH", "state": "CH-GR"}


@pytest.mark.parametrize(
    ("list_key", "used", "unused"),
    [("legal-form", "stock-corporation", "foundation"), ("state", "CH-GR", "CH-BE"), ("country", "LI", "AD")],
)
def test_only_list_items_that_no_legal_entity_uses_can_be_removed(
    make_contact, make_legal_entity, list_key, used, unused
):
    addresses = [ADDRESS, {"type": "domicile", "city": "Vaduz", "country": "LI"}]
    document = company(registration={"country": None, "state": None}, contactInformation={"addresses": addresses})
    make_legal_entity(make_contact(), document=document)
    actor = system_actor("tests")
    with pytest.raises(UnprocessableEntity):
        remove_list_item(actor=actor, list_key=list_key, key=used)
    if list_key != "country":
        remove_list_item(actor=actor, list_key=list_key, key=unused)


def test_check_details_lists_the_legal_entities_that_violate_the_schema_and_why(
    make_contact, make_legal_entity, capsys
):
    fine, wrong = make_legal_entity(make_contact()), make_legal_entity(make_contact())
    with without_triggers():
        LegalEntity.objects.filter(pk=wrong.pk).update(
            details={"registration": {"country": "Narnia"}, "old": 1}, version=F("version") + 1
        )
    with pytest.raises(SystemExit) as ended:
        call_command("check_details", schema="legal-entity")
    assert ended.value.code == 1
    shown = capsys.readouterr()
    lines = [line.split("\t") for line in shown.out.splitlines()]
    assert {(line[0], line[1]) for line in lines} == {
        (str(wrong.pk), "name"), (str(wrong.pk), "registration.country")
    }  # fmt: skip
    assert str(fine.pk) not in {line[0] for line in lines}
    assert "2 checked" in shown.err
    assert "1 violate it" in shown.err


def test_check_details_is_content_where_everything_follows_the_schema(make_contact, make_legal_entity, capsys):
    make_legal_entity(make_contact())
    call_command("check_details", schema="legal-entity")
    call_command("check_details")
    assert "1 checked against version 1 of contact, 0 violate it" in capsys.readouterr().err
