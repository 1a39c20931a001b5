"""POST /v1.0/contacts/search: what finds somebody, in which order, and who is found by whom."""

import json
from typing import Any

import pytest

from accounts.actor import system_actor
from contactgroups.models import ContactGroup, EntityType, GroupMembership, LinkedEntity
from contacts.models import ExternalConnection, SearchFill, SearchKeys, SearchWord
from contacts.services.anonymization import anonymize_contacts
from contacts.services.changes import patch_details
from contacts.services.search_keys import fill_search_keys
from schemas.models import ListItem, Schema
from schemas.services.schemas import publish_schema

pytestmark = pytest.mark.django_db
PATH = "/v1.0/contacts/search"
SYSTEM = system_actor("tests")


def named(first: str, last: str, born: str = "1967-06-12", **sections: dict[str, Any]) -> dict[str, Any]:
    person = {"firstName": first, "lastName": last, "dateOfBirth": born}
    return {"personalInformation": {**person, **sections.pop("personalInformation", {})}, **sections}


def answers(client: Any, query: str, **paging: int) -> list[dict[str, Any]]:
    answer = client.post(PATH, {"query": query, **paging})
    assert answer.status == 200, answer.json
    return answer.json["results"]


def ids(client: Any, query: str) -> list[int]:
    return [row["id"] for row in answers(client, query)]


@pytest.fixture
def reto(make_contact):
    home = {"type": "domicile", "street": "Gasse", "postalCode": "8001", "city": "Zürich", "country": "CH"}
    reach = {"email": "post9@example.ch", "mobile": "+41 79 555 01 42", "addresses": [home]}
    reto = make_contact(named("Reto", "Nägeli", "1980-02-01", contactInformation=reach), username="rnaegeli7")
    ExternalConnection.objects.create(contact=reto, system="CRM", external_id="K-77.123")
    return reto


@pytest.fixture
def others(make_contact):
    """Somebody else, who is like Reto in everything that a careless search would take for the same."""
    return [make_contact(named("Vreni", "Nagel")), make_contact(named("Renato", "Nef"))]


QUERIES = [
    ("Nägeli", ["personalInformation.lastName"]),
    ("nageli", ["personalInformation.lastName"]),
    ("Naegeli", ["personalInformation.lastName"]),
    ("NÄGELI reto", ["personalInformation.lastName", "personalInformation.firstName"]),
    ("ägel reto", ["personalInformation.lastName", "personalInformation.firstName"]),
    ("Reot Nägeli", ["personalInformation.firstName", "personalInformation.lastName"]),
    ("Nägelli", ["personalInformation.lastName"]),
    ("Rteo", ["personalInformation.firstName"]),
    ("079 555 01 42", ["contactInformation.mobile"]),
    ("+41795550142", ["contactInformation.mobile"]),
    ("0041 (0)79 555 01 42", ["contactInformation.mobile"]),
    ("555 01 42", ["contactInformation.mobile"]),
    ("post9@example.ch", ["contactInformation.email"]),
    ("POST9@EXAMPLE.CH", ["contactInformation.email"]),
    ("1.2.1980", ["personalInformation.dateOfBirth"]),
    ("01.02.1980", ["personalInformation.dateOfBirth"]),
    ("01/02/1980", ["personalInformation.dateOfBirth"]),
    ("1980-02-01", ["personalInformation.dateOfBirth"]),
    ("1. Februar 1980", ["personalInformation.dateOfBirth"]),
    ("1er février 1980", ["personalInformation.dateOfBirth"]),
    ("1 feb 1980", ["personalInformation.dateOfBirth"]),
    ("2.1980", ["personalInformation.dateOfBirth"]),
    ("nägeli 1980", ["personalInformation.lastName", "personalInformation.dateOfBirth"]),
    ("zuerich nägeli", ["contactInformation.addresses.city", "personalInformation.lastName"]),
    ("8001 zürich", ["contactInformation.addresses.postalCode", "contactInformation.addresses.city"]),
    ("rnaegeli7", ["username"]),
    ("K-77.123", ["externalConnections.CRM"]),
    ("k77123", ["externalConnections.CRM"]),
    ("reto 0795550142", ["personalInformation.firstName", "contactInformation.mobile"]),
]


def test_a_person_is_found_by_what_is_known_and_the_answer_says_where(app, reto, others, case):
    for query, matched in QUERIES:
        with case(query):
            first = answers(app, query)[0]
            assert first["id"] == reto.pk
            assert set(matched) == set(first["matched"])
            assert 0 < first["score"] <= 1


def test_nothing_is_found_by_what_is_not_there_or_by_marks_alone(app, reto, others):
    for query in ("Zgraggen", "079 555 01 43", "3.2.1980", "reto Zgraggen", "%", "_", "\\", "-", "' OR 1=1"):
        assert ids(app, query) == [], query


def test_a_person_is_found_by_ids_and_by_accounts(app, reto, others):
    group = ContactGroup.objects.create(name="Familie", external_id="FAM-1")
    owner = ListItem.objects.get(list__key="access-policy", key="owner")
    GroupMembership.objects.create(group=group, contact=reto, access_policy=owner)
    LinkedEntity.objects.create(group=group, entity_type=EntityType.ACCOUNT, entity_id=90_210_055)
    for query, path in (
        (str(reto.pk), "id"),
        (str(reto.uid), "uId"),
        ("fam-1", "contactGroups.externalId"),
        ("90210055", "contactGroups.linkedEntities"),
    ):
        found = next(row for row in answers(app, query) if row["id"] == reto.pk)
        assert (path in found["matched"], found["score"]) == (True, 1), query


