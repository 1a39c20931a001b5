"""Search indexes follow the schemas, and searches use them."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections

from accounts.actor import system_actor
from contacts.models import Contact
from importexport.graphql.filters import filtered_rows
from importexport.graphql.indexes import LOCK, PREFIX, keep_search_indexes, wanted_indexes
from importexport.graphql.tasks import update_search_indexes
from schemas.queries import current_schema
from schemas.services import publish_schema
from tests.fixtures import without_triggers
from tests.schemas.conftest import field, section

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = system_actor("tests")


FILL = """
INSERT INTO contacts_contact (uid, type_id, details, version, created_at)
SELECT gen_random_uuid(), %(type)s,
       jsonb_build_object(
           'personalInformation', jsonb_build_object('displayName', 'Person ' || number),
           'contactInformation', jsonb_build_object('mobile', '+41 79 ' || lpad(number::text, 7, '0'))), 1, now()
  FROM generate_series(0, %(rows)s - 1) number
"""


def existing() -> dict[str, bool]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, indisvalid FROM pg_class JOIN pg_index ON indexrelid = oid WHERE starts_with(relname, %s)",
            [PREFIX],
        )
        return dict(cursor.fetchall())


@pytest.fixture(autouse=True)
def no_search_indexes(default_schemas):
    yield
    with connection.cursor() as cursor:
        for name in existing():
            cursor.execute(f"DROP INDEX {name}")


def publish(*elements):
    publish_schema(
        actor=ACTOR,
        key="contact",
        definition_text=json.dumps({"elements": list(elements), "rules": []}),
        concurrency_token=current_schema("contact").concurrency_token,
    )


def paths(indexes) -> set[str]:
    return {".".join(index.path) for index in indexes if index.model is Contact}


def test_searchable_texts_outside_of_arrays_are_indexed():
    publish(
        section(
            "s",
            field("text", isSearchable=True),
            field("mail", "email", isSearchable=True),
            field("phone", "phone", isSearchable=True),
            field("plain"),
            field("day", "date", isSearchable=True),
            field("texts", isArray=True, isSearchable=True),
            field("object", "object", isSearchable=True, elements=[field("inner")]),
            field("objects", "object", isArray=True, isSearchable=True, elements=[field("inner", isSearchable=True)]),
        )
    )
    assert paths(wanted_indexes().values()) == {"s.text", "s.mail", "s.phone", "s.object.inner"}


def test_indexes_are_made_and_dropped_as_schemas_are_published():
    created = keep_search_indexes()
    assert {"personalInformation.displayName", "contactInformation.email"} <= paths(created.created)
    assert existing() == dict.fromkeys(wanted_indexes(), True)
    assert keep_search_indexes() == type(created)()
    publish(section("s", field("text", isSearchable=True)))
    changes = keep_search_indexes()
    assert paths(changes.created) == {"s.text"}
    assert set(changes.dropped) == {index.name for index in created.created if index.model is Contact}
    update_search_indexes()
    assert existing() == dict.fromkeys(wanted_indexes(), True)


def test_an_index_that_was_interrupted_is_made_again():
    keep_search_indexes()
    name = next(iter(wanted_indexes()))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", [name])
    changes = keep_search_indexes()
    assert ([index.name for index in changes.created], changes.dropped) == ([name], (name,))
    assert all(existing().values())


def test_two_runs_do_not_work_at_once():
    other = connections["default"].copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        assert keep_search_indexes().is_busy
        with pytest.raises(CommandError):
            call_command("search_indexes")
    finally:
        other.close()
    assert not existing()


def test_the_command_says_what_it_did(capsys):
    call_command("search_indexes")
    assert "contacts.Contact personalInformation.displayName" in capsys.readouterr().out
    call_command("search_indexes")
    assert capsys.readouterr().out == "The search indexes are up to date.\n"


# Each finds some of many people along an index.
SEARCHES = (
    'personalInformation: { displayName: { contains: "rson 1234" } }',
    'personalInformation: { displayName: { startsWith: "PERSON 1234" } }',
    'personalInformation: { displayName: { endsWith: "n 12345" } }',
    'personalInformation: { displayName: { eq: "Person 1234" } }',
    'personalInformation: { displayName: { in: ["Person 1234", "Person 4321"] } }',
    'contactInformation: { mobile: { eq: "079 000 12 34" } }',
    'contactInformation: { mobile: { in: ["079 000 12 34", "+41790004321"] } }',
    'contactInformation: { mobile: { contains: "0001234" } }',
)


@pytest.mark.scale
def test_a_search_among_twenty_thousand_uses_the_index(contact_type, subtests):
    with without_triggers(), connection.cursor() as cursor:
        cursor.execute(FILL, {"type": contact_type.pk, "rows": 20_000})
    keep_search_indexes()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE contacts_contact")
    for where in SEARCHES:
        with subtests.test(where):
            query = f"{{ contacts(where: {{ {where} }}) {{ items {{ }} }} }}"
            rows = filtered_rows(query=query, root="contacts", actor=ACTOR)
            assert rows.exists()
            plan = rows.order_by().explain()
            assert f"Index Scan on {PREFIX}" in plan, plan
            assert "Seq Scan" not in plan
