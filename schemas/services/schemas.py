"""Publishing schema versions."""

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from core.documents import is_same
from core.errors import NotFound, UnprocessableEntity
from schemas.definition import Definition, invalid, parse_definition
from schemas.definition.faults import Faults, below, place_at
from schemas.definition.jsontext import read_json_text
from schemas.derivation import usable_json_schema
from schemas.engine import DIALECT, schema_faults
from schemas.models import List, Schema, SchemaVersion


@transaction.atomic
def publish_schema(
    *,
    actor: Actor,
    key: str,
    definition_text: str | None,
    concurrency_token: int,
    json_schema_text: str | None = None,
) -> Schema:
    """Publish a new version of a schema, and return the schema with its new token. Locks the schema's row.

    Publishes nothing if the definition equals the current one. `json_schema_text` must be a valid JSON Schema but is
    otherwise ignored: documents are validated against the derived one.

    Raises NotFound for an unknown key; UnprocessableEntity: `ConcurrencyTokenMismatch` if the token is not current,
    `SchemaInvalid` with all faults by place.
    """
    # Read the version in a separate query after the lock: a joined row would be the one from before the wait.
    schema = Schema.objects.select_for_update().filter(key=key, current_version__isnull=False).first()
    if schema is None or schema.current_version is None:
        raise NotFound(_("There is no schema “%(key)s”.") % {"key": key[:80]})
    if concurrency_token != schema.concurrency_token:
        raise UnprocessableEntity(
            _("The schema has changed since you read it. Read it again."), sub_code="ConcurrencyTokenMismatch"
        )
    if json_schema_text is not None:
        _check_json_schema(json_schema_text)
    if definition_text is None:
        raise invalid({"schema": [_("The schema is mandatory.")]})
    definition, value = parse_definition(definition_text, lists=dict(List.objects.values_list("key", "parent__key")))
    if not is_same(value, schema.current_version.definition):
        add_version(
            schema=schema, definition=definition, value=value, publisher_id=actor.user_id, publisher_name=actor.name
        )
    return schema


def add_version(
    *, schema: Schema, definition: Definition, value: dict[str, Any], publisher_id: int | None, publisher_name: str
) -> SchemaVersion:
    """Create the next version and make it current. The caller must hold the lock on the schema's row.

    Raises UnprocessableEntity `SchemaInvalid` if the derived JSON Schema does not compile.
    """
    json_schema = usable_json_schema(definition)
    last = schema.versions.order_by("-number").values_list("number", flat=True).first()
    version = SchemaVersion.objects.create(
        schema=schema,
        number=(last or 0) + 1,
        definition=value,
        json_schema=json_schema,
        published_by_id=publisher_id,
        published_by_name=publisher_name[:300],
    )
    schema.current_version = version
    schema.save(update_fields=["current_version"])
    return version


def _check_json_schema(text: str) -> None:
    faults = Faults()
    value = read_json_text(text, faults)
    if not faults:
        for path, _message in schema_faults(value):
            faults.add(place_at("", path), _("This is not valid in a JSON Schema, draft 2020-12."))
        for place in _remote_references(value):
            faults.add(place, _("A JSON Schema cannot refer to other documents."))
        if isinstance(value, dict) and value.get("$schema", DIALECT) != DIALECT:
            faults.add("$schema", _("Expected %(dialect)s.") % {"dialect": DIALECT})
    if faults:
        properties = faults.as_properties()
        raise invalid({_below_json_schema(place): messages for place, messages in properties.items()})


def _below_json_schema(place: str) -> str:
    if not place:
        return "jsonSchema"
    return f"jsonSchema{place}" if place.startswith("[") else f"jsonSchema.{place}"


def _remote_references(schema: Any, place: str = "") -> Iterator[str]:
    if isinstance(schema, dict):
        for keyword, value in schema.items():
            at = below(place, keyword)
            if keyword in ("$ref", "$dynamicRef") and isinstance(value, str) and not value.startswith("#"):
                yield at
            yield from _remote_references(value, at)
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from _remote_references(value, f"{place}[{index}]")
