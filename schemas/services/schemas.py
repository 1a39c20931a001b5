"""Publishing schema versions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.actor import Actor
from audit.entries import append
from changerequests.models import ChangeRequest
from changerequests.services.submitting import approved_by, request_if_required
from core.documents import Change, Document, with_values
from core.errors import NotFound, UnprocessableEntity
from schemas.definition import Definition, invalid, parse_definition, typed_definition
from schemas.definition.documents import definition_changes, definition_of, document_of
from schemas.definition.faults import Faults, below, place_at
from schemas.definition.jsontext import read_json_text
from schemas.derivation import usable_json_schema
from schemas.engine import DIALECT, schema_faults
from schemas.models import SCHEMA_KIND, Schema, SchemaDraft, SchemaVersion
from schemas.publications import run_publication_handlers
from schemas.queries import lists_above
from schemas.services.impact import attach_draft, check_for_review


@dataclass(frozen=True, slots=True)
class LockedSchema:
    """A schema that is locked until the transaction ends, and the document of its current version."""

    row: Schema
    document: Document


@dataclass(frozen=True, slots=True)
class Publication:
    """The schema with its token, which is a new one unless the definition equals the current one or has to wait."""

    schema: Schema
    change_request: ChangeRequest | None = None


@transaction.atomic
def publish_schema(
    *,
    actor: Actor,
    key: str,
    definition_text: str | None,
    concurrency_token: int,
    json_schema_text: str | None = None,
    draft: SchemaDraft | None = None,
) -> Publication:
    """Publish a new version of a schema, or ask for it where the policy says so. Locks the schema's row.

    Publishes nothing if the definition equals the current one. `json_schema_text` must be a valid JSON Schema but is
    otherwise ignored: documents are validated against the derived one. What waits is checked against the stored
    documents for those who review it, unless `draft` was.

    Raises NotFound for an unknown key; UnprocessableEntity: `ConcurrencyTokenMismatch` if the token is not current,
    `SchemaInvalid` with all faults by place, `PendingChangeRequestExists`.
    """
    locked = locked_schema(Schema.objects.filter(key=key, current_version__isnull=False))
    if locked is None:
        raise NotFound(_("There is no schema “%(key)s”.") % {"key": key[:80]})
    schema = locked.row
    if concurrency_token != schema.concurrency_token:
        raise UnprocessableEntity(
            _("The schema has changed since you read it. Read it again."), sub_code="ConcurrencyTokenMismatch"
        )
    if json_schema_text is not None:
        _check_json_schema(json_schema_text)
    changes = planned_changes(locked, definition_text)
    request = request_if_required(kind=SCHEMA_KIND, subject_id=schema.pk, subject=locked, changes=changes, actor=actor)
    if request is None:
        write_version(schema=locked, changes=changes, actor=actor)
    elif draft is not None:
        attach_draft(draft, request)
    elif schema.current_version is not None and definition_text is not None:
        check_for_review(
            actor=actor, base=schema.current_version, definition_text=definition_text, change_request=request
        )
    return Publication(schema, request)


def locked_schema(schemas: QuerySet[Schema]) -> LockedSchema | None:
    """Lock the only schema of a queryset; None if it is empty."""
    schema = schemas.select_for_update().first()
    if schema is None:
        return None
    # Read the version in a separate query after the lock: a joined row would be the one from before the wait.
    version = schema.current_version
    return LockedSchema(schema, {} if version is None else document_of(schema.key, version.definition))


def planned_changes(schema: LockedSchema, definition_text: str | None) -> Sequence[Change]:
    """Return the changes to a definition. Raises UnprocessableEntity `SchemaInvalid` with all faults by place."""
    if definition_text is None:
        raise invalid({"schema": [_("The schema is mandatory.")]})
    definition, value = parse_definition(definition_text, lists=lists_above())
    usable_json_schema(definition)
    key = schema.row.key
    return definition_changes(key, schema.document, document_of(key, value))


def write_version(
    *, schema: LockedSchema, changes: Sequence[Change], actor: Actor, request: ChangeRequest | None = None
) -> SchemaVersion | None:
    """Create the next version with these changes and make it current; None if there are none.

    With `request` they are its approved ones. Raises UnprocessableEntity `SchemaInvalid` with all faults by place.
    """
    if not changes:
        return None
    key = schema.row.key
    value = definition_of(key, with_values(schema.document, {change.path: change.target for change in changes}))
    version = _add_version(
        schema=schema.row,
        definition=typed_definition(value, lists=lists_above()),
        value=value,
        publisher_id=actor.user_id if request is None else _user_id(request),
        publisher_name=actor.name if request is None else request.initiator_name,
    )
    append(kind=SCHEMA_KIND, subject_id=schema.row.pk, actor=actor, changes=changes, **approved_by(request))
    return version


def _user_id(request: ChangeRequest) -> int | None:
    return None if request.initiator_member is None else request.initiator_member.user_id


def _add_version(
    *, schema: Schema, definition: Definition, value: dict[str, Any], publisher_id: int | None, publisher_name: str
) -> SchemaVersion:
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
    run_publication_handlers(schema.key, version.pk, definition)
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