def test_the_best_come_first_and_pages_follow_each_other(app, make_contact):
    part, start, umlaut, exact = (
        make_contact(named("A", name)) for name in ("Zumueller", "Muellerson", "Müller", "Mueller")
    )
    assert ids(app, "Mueller") == [exact.pk, umlaut.pk, start.pk, part.pk]
    # Müller has no "eller": it is what was typed with an error.
    assert ids(app, "eller") == [part.pk, start.pk, exact.pk, umlaut.pk]
    assert set(ids(app, "Müller")) == {part.pk, start.pk, umlaut.pk, exact.pk}
    answer = app.post(PATH, {"query": "Mueller", "page": 2, "pageSize": 3}).json
    assert [row["id"] for row in answer["results"]] == [part.pk]
    assert (answer["page"], answer["pageSize"], answer["pageCount"], answer["totalCount"]) == (2, 3, 2, 4)
    row = answer["results"][0]
    assert row == {
        "id": part.pk,
        "uId": str(part.uid),
        "name": "A Zumueller",
        "typeId": part.type_id,
        "score": 0.6,
        "matched": ["personalInformation.lastName"],
    }


def test_nobody_finds_whom_they_do_not_see(api_of, make_app, make_member, make_participant, reto, others):
    zurich, bern = make_participant("Zürich"), make_participant("Bern")
    stranger, caretaker, boss = make_member(), make_member(), make_member()
    caretaker.manager = boss
    caretaker.save()
    reto.assignments.create(member=caretaker)
    reto.contact_participants.create(participant=zurich)
    for query in ("Nägeli", "Nägelli", "0795550142", str(reto.pk), str(reto.uid), "K-77.123", "1.2.1980"):
        answer = api_of(stranger).post(PATH, {"query": query}).json
        assert (answer["results"], answer["totalCount"]) == ([], 0)
        assert ids(api_of(make_app(participants=[bern])), query) == []
        assert ids(api_of(others[1]), query) == []
        for who in (caretaker, boss, make_app(participants=[zurich]), reto):
            assert ids(api_of(who), query) == [reto.pk], query


def test_a_query_is_a_text_of_some_length(app):
    for query in ("", "  ", None, 1, "x" * 201):
        assert app.post(PATH, {"query": query}).status == 400, query
    assert app.post(PATH, {}).status == 400


def test_the_number_of_statements_stays_the_same(app, make_contact, count_queries):
    for number in range(30):
        make_contact(named("Anna", "Muster"), username=f"muster-{number}")
    app.post(PATH, {"query": "Anna"})
    for query, most in (("Anna", 4), ("Anna Muster-7", 5), ("Annna Mustre", 5)):
        with count_queries() as queries:
            answer = app.post(PATH, {"query": query, "pageSize": 200})
        assert answer.json["totalCount"]
        assert len(queries) <= most, [one["sql"][:120] for one in queries.captured_queries]


# ---- the keys follow what is stored


def test_changes_are_found_at_once_and_what_was_before_is_not(app, reto):
    patch_details(actor=SYSTEM, contact_id=reto.pk, patch={"personalInformation": {"lastName": "Zgraggen"}})
    reto.external_connections.update(external_id="K-88")
    assert ids(app, "Zgraggen") == ids(app, "K-88") == [reto.pk]
    assert ids(app, "Nägeli") == ids(app, "K-77.123") == []
    reto.external_connections.all().delete()
    assert ids(app, "K-88") == []


def test_an_anonymized_contact_has_no_key_of_before(app, reto):
    anonymize_contacts(actor=SYSTEM, contact_ids=[reto.pk])
    keys = SearchKeys.objects.get(pk=reto.pk).keys
    for text in ("reto", "nageli", "795550142", "example", "d1980", "77", "zurich"):
        assert text not in keys
    assert not SearchWord.objects.filter(word__in=["reto", "naegeli", "nageli"]).exists()
    assert ids(app, "Nägeli") == []


@pytest.mark.django_db(transaction=True)
def test_fields_that_are_not_searchable_find_nothing_and_become_findable_when_published(app, make_contact):
    document = named("Ida", "Ott", personalInformation={"middleName": "Quendolina"})
    ida = make_contact(document)
    assert ids(app, "Quendolina") == []
    publish(middleName=True, lastName=False)
    late = make_contact(document)
    # What is written from now on is found by the new fields, the others when the background has come to them.
    assert ids(app, "Quendolina") == [late.pk]
    assert fill_search_keys() == SearchKeys.objects.count()
    assert set(ids(app, "Quendolina")) == {ida.pk, late.pk}
    assert ids(app, "Ott") == []
    assert SearchFill.objects.get().filled_to is None
    assert fill_search_keys() == 0


def publish(**searchable: bool) -> None:
    schema = Schema.objects.get(key="contact")
    assert schema.current_version is not None
    definition = json.loads(json.dumps(schema.current_version.definition))
    group = definition["elements"][0]["elements"][0]
    for element in group["elements"]:
        if element["key"] in searchable:
            element["isSearchable"] = searchable[element["key"]]
    publish_schema(
        actor=SYSTEM,
        key="contact",
        concurrency_token=schema.concurrency_token,
        definition_text=json.dumps(definition),
        json_schema_text=None,
    )
