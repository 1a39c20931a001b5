"""The SQL of a batch of contacts: each statement takes all rows at once, so that their number does not grow."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson
from django.db.backends.utils import CursorWrapper

from importexport.imports.copying import copy_rows

STAGING = "import_contact"
# Lives as long as the connection; its rows as long as the transaction.
CREATE_STAGING = f"""
    CREATE TEMPORARY TABLE IF NOT EXISTS {STAGING} (place integer, details jsonb) ON COMMIT DELETE ROWS
"""
# Nothing, but where one transaction writes several batches.
EMPTY_STAGING = f"DELETE FROM {STAGING}"  # noqa: S608 - a constant name
HOLDERS = """
    SELECT external_id, system, contact_id FROM contacts_externalconnection
     WHERE external_id = ANY(ARRAY(SELECT jsonb_array_elements_text(%s::jsonb)))
"""
COMPARED = f"""
    SELECT contact.id, contact.type_id, contact.username, contact.anonymized_at IS NOT NULL,
           staged.details IS NOT NULL AND contact.details IS DISTINCT FROM staged.details
      FROM unnest(%s::int[], %s::int[]) AS asked (place, id)
      JOIN contacts_contact contact ON contact.id = asked.id
      LEFT JOIN {STAGING} staged ON staged.place = asked.place
"""  # noqa: S608 - a constant name
LOCKED = """
    SELECT id, type_id, username, anonymized_at IS NOT NULL, version, details::text
      FROM contacts_contact WHERE id = ANY(%s::int[]) ORDER BY id FOR NO KEY UPDATE
"""
USERNAMES = """
    SELECT asked.number, UPPER(asked.username), holder.id
      FROM jsonb_array_elements_text(%s::jsonb) WITH ORDINALITY AS asked (username, number)
      LEFT JOIN contacts_contact holder ON UPPER(holder.username) = UPPER(asked.username)
"""
# The sequence is looked up once, and not for each row.
NEW_IDS = """
    SELECT nextval((SELECT pg_get_serial_sequence('contacts_contact', 'id')::regclass)) FROM generate_series(1, %s)
"""
UPDATE = f"""
    UPDATE contacts_contact contact
       SET type_id = changed.type_id, username = changed.username, version = changed.version,
           details = COALESCE(staged.details, contact.details)
      FROM unnest(%s::int[], %s::int[], %s::int[], %s::int[], ARRAY(SELECT jsonb_array_elements_text(%s::jsonb)))
           AS changed (place, id, type_id, version, username)
      LEFT JOIN {STAGING} staged ON staged.place = changed.place
     WHERE contact.id = changed.id
"""  # noqa: S608 - a constant name
WAITING = """
    SELECT id, contact_id, path FROM contacts_channel WHERE pending_value IS NOT NULL AND contact_id = ANY(%s::int[])
"""
CONNECT = """
    INSERT INTO contacts_externalconnection (contact_id, system, external_id)
    SELECT * FROM unnest(%s::int[], %s::text[], %s::text[])
    ON CONFLICT (contact_id, system) DO UPDATE SET external_id = EXCLUDED.external_id
"""


@dataclass(slots=True)
class Present:
    """A contact as it is in the database; `version` and `details` are read when it is locked."""

    type_id: int
    username: str | None
    is_anonymized: bool
    differs: bool = False
    version: int = 0
    details: str = "{}"


Holder = tuple[str, int]


# Psycopg would write arrays item by item; this is what they come to.


def ints(values: Iterable[int]) -> str:
    """An array of integers, for a parameter that is cast to one."""
    return "{" + ",".join(map(str, values)) + "}"


def texts(values: Sequence[str | None]) -> str:
    """Texts, each of which may be NULL, as JSON."""
    return orjson.dumps(values).decode()


def stage(cursor: CursorWrapper, rows: Iterable[bytes]) -> None:
    """Write places and details to the staging table."""
    cursor.execute(CREATE_STAGING)
    cursor.execute(EMPTY_STAGING)
    copy_rows(cursor, STAGING, ["place", "details"], rows)


def holders(cursor: CursorWrapper, external_ids: list[str]) -> dict[str, Holder]:
    """System and contact of the external ids that are taken."""
    cursor.execute(HOLDERS, [texts(external_ids)])
    return {external_id: (system, contact_id) for external_id, system, contact_id in cursor.fetchall()}


def compared(cursor: CursorWrapper, places: list[int], contact_ids: list[int]) -> dict[int, Present]:
    """The contacts, and whether their details differ from what is staged at the places. Locks nothing."""
    if not contact_ids:
        return {}
    cursor.execute(COMPARED, [ints(places), ints(contact_ids)])
    return {pk: Present(*values) for pk, *values in cursor.fetchall()}


def locked(cursor: CursorWrapper, contact_ids: list[int]) -> dict[int, Present]:
    """The contacts as they are now, locked in the order of their ids."""
    if not contact_ids:
        return {}
    cursor.execute(LOCKED, [ints(contact_ids)])
    return {
        pk: Present(type_id, username, is_anonymized, version=version, details=details)
        for pk, type_id, username, is_anonymized, version, details in cursor.fetchall()
    }


def usernames(cursor: CursorWrapper, wanted: dict[int, str]) -> dict[int, tuple[str, int | None]]:
    """Of each place's username: what it is whatever the case, as the database folds it, and whose it is."""
    if not wanted:
        return {}
    places = list(wanted)
    cursor.execute(USERNAMES, [texts(list(wanted.values()))])
    return {places[number - 1]: (folded, holder) for number, folded, holder in cursor.fetchall()}


def new_ids(cursor: CursorWrapper, count: int) -> list[int]:
    """Ids for new contacts, in ascending order."""
    cursor.execute(NEW_IDS, [count])
    return sorted(pk for (pk,) in cursor.fetchall())


def update(
    cursor: CursorWrapper,
    *,
    places: list[int],
    ids: list[int],
    type_ids: list[int],
    versions: list[int],
    usernames: list[str | None],
) -> None:
    """Write the contacts, with the details that are staged at the places, if any are."""
    cursor.execute(UPDATE, [*map(ints, (places, ids, type_ids, versions)), texts(usernames)])


def waiting(cursor: CursorWrapper, contact_ids: Iterable[int]) -> list[tuple[int, int, str]]:
    """Id, contact and path of the addresses of the contacts that wait to be verified."""
    cursor.execute(WAITING, [ints(contact_ids)])
    return cursor.fetchall()
