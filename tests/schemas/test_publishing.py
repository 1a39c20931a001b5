"""Schema versions: published once, immutable, and immediately visible to every process."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.actor import Actor, ActorKind, system_actor
from accounts.models import ClientApplication
from core.errors import NotFound, UnprocessableEntity
from schemas.models import Schema, SchemaVersion
from schemas.queries import current_schema
from schemas.services import load_default_schemas, publish_schema
from tests.schemas.conftest import field, section

pytestmark = pytest.mark.usefixtures("default_schemas")

ACTOR = system_actor("tests")
Definition = Callable[[], dict[str, Any]]


def token() -> int:
    return current_schema("contact").concurrency_token


def publish(definition: Any, **others: Any) -> Schema:
    text = definition if isinstance(definition, str | None) else json.dumps(definition)
    published = publish_schema(
        actor=others.pop("actor", ACTOR),
        key=others.pop("key", "contact"),
        definition_text=text,
        concurrency_token=others.pop("concurrency_token", None) or token(),
        **others,
    )
    assert published.change_request is None
    return published.schema


def refusal(definition: Any, **others: Any) -> UnprocessableEntity:
    before = token()
    with pytest.raises(UnprocessableEntity) as refused:
        publish(definition, **others)
    assert token() == before
    return refused.value


def changed(definition: dict[str, Any]) -> dict[str, Any]:
    definition["elements"].append(section("hobbies", field("sport")))
    return definition


def test_a_new_version_is_seen_at_once_and_the_old_one_is_kept(contact_definition: Definition) -> None:
    before = current_schema("contact")
    publish(changed(contact_definition()))
    after = current_schema("contact")
    assert "hobbies.sport" in after.fields
    assert "hobbies" in after.json_schema["properties"]
    assert after.concurrency_token != before.concurrency_token
    assert after.version_number == before.version_number + 1
    assert SchemaVersion.objects.get(pk=before.version_id).definition == before.definition_json


def test_what_is_read_can_be_published_again_and_changes_nothing() -> None:
    schema = current_schema("contact")
    published = publish(schema.definition_text, json_schema_text=schema.json_schema_text)
    assert published.concurrency_token == schema.concurrency_token
    assert published.versions.count() == 1


def test_a_stale_token_is_refused_and_changes_nothing(contact_definition: Definition) -> None:
    stale = token()
    publish(changed(contact_definition()))
    assert refusal(contact_definition(), concurrency_token=stale).sub_code == "ConcurrencyTokenMismatch"


def test_a_faulty_definition_is_refused_and_changes_nothing() -> None:
    error = refusal({"elements": [field("a", "list")]})
    assert error.sub_code == "SchemaInvalid"
    assert set(error.properties or {}) == {"elements[0].listKey"}


def test_the_definition_is_mandatory() -> None:
    assert set(refusal(None).properties or {}) == {"schema"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "jsonSchema"),
        ("{", "jsonSchema"),
        ("[]", "jsonSchema"),
        ('{"type": "strings"}', "jsonSchema.type"),
        ('{"properties": {"a": {"$ref": "https://example.com"}}}', "jsonSchema.properties.a.$ref"),
        ('{"$schema": "http://json-schema.org/draft-07/schema#"}', "jsonSchema.$schema"),
    ],
)
def test_a_json_schema_that_is_none_is_refused(text: str, place: str, contact_definition: Definition) -> None:
    error = refusal(changed(contact_definition()), json_schema_text=text)
    assert set(error.properties or {}) == {place}


def test_a_given_json_schema_does_not_count(contact_definition: Definition) -> None:
    publish(changed(contact_definition()), json_schema_text="{}")
    assert current_schema("contact").json_schema["additionalProperties"] is False


def test_an_unknown_schema_is_not_found() -> None:
    with pytest.raises(NotFound):
        current_schema("nope")
    with pytest.raises(NotFound):
        publish({"elements": []}, key="nope", concurrency_token=1)


def test_the_publisher_is_kept(contact_definition: Definition, make_app: Callable[..., ClientApplication]) -> None:
    application = make_app("Otto")
    actor = Actor(kind=ActorKind.APP, name=application.name, application_id=application.pk)
    schema = publish(changed(contact_definition()), actor=actor)
    assert schema.current_version is not None
    assert schema.current_version.published_by is None
    assert schema.current_version.published_by_name == "Otto"


def test_the_database_refuses_to_edit_or_delete_a_version() -> None:
    versions = SchemaVersion.objects.filter(schema__key="legal-entity")
    with pytest.raises(IntegrityError), transaction.atomic():
        versions.update(definition={})
    Schema.objects.filter(key="legal-entity").update(current_version=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        versions.delete()


def test_a_schema_that_was_edited_is_not_overwritten_by_a_later_default(contact_definition: Definition) -> None:
    publish(changed(contact_definition()))
    assert load_default_schemas().added == []
    assert "hobbies.sport" in current_schema("contact").fields


def test_a_default_that_nobody_edited_follows_a_later_default() -> None:
    row = Schema.objects.get(key="legal-entity")
    shipped_earlier = SchemaVersion.objects.create(
        schema=row, number=7, definition={"elements": [field("name")]}, json_schema={}, published_by_name="Kontor"
    )
    Schema.objects.filter(pk=row.pk).update(current_version=shipped_earlier)
    assert load_default_schemas().added == ["legal-entity"]
    assert current_schema("legal-entity").version_number == 8


def test_a_schema_takes_one_statement_once_it_is_known(
    count_queries: Callable[[], CaptureQueriesContext], contact_definition: Definition
) -> None:
    current_schema("contact")
    with count_queries() as queries:
        first, second = current_schema("contact"), current_schema("contact")
    assert len(queries) == 2
    assert first is second
    publish(changed(contact_definition()))
    with count_queries() as queries:
        current_schema("contact")
    assert len(queries) <= 3


def test_a_version_that_is_rolled_back_leaves_no_trace_in_memory(contact_definition: Definition) -> None:
    class _Undo(Exception):  # noqa: N818
        pass

    def publish_and_fail() -> None:
        publish(changed(contact_definition()))
        assert "hobbies.sport" in current_schema("contact").fields
        raise _Undo

    with pytest.raises(_Undo), transaction.atomic():
        publish_and_fail()
    assert "hobbies.sport" not in current_schema("contact").fields


def test_the_default_schemas_have_what_the_documentation_promises() -> None:
    contact = current_schema("contact")
    for path in ("firstName", "lastName", "displayName", "dateOfBirth", "nationalities"):
        assert contact.fields[f"personalInformation.{path}"].is_approval_required
    assert contact.fields["personalInformation.displayName"].is_searchable
    assert contact.fields["contactInformation.email"].is_verification_required
    assert contact.fields["contactInformation.email"].is_updatable_by_contact
    assert current_schema("legal-entity").fields["name"].is_searchable
    for schema in (contact, current_schema("legal-entity")):
        for place in (*schema.fields.values(), *schema.layout):
            assert set(place.labels) == {"en", "de", "fr", "it"}, place.path


@pytest.mark.django_db(transaction=True)
def test_of_two_who_publish_at_once_one_wins(contact_definition: Definition) -> None:
    read = token()
    both_ready = Barrier(2)

    def publish_one(number: int) -> str:
        definition = contact_definition()
        definition["elements"].append(section("hobbies", field(f"sport{number}")))
        both_ready.wait(timeout=10)
        try:
            publish(definition, concurrency_token=read)
        except UnprocessableEntity as error:
            return error.sub_code
        finally:
            connection.close()
        return "published"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(publish_one, (1, 2)))
    assert outcomes == ["ConcurrencyTokenMismatch", "published"]
    assert SchemaVersion.objects.filter(schema__key="contact").count() == 2
