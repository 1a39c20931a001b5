"""GraphQL as a read API: results and errors for applications, members and contacts."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from graphql import get_introspection_query

from accounts.actor import system_actor
from contacts.models import Contact
from contacts.services.connections import add_external_connection
from schemas.queries import current_schema
from schemas.services import publish_schema
from tests.api import Answer, Api
from tests.fixtures import details, without_triggers
from tests.legalentities.conftest import make_legal_entity, policy  # noqa: F401 - fixtures
from tests.legalentities.documents import company
from tests.schemas.conftest import field, section

pytestmark = pytest.mark.django_db

SAMPLE_CONTACTS = """query {
  contacts(
    where: {
      and: [{ personalInformation: { displayName: { contains: "Shannon" } } }]
    }
  ) {
    items {
    }
  }
}"""
SAMPLE_LEGAL_ENTITIES = """query {
  legalentities(
    where: { and: [{ details: { name: { contains: "Globales" } } }] }
  ) {
    items {
      id
    }
  }
}"""
SYSTEM = system_actor("tests")
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "graphql.md"


def ask(api: Api, query: str, variables: dict[str, Any] | None = None, **others: Any) -> Answer:
    answer = api.post("/graphql", {"query": query, "variables": variables, **others})
    assert answer.status == 200, answer.json
    return answer


def data(api: Api, query: str, variables: dict[str, Any] | None = None, **others: Any) -> Any:
    answer = ask(api, query, variables, **others)
    assert "errors" not in answer.json, answer.json
    return answer.json["data"]


def errors(api: Api, query: str, variables: dict[str, Any] | None = None, **others: Any) -> list[dict[str, Any]]:
    return ask(api, query, variables, **others).json["errors"]


def ids(api: Api, arguments: str = "", root: str = "contacts") -> list[int]:
    found = data(api, f"{{ {root}{arguments and f'({arguments})'} {{ items {{ id }} }} }}")
    return [item["id"] for item in found[root]["items"]]


def named(make_contact: Any, *names: str, **others: Any) -> list[Contact]:
    return [
        make_contact(details(personalInformation={"displayName": name, "lastName": name}), **others) for name in names
    ]


# ---- the queries of the reference


def test_the_sample_query_for_contacts_works_as_printed(make_contact, app):
    named(make_contact, "Claude Shannon", "Emmy Noether")
    assert data(app, SAMPLE_CONTACTS) == {"contacts": {"items": [{}]}}


def test_the_sample_query_finds_who_has_no_display_name_by_the_name(make_contact, app):
    document = details(personalInformation={"firstName": "Shannon", "lastName": "Crawford"})
    del document["personalInformation"]["displayName"]
    crawford = make_contact(document)
    named(make_contact, "Emmy Noether")
    assert data(app, SAMPLE_CONTACTS) == {"contacts": {"items": [{}]}}
    for said in ('contains: "NON CRAW"', 'eq: "Shannon Crawford"', 'startsWith: "shannon"', 'in: ["Shannon Crawford"]'):
        assert ids(app, f"where: {{ personalInformation: {{ displayName: {{ {said} }} }} }}") == [crawford.pk]
    assert ids(app, "where: { personalInformation: { displayName: { eq: null } } }") == [crawford.pk]


def test_the_sample_query_for_legal_entities_works_as_printed(make_contact, make_legal_entity, app):  # noqa: F811
    found = make_legal_entity(make_contact(), document=company(name="Inversiones Globales S.A."))
    make_legal_entity(make_contact())
    assert data(app, SAMPLE_LEGAL_ENTITIES) == {"legalentities": {"items": [{"id": found.pk}]}}


def test_the_examples_of_the_documentation_work(make_contact, app):
    make_contact()
    examples = re.findall(r"```graphql\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    assert len(examples) == 3
    for example in examples:
        data(app, example)


# ---- what there is to read


def test_a_contact_has_its_attributes_and_the_sections_of_its_details(make_contact, app):
    addresses = [{"type": "domicile", "city": "Zürich", "postalCode": "8001", "country": "CH"}]
    contact = make_contact(details(contactInformation={"addresses": addresses}), username="johanna")
    add_external_connection(actor=SYSTEM, contact_id=contact.pk, system="Default", external_id="K-1")
    add_external_connection(actor=SYSTEM, contact_id=contact.pk, system="CRM", external_id="O-1")
    found = data(
        app,
        """{ contacts { items { id uid externalId username name version createDate changeDate type { id key name }
        personalInformation { firstName dateOfBirth nationalities placeOfBirth }
        contactInformation { addresses { city country street } } occupation { employer } } } }""",
    )
    assert found["contacts"]["items"] == [
        {
            "id": contact.pk,
            "uid": str(contact.uid),
            "externalId": "K-1",
            "username": "johanna",
            "name": "Johanna Spyri",
            "version": 1,
            "createDate": contact.created_at.isoformat().replace("+00:00", "Z"),
            "changeDate": contact.entries.get().recorded_at.isoformat().replace("+00:00", "Z"),
            "type": {"id": contact.type_id, "key": "client", "name": "Client"},
            "personalInformation": {
                "firstName": "Johanna",
                "dateOfBirth": "1967-06-12",
                "nationalities": ["CH"],
                "placeOfBirth": None,
            },
            "contactInformation": {"addresses": [{"city": "Zürich", "country": "CH", "street": None}]},
            "occupation": None,
        }
    ]


def test_the_name_of_the_type_is_in_the_language_of_the_request(make_contact, app):
    make_contact()
    answer = app.post("/graphql", {"query": "{ contacts { items { type { name } } } }"}, accept_language="de")
    assert answer.json["data"]["contacts"]["items"] == [{"type": {"name": "Kunde"}}]


def test_a_legal_entity_has_its_attributes_and_its_details(make_contact, make_legal_entity, app):  # noqa: F811
    found = make_legal_entity(make_contact(), external_id="L-1")
    group_id = found.group_id
    asked = """{ legalentities { totalCount items { id uid externalId contactGroupId name version
        details { name registration { country } } } } }"""
    assert data(app, asked)["legalentities"] == {
        "totalCount": 1,
        "items": [
            {
                "id": found.pk,
                "uid": str(found.uid),
                "externalId": "L-1",
                "contactGroupId": group_id,
                "name": "Alpöhi Holding AG",
                "version": 1,
                "details": {"name": "Alpöhi Holding AG", "registration": {"country": "CH"}},
            }
        ],
    }
    assert ids(app, f"where: {{ contactGroupId: {{ eq: {group_id} }} }}", "legalentities") == [found.pk]
    assert ids(app, f"where: {{ contactGroupId: {{ neq: {group_id} }} }}", "legalentities") == []
    assert ids(app, "order: [{ contactGroupId: DESC }]", "legalentities") == [found.pk]


def test_attributes_are_filters_too(make_contact, app):
    first, second = named(make_contact, "Ada", "Bob")
    add_external_connection(actor=SYSTEM, contact_id=first.pk, system="Default", external_id="K-1")
    add_external_connection(actor=SYSTEM, contact_id=second.pk, system="CRM", external_id="K-2")
    for said, found in {
        f"id: {{ eq: {first.pk} }}": [first],
        f"id: {{ in: [{first.pk}, {second.pk}] }}": [first, second],
        f"id: {{ gt: {first.pk} }}": [second],
        f'uid: {{ eq: "{first.uid}" }}': [first],
        f'uid: {{ nin: ["{first.uid}"] }}': [second],
        f'username: {{ eq: "{first.username}" }}': [first],
        'name: { startsWith: "AD" }': [first],
        'externalId: { eq: "K-1" }': [first],
        'externalId: { neq: "K-1" }': [second],
        'externalId: { contains: "k-" }': [first],
        'externalId: { in: ["K-1", "K-2"] }': [first],
        'externalId: { in: ["K-9", null] }': [second],
        "externalId: { eq: null }": [second],
        "externalId: { neq: null }": [first],
        "version: { gte: 1 }": [first, second],
        'createDate: { gt: "2020-01-01T00:00:00Z" }': [first, second],
        'createDate: { lt: "2020-01-01T00:00:00+01:00" }': [],
        'changeDate: { gt: "2020-01-01T00:00:00Z" }': [first, second],
        'changeDate: { lt: "2020-01-01T00:00:00+01:00" }': [],
        "changeDate: { eq: null }": [],
        'type: { key: { eq: "client" } }': [first, second],
        f"type: {{ id: {{ neq: {first.type_id} }} }}": [],
    }.items():
        assert ids(app, f"where: {{ {said} }}") == [contact.pk for contact in found], said


def test_contacts_are_found_and_sorted_by_the_time_of_their_last_change(make_contact, app):
    ada, bob, cleo = named(make_contact, "Ada", "Bob", "Cleo")
    change = {"details": {"relationship": {"notes": "Seen"}}}
    assert app.patch(f"/v1.0/contacts/{ada.pk}/details", change).status == 200
    # A test runs in one transaction, which has one time.
    with without_triggers():
        for day, entry in ((1, bob.entries), (2, ada.entries.filter(sequence=1)), (3, cleo.entries)):
            entry.update(recorded_at=datetime(2026, 1, day, tzinfo=UTC))
        ada.entries.filter(sequence=2).update(recorded_at=datetime(2026, 1, 9, tzinfo=UTC))
    # What it was before its last change does not count.
    assert ids(app, 'where: { changeDate: { gte: "2026-01-02T00:00:00Z", lt: "2026-01-03T00:00:00Z" } }') == []
    since = 'where: { changeDate: { gte: "2026-01-03T00:00:00Z" } } order: [{ changeDate: DESC }]'
    assert ids(app, since) == [ada.pk, cleo.pk]
    assert ids(app, "order: [{ changeDate: ASC }]") == [bob.pk, cleo.pk, ada.pk]


def test_the_order_by_last_change_follows_an_index(make_contact):
    make_contact()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off")
    latest_first = Contact.objects.order_by("-latest_entry__recorded_at", "id")[:20]
    assert "Index Scan Backward using entry_by_time" in latest_first.explain()
    since = Contact.objects.filter(latest_entry__recorded_at__gt=timezone.now())
    plan = since.order_by("latest_entry__recorded_at", "id")[:20].explain()
    assert "Index Scan using entry_by_time" in plan
    assert "Index Cond: (recorded_at >" in plan


def test_stored_values_that_a_new_schema_types_differently_are_told_and_the_rest_is_answered(make_contact, app):
    contact = make_contact()
    contact.details["personalInformation"].update(
        {"firstName": 17, "nationalities": "CH", "lastName": None, "dateOfBirth": "31.12.1980"}
    )
    contact.details["regulatory"] = {"riskScore": 7.5, "sanctionsCheckedAt": "now"}
    contact.details["contactInformation"] = ["x"]
    contact.version += 1
    with without_triggers():
        contact.save()
    query = """{ contacts { items { id personalInformation { firstName lastName nationalities displayName dateOfBirth }
                regulatory { riskScore sanctionsCheckedAt }
                contactInformation { email } } } }"""
    answer = ask(app, query)
    assert answer.json["data"]["contacts"]["items"] == [
        {
            "id": contact.pk,
            "personalInformation": {
                "firstName": None,
                "lastName": None,
                "nationalities": None,
                "displayName": "Johanna Spyri",
                "dateOfBirth": None,
            },
            "regulatory": {"riskScore": None, "sanctionsCheckedAt": None},
            "contactInformation": None,
        }
    ]
    places = [(error["path"][-1], error["extensions"]["code"]) for error in answer.json["errors"]]
    assert sorted(places) == [
        (place, "UnprocessableEntity")
        for place in sorted(
            ["contactInformation", "dateOfBirth", "firstName", "nationalities", "riskScore", "sanctionsCheckedAt"]
        )
    ]


# ---- pages


def test_pages_are_cut_by_skip_and_take_and_tell_where_they_stand(make_contact, app):
    contacts = [contact.pk for contact in named(make_contact, *"abcde")]

    def page(arguments: str) -> tuple[list[int], int, bool, bool]:
        query = (
            f"{{ contacts({arguments}) {{ items {{ id }} totalCount pageInfo {{ hasNextPage hasPreviousPage }} }} }}"
        )
        found = data(app, query)["contacts"]
        info = found["pageInfo"]
        found_ids = [item["id"] for item in found["items"]]
        return found_ids, found["totalCount"], info["hasNextPage"], info["hasPreviousPage"]

    assert page("take: 2") == (contacts[:2], 5, True, False)
    assert page("skip: 2, take: 2") == (contacts[2:4], 5, True, True)
    assert page("skip: 3, take: 2") == (contacts[3:], 5, False, True)
    assert page("skip: 9") == ([], 5, False, True)
    assert page("take: 0") == ([], 5, True, False)
    assert page('where: { name: { in: ["a", "e"] } }, take: 1') == (contacts[:1], 2, True, False)


def test_a_page_has_20_rows_unless_said_and_200_at_most(make_contact, app):
    make = make_contact()
    with without_triggers():
        Contact.objects.bulk_create([Contact(type_id=make.type_id, details={}) for _number in range(204)])
    assert len(ids(app)) == 20
    assert len(ids(app, "take: 200")) == 200
    assert len(ids(app, "take: null")) == 20
    for refused in ("take: 201", "take: -1", "skip: -1"):
        (error,) = errors(app, f"{{ contacts({refused}) {{ totalCount }} }}")
        assert error["extensions"]["code"] == "UnprocessableEntity", refused


def test_rows_are_ordered_by_any_field_and_ties_by_id(make_contact, app):
    ada, bob, cleo, none = named(make_contact, "ada", "Bob", "Cleo", "none")
    for contact, date, score in ((ada, "1990-01-01", 10), (bob, "1980-01-01", 9), (cleo, "1990-01-01", 100)):
        contact.details["personalInformation"]["dateOfBirth"] = date
        contact.details["regulatory"] = {"riskScore": score}
        contact.version += 1
        with without_triggers():
            contact.save()
    del none.details["personalInformation"]["dateOfBirth"]
    none.version += 1
    with without_triggers():
        none.save()

    def order(said: str) -> list[str]:
        query = f"{{ contacts(order: {said}) {{ items {{ personalInformation {{ lastName }} }} }} }}"
        return [item["personalInformation"]["lastName"] for item in data(app, query)["contacts"]["items"]]

    assert order("[{ personalInformation: { lastName: ASC } }]") == ["ada", "Bob", "Cleo", "none"]
    assert order("[{ personalInformation: { lastName: DESC } }]") == ["none", "Cleo", "Bob", "ada"]
    # Numbers as numbers; what is absent comes first, and last when descending, as in every search.
    assert order("[{ regulatory: { riskScore: ASC } }]") == ["none", "Bob", "ada", "Cleo"]
    assert order("[{ regulatory: { riskScore: DESC } }]") == ["Cleo", "ada", "Bob", "none"]
    assert order("[{ personalInformation: { dateOfBirth: DESC } }]") == ["ada", "Cleo", "Bob", "none"]
    assert order("[{ personalInformation: { dateOfBirth: DESC } }, { id: DESC }]") == ["Cleo", "ada", "Bob", "none"]
    # One field needs no list around it.
    assert order("{ id: DESC }") == ["none", "Cleo", "Bob", "ada"]
    assert order("[{ type: { key: ASC } }]") == ["ada", "Bob", "Cleo", "none"]
    assert order("[]") == ["ada", "Bob", "Cleo", "none"]


def test_names_are_ordered_as_their_readers_do(make_contact, app):
    found = named(make_contact, "Zoller", "Nägeli", "nagel", "Örn", "Nater")
    names = {contact.pk: contact.details["personalInformation"]["lastName"] for contact in found}
    for said in ("{ personalInformation: { lastName: ASC } }", "{ name: ASC }"):
        assert [names[pk] for pk in ids(app, f"order: {said}")] == ["nagel", "Nägeli", "Nater", "Örn", "Zoller"]


def test_an_order_names_one_field_at_a_time_and_no_array(app, default_schemas):
    for said in (
        "[{ id: ASC, name: ASC }]",
        "[{ personalInformation: { nationalities: ASC } }]",
        "[{ contactInformation: { addresses: { city: ASC } } }]",
        "[{}]",
        "[{ id: UP }]",
        "[null]",
    ):
        (error, *_others) = errors(app, f"{{ contacts(order: {said}) {{ totalCount }} }}")
        assert error["extensions"]["code"] == "BadRequest", said
    many = ", ".join("{ id: ASC }" for _number in range(11))
    (error,) = errors(app, f"{{ contacts(order: [{many}]) {{ totalCount }} }}")
    assert error["extensions"]["code"] == "UnprocessableEntity"


# ---- who sees what


def test_everybody_finds_and_counts_what_they_see_and_nothing_else(
    make_contact, make_member, make_participant, make_app, api_of
):
    bank, other = make_participant(), make_participant()
    head = make_member()
    clerk, stranger = make_member(manager=head), make_member()
    mine = make_contact(participants=[bank], members=[clerk])
    theirs = make_contact(participants=[other], members=[stranger])
    for who, seen in {
        make_app(): [mine, theirs],
        make_app(participants=[bank]): [mine],
        make_app(participants=[make_participant()]): [],
        make_member(sees_all_contacts=True): [mine, theirs],
        head: [mine],
        clerk: [mine],
        stranger: [theirs],
        make_member(): [],
        mine: [mine],
    }.items():
        api = api_of(who)
        found = data(api, "{ contacts(where: { id: { neq: null } }) { totalCount items { id } } }")["contacts"]
        assert [item["id"] for item in found["items"]] == [contact.pk for contact in seen], who
        assert found["totalCount"] == len(seen), who
        # Asking for what one does not see finds nothing, however it is asked.
        for said in ('or: [{ id: { gt: 0 } }, { name: { neq: "" } }]', 'name: { ncontains: "x" }'):
            counted = data(api, f"{{ contacts(where: {{ {said} }}) {{ totalCount }} }}")
            assert counted["contacts"]["totalCount"] == len(seen), (who, said)


def test_legal_entities_are_seen_through_their_contacts(make_contact, make_member, make_legal_entity, api_of):  # noqa: F811
    clerk, stranger = make_member(), make_member()
    owner = make_contact(members=[clerk])
    legal_entity = make_legal_entity(owner)
    make_legal_entity(make_contact())
    for who, seen in {owner: [legal_entity.pk], clerk: [legal_entity.pk], stranger: [], make_contact(): []}.items():
        api = api_of(who)
        assert ids(api, "", "legalentities") == seen
        assert data(api, "{ legalentities { totalCount } }")["legalentities"]["totalCount"] == len(seen)


def test_each_root_asks_for_its_scope_and_the_other_is_answered(make_contact, make_app, api_of, anonymous):
    make_contact()
    both = "{ contacts { totalCount } legalentities { totalCount } }"
    answer = ask(api_of(make_app(), scopes=["contacts.read"]), both)
    assert answer.json["data"] == {"contacts": {"totalCount": 1}, "legalentities": None}
    (error,) = answer.json["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["legalentities"], "Forbidden")
    assert error["extensions"]["correlationId"] == answer.headers["X-Correlation-ID"]
    assert "legal-entities.read" in error["message"]
    answer = ask(api_of(make_app(), scopes=["legal-entities.read"]), both)
    assert answer.json["data"] == {"contacts": None, "legalentities": {"totalCount": 0}}
    refused = api_of(make_app(), scopes=["contacts.write"]).post("/graphql", {"query": both})
    assert (refused.status, refused.json["code"]) == (403, "Forbidden")
    assert anonymous.post("/graphql", {"query": both}).status == 401


def test_contacts_do_not_see_what_other_systems_call_them(make_contact, api_of):
    contact = make_contact()
    add_external_connection(actor=SYSTEM, contact_id=contact.pk, system="Default", external_id="K-1")
    api = api_of(contact)
    answer = ask(api, "{ contacts { items { id externalId } } }")
    assert answer.json["data"]["contacts"]["items"] == [{"id": contact.pk, "externalId": None}]
    assert [error["extensions"]["code"] for error in answer.json["errors"]] == ["Forbidden"]
    for arguments in ('where: { externalId: { startsWith: "K" } }', "order: [{ externalId: ASC }]"):
        answer = ask(api, f"{{ contacts({arguments}) {{ totalCount }} }}")
        assert answer.json["data"] == {"contacts": None}
        assert answer.json["errors"][0]["extensions"]["code"] == "Forbidden"


# ---- types that follow the schema


def test_a_field_is_there_as_soon_as_its_schema_is_published(make_contact, app):
    contact = make_contact()
    query = """{ contacts(where: { hobbies: { sport_of_choice: { eq: "Chess" } } })
        { items { hobbies { sport_of_choice } } } }"""
    assert errors(app, query)[0]["extensions"]["code"] == "BadRequest"
    definition = json.loads(current_schema("contact").definition_text)
    definition["elements"].append(section("hobbies", field("sport-of-choice"), field("and"), field("or-else")))
    publish_schema(
        actor=SYSTEM,
        key="contact",
        definition_text=json.dumps(definition),
        concurrency_token=current_schema("contact").concurrency_token,
    )
    contact.details["hobbies"] = {"sport-of-choice": "Chess", "and": "Music"}
    contact.version += 1
    with without_triggers():
        contact.save()
    # A hyphen is an underscore in GraphQL.
    assert data(app, query)["contacts"]["items"] == [{"hobbies": {"sport_of_choice": "Chess"}}]
    # A key that combines filters has an underscore at its end.
    query = """{ contacts(where: { hobbies: { and_: { eq: "Music" }, or_else: { eq: null } } })
        { items { hobbies { and_ } } } }"""
    assert data(app, query)["contacts"]["items"] == [{"hobbies": {"and_": "Music"}}]


def test_types_are_told_by_introspection(app, default_schemas):
    types = {each["name"]: each for each in data(app, get_introspection_query())["__schema"]["types"]}
    operations = {field["name"] for field in types["StringOperationFilterInput"]["inputFields"]}
    assert operations == {
        *("eq", "neq", "in", "nin", "contains", "ncontains"),
        *("startsWith", "nstartsWith", "endsWith", "nendsWith"),
    }
    comparisons = {field["name"] for field in types["DateOperationFilterInput"]["inputFields"]}
    assert comparisons == {"eq", "neq", "in", "nin", "gt", "ngt", "gte", "ngte", "lt", "nlt", "lte", "nlte"}
    lists = {field["name"] for field in types["ListItemListOperationFilterInput"]["inputFields"]}
    assert lists == {"some", "none", "all", "any"}
    assert {"Contact", "ContactPersonalInformation", "LegalEntityDetails", "ContactSortInput"} <= types.keys()
    sections = {field["name"]: field["description"] for field in types["Contact"]["fields"]}
    assert sections["personalInformation"] == "Personal information"


# ---- costs


def test_the_number_of_sql_statements_does_not_depend_on_the_rows(make_contact, app, count_queries):
    query = """{ contacts(where: { name: { neq: "" } }, order: [{ name: ASC }]) { totalCount pageInfo { hasNextPage }
        items { id externalId type { name } personalInformation { lastName nationalities } } } }"""
    data(app, query)
    for _round in range(2):
        named(make_contact, *"abcdefgh")
        with count_queries() as queries:
            data(app, query)
        # The token, the schemas' versions, the page and the count.
        assert len(queries) == 4
    with count_queries() as queries:
        data(app, "{ contacts { items { id } } }")
    assert len(queries) == 3
    with count_queries() as queries:
        data(app, "{ legalentities { totalCount items { id contactGroupId details { name } } } }")
    assert len(queries) == 4
    with count_queries() as queries:
        data(app, "{ a: contacts { items { id } } b: contacts(skip: 1) { items { id } again: items { name } } }")
    assert len(queries) == 4
