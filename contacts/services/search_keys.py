"""Has contacts be found by the fields that the published schema marks as searchable.

Triggers write a contact's keys with every change of it. What else there is when a schema is published, or after an
upgrade, gets its keys here, in batches and in the background.
"""

from collections.abc import Iterator

from django.db import connection, transaction

from contacts.models import CONTACT_SCHEMA, Contact, SearchField, SearchFill, SearchKind
from contacts.models.contact import NAME_FIELDS
from schemas.definition.elements import Definition, FieldType
from schemas.fields import fields_of
from schemas.models import Schema
from schemas.queries import current_schema

BATCH = 1_000

_KINDS = {
    FieldType.TEXT: SearchKind.TEXT,
    FieldType.MULTILINE_TEXT: SearchKind.TEXT,
    FieldType.EMAIL: SearchKind.CODE,
    FieldType.URL: SearchKind.CODE,
    FieldType.INTEGER: SearchKind.CODE,
    FieldType.PHONE: SearchKind.PHONE,
    FieldType.MOBILE: SearchKind.PHONE,
    FieldType.DATE: SearchKind.DATE,
}


# Other transactions that have written keys, or are about to. They locked the table before they read the fields.
_WRITERS = """
    SELECT ARRAY(SELECT DISTINCT virtualtransaction FROM pg_locks
                  WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())
                    AND relation = 'public.contacts_searchkeys'::regclass AND mode = 'RowExclusiveLock'
                    AND pid <> pg_backend_pid())
"""


def follow_definition(version_id: int, definition: Definition) -> None:
    """Have contacts be found by the searchable fields of this version from now on. Locks the row of the fill.

    Does nothing if they are the same fields. Otherwise what is written from now on gets the new keys, and
    `fill_search_keys` goes through all contacts.
    """
    fill, is_new = SearchFill.objects.select_for_update().get_or_create(pk=1)
    wanted = {found.path: found for found in _searchable(definition)}
    present = {field.path: field for field in SearchField.objects.all()}
    fill.version = version_id
    if is_new or _compared(wanted) != _compared(present):
        SearchField.objects.exclude(path__in=wanted).delete()
        SearchField.objects.bulk_create(
            wanted.values(), update_conflicts=True, unique_fields=["path"], update_fields=["place", "kind"]
        )
        fill.filled_to, fill.awaited = 0, None
    fill.save()


def fill_search_keys() -> int:
    """Write the keys of the contacts whose keys are those of other fields; return the number of contacts read.

    Runs one short transaction per batch, and goes on where an earlier run ended. Two runs at once wait for each other
    at each batch.
    """
    _follow_current()
    read = 0
    while (batch := _filled_batch()) is not None:
        read += batch
    return read


def _follow_current() -> None:
    """Follow the current schema if its publication was before an upgrade."""
    current = Schema.objects.filter(key=CONTACT_SCHEMA).values_list("current_version", flat=True).first()
    if current is not None and not SearchFill.objects.filter(version=current).exists():
        with transaction.atomic():
            follow_definition(current, current_schema(CONTACT_SCHEMA).definition)


@transaction.atomic
def _filled_batch() -> int | None:
    """Fill the next contacts; return how many, or None if all are filled or other transactions have to end first."""
    fill = SearchFill.objects.select_for_update().first()
    if fill is None or fill.filled_to is None:
        return None
    with connection.cursor() as cursor:
        if fill.awaited is None:
            cursor.execute(_WRITERS)
            ((fill.awaited,),) = cursor.fetchall()
            fill.save(update_fields=["awaited"])
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE virtualtransaction = ANY(%s::text[]))", [fill.awaited]
        )
        if cursor.fetchone() == (True,):
            return None
        ids = list(Contact.objects.filter(pk__gt=fill.filled_to).order_by("pk").values_list("pk", flat=True)[:BATCH])
        if ids:
            cursor.execute("SELECT public.kontor_keep_search_keys(%s, false)", [ids])
    fill.filled_to = ids[-1] if ids else None
    fill.save(update_fields=["filled_to"])
    return len(ids) or None


def _searchable(definition: Definition) -> Iterator[SearchField]:
    for field in fields_of(definition).values():
        kind = SearchKind.NAME if field.path in NAME_FIELDS else _KINDS.get(field.type)
        if field.is_searchable and kind is not None:
            keys = "".join(f'."{key}"' for key in field.path.split("."))
            # Lax: arrays on the way are entered, and a single value is an array of one.
            yield SearchField(path=field.path, place=f"lax ${keys}[*]", kind=kind)


def _compared(fields: dict[str, SearchField]) -> set[tuple[str, str]]:
    return {(path, field.kind) for path, field in fields.items()}
