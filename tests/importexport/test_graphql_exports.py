"""GraphQL queries as export filters."""

import pytest

from accounts.actor import Actor, ActorKind, member_actor, system_actor
from contacts.models import Contact
from core.errors import BadRequest, Forbidden, UnprocessableEntity
from importexport.graphql.filters import filtered_rows
from legalentities.models import LegalEntity
from tests.fixtures import details
from tests.importexport.test_graphql import SAMPLE_CONTACTS, SAMPLE_LEGAL_ENTITIES
from tests.legalentities.conftest import make_legal_entity, policy  # noqa: F401 - fixtures
from tests.legalentities.documents import company

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("default_schemas")]
ACTOR = system_actor("tests")


def rows(query, root="contacts", actor=ACTOR):
    return list(filtered_rows(query=query, root=root, actor=actor))


def test_the_sample_queries_work_as_printed(make_contact, make_legal_entity):  # noqa: F811
    shannon = make_contact(details(personalInformation={"displayName": "Claude SHANNON"}))
    globales = make_legal_entity(make_contact(), document=company(name="Inversiones Globales S.A."))
    make_legal_entity(make_contact())
    assert rows(SAMPLE_CONTACTS) == [shannon]
    assert rows(SAMPLE_LEGAL_ENTITIES, "legalentities") == [globales]


def test_an_export_starts_from_what_the_actor_sees(make_contact, make_member):
    member = make_member()
    seen = make_contact(members=[member])
    make_contact()
    assert rows("{ contacts { items { } } }", actor=member_actor(member)) == [seen]
    assert rows(SAMPLE_CONTACTS, actor=member_actor(member)) == []


def test_the_rows_are_a_queryset_that_can_be_counted_and_streamed(make_contact):
    contact = make_contact()
    found = filtered_rows(
        query='{ contacts(where: { name: { neq: "x" } }) { items { } } }', root="contacts", actor=ACTOR
    )
    assert (found.model, found.count()) == (Contact, 1)
    assert list(found.order_by("pk").values_list("pk", flat=True).iterator()) == [contact.pk]
    assert (
        filtered_rows(query="{ legalentities { items { } } }", root="legalentities", actor=ACTOR).model is LegalEntity
    )


def test_what_is_selected_has_no_meaning_and_variables_have_their_defaults(make_contact):
    contact = make_contact()
    query = """query export($name: String = "johanna spyri") {
        mine: contacts(where: { name: { contains: $name } }) { items { ...all } totalCount } }
        fragment all on Contact { id name }"""
    assert rows(query) == [contact]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("", (1, 1)),
        ("hello", (1, 1)),
        ("{ contacts { items { id }", (1, 26)),
        ("{\n  contacts(where: { nope: { eq: 1 } }) { items { id } }\n}", (2, 21)),
        ("{ contacts(where: { name: { nope: 1 } }) { items { id } } }", (1, 29)),
        ("{ contacts(where: { name: { eq: 1 } }) { items { id } } }", (1, 33)),
        ("{ contacts(where: { name: { } }) { items { id } } }", (1, 3)),
        ("{ legalentities { items { id } } }", (1, 3)),
        ("{ contacts { items { id } } legalentities { items { id } } }", (1, 1)),
        ("{ contacts { totalCount } again: contacts { totalCount } }", (1, 1)),
        ("{ contacts @skip(if: true) { totalCount } }", (1, 3)),
        ("{ __typename }", (1, 3)),
        ("{ ...all } fragment all on Query { contacts { totalCount } }", (1, 3)),
        ("query a { contacts { totalCount } } query b { contacts { totalCount } }", (1, 37)),
        ("mutation { contacts { totalCount } }", (1, 1)),
        ("query ($name: String!) { contacts(where: { name: { eq: $name } }) { totalCount } }", (1, 8)),
        ("{}", (1, 1)),
    ],
)
def test_what_is_no_query_of_the_root_is_refused_with_line_and_column(query, place):
    with pytest.raises(BadRequest) as refused:
        rows(query)
    assert str(refused.value).startswith(f"Line {place[0]}, column {place[1]}: ")


def test_a_variable_without_a_value_filters_nothing_and_is_refused():
    with pytest.raises(BadRequest, match=r"\$name"):
        rows("query ($name: String) { contacts(where: { name: { eq: $name } }) { totalCount } }")


@pytest.mark.parametrize("argument", ["order: [{ id: ASC }]", "skip: 5", "take: 5"])
def test_an_export_has_no_order_and_no_pages(argument):
    with pytest.raises(UnprocessableEntity, match=argument.partition(":")[0]):
        rows(f"{{ contacts({argument}) {{ items {{ id }} }} }}")
    rows(f"{{ contacts({argument.partition(':')[0]}: null) {{ items {{ id }} }} }}")


def test_the_limits_of_queries_hold_for_exports():
    for query in (
        "{ contacts { totalCount } }".ljust(20_001),
        "{ contacts { items { " + " ".join(f"a{number}: id" for number in range(1001)) + " } } }",
        "{ contacts(where: { id: { in: [" + ", ".join(map(str, range(1001))) + "] } }) { totalCount } }",
    ):
        with pytest.raises(UnprocessableEntity):
            rows(query)


def test_contacts_do_not_filter_by_what_is_for_staff(make_contact):
    actor = Actor(kind=ActorKind.CONTACT, name="x", contact_id=make_contact().pk)
    with pytest.raises(Forbidden):
        rows('{ contacts(where: { externalId: { eq: "x" } }) { totalCount } }', actor=actor)
