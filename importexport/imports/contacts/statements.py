"""SQL of a batch of contacts. Each statement processes all rows, so their number is constant."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson
from django.db.backends.utils import CursorWrapper

from accounts.names import compared_name
from importexport.imports.copying import copy_rows

STAGING = "import_contact"
# The table lives as long as the connection, its rows as long as the transaction.
CREATE_STAGING = f"""
    CREATE TEMPORARY TABLE IF NOT EXISTS {STAGING} (place integer, details jsonb) ON COMMIT DELETE ROWS
"""
# Needed only if one transaction writes several batches.
EMPTY_STAGING = f"DELETE FROM {STAGING}"  # noqa: S608 - a constant name
# A contact that is pending approval has reserved its external ids, in no system.
HOLDERS = """
    WITH asked AS MATERIALIZED (SELECT ARRAY(SELECT jsonb_array_elements_text(%s::jsonb)) AS ids)
    SELECT connection.external_id, connection.system, COALESCE(contact.merged_into_id, connection.contact_id)
      FROM contacts_externalconnection connection
      LEFT JOIN contacts_contact contact ON contact.id = connection.contact_id
     WHERE connection.external_id = ANY((SELECT ids FROM asked)::text[])
     UNION ALL
    SELECT external_id, NULL, contact_id FROM contacts_reservedexternalid
     WHERE external_id = ANY((SELECT ids FROM asked)::text[])
"""
COMPARED = f"""
    SELECT contact.id, contact.type_id, contact.username, contact.anonymized_at IS NOT NULL,
           staged.details IS NOT NULL AND contact.details IS DISTINCT FROM staged.details
      FROM unnest(%s::int[], %s::int[]) AS asked (place, id)
      JOIN contacts_contact contact ON contact.id = asked.id
      LEFT JOIN {STAGING} staged ON staged.place = asked.place
"""  # noqa: S608 - a constant name
LOCKED = """
    SELECT id, type_id, username, anonymized_at IS NOT NULL, version, details::text, merged_into_id IS NOT NULL
      FROM contacts_contact WHERE id = ANY(%s::int[]) ORDER BY id FOR NO KEY UPDATE
"""
# Instead of a contact's id: somebody else logs in with the name.
OTHER_LOGIN = -1
USERNAMES = f"""
    SELECT asked.number, asked.compared, CASE WHEN login.id IS NULL THEN holder.id ELSE {OTHER_LOGIN} END, reserved.id
      FROM (SELECT number, {compared_name("username")}
              FROM jsonb_array_elements_text(%s::jsonb) WITH ORDINALITY AS given (username, number)
           ) AS asked (number, compared)
      LEFT JOIN contacts_contact holder ON {compared_name("holder.username")} = asked.compared
      LEFT JOIN contacts_waitingcontact reserved ON {compared_name("reserved.username")} = asked.compared
      LEFT JOIN accounts_user login
             ON {compared_name("login.username")} = asked.compared AND login.id IS DISTINCT FROM holder.user_id
"""  # noqa: S608 - constants
# The subselect looks the sequence up once instead of for each row.
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
CONNECTIONS = """
    SELECT contact_id, system, external_id FROM contacts_externalconnection
     WHERE contact_id = ANY(%s::int[]) ORDER BY id
"""
CONNECT = """
    INSERT INTO contacts_externalconnection (contact_id, system, external_id)
    SELECT * FROM unnest(%s::int[], %s::text[], %s::text[])
    ON CONFLICT (contact_id, system) DO UPDATE SET external_id = EXCLUDED.external_id
"""
# For the rest of the transaction, in which the contacts get others.
FREE_USERNAMES = "UPDATE contacts_contact SET username = NULL WHERE id = ANY(%s::int[])"
FREE_EXTERNAL_IDS = """
    UPDATE contacts_externalconnection connection SET external_id = gen_random_uuid()::text
      FROM unnest(%s::int[], %s::text[]) AS given (contact_id, system)
     WHERE connection.contact_id = given.contact_id AND connection.system = given.system
"""


@dataclass(slots=True)
class Present:
    """A contact in the database; `version`, `details` and `is_merged` are set only by `locked`."""

    type_id: int
    username: str | None
    is_anonymized: bool
    differs: bool = False
    version: int = 0
    details: str = "{}"
    is_merged: bool = False


# System and contact; no system if a contact that waits has reserved the external id.
Holder = tuple[str | None, int]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A username as the database compares it, and the ids of the contact and the waiting contact that have it.

    The contact is OTHER_LOGIN if it is none's.
    """

    folded: str
    holder: int | None
    reserved_for: int | None


def ints(values: Iterable[int]) -> str:
    """Format an array literal for a parameter cast to int[]: faster than psycopg, which adapts each item."""
    return "{" + ",".join(map(str, values)) + "}"


def texts(values: Sequence[str | None]) -> str:
    """Format texts, each of which may be None, as a JSON array: faster than psycopg's adaptation of lists."""
    return orjson.dumps(values).decode()


def stage(cursor: CursorWrapper, rows: Iterable[bytes]) -> None:
    """Write places and details to the staging table."""
    cursor.execute(CREATE_STAGING)
    cursor.execute(EMPTY_STAGING)
    copy_rows(cursor, STAGING, ["place", "details"], rows)


def holders(cursor: CursorWrapper, external_ids: list[str]) -> dict[str, Holder]:
    """Return the external ids that are taken: external id -> (system, id of the contact that answers for it)."""
    cursor.execute(HOLDERS, [texts(external_ids)])
    return {external_id: (system, contact_id) for external_id, system, contact_id in cursor.fetchall()}


def compared(cursor: CursorWrapper, places: list[int], contact_ids: list[int]) -> dict[int, Present]:
    """Return the contacts by id, with whether their details differ from those staged at the places. No locks."""
    if not contact_ids:
        return {}
    cursor.execute(COMPARED, [ints(places), ints(contact_ids)])
    return {pk: Present(*values) for pk, *values in cursor.fetchall()}


def locked(cursor: CursorWrapper, contact_ids: list[int]) -> dict[int, Present]:
    """Lock the contacts in id order and return their current state by id."""
    if not contact_ids:
        return {}
    cursor.execute(LOCKED, [ints(contact_ids)])
    return {
        pk: Present(type_id, username, is_anonymized, version=version, details=details, is_merged=is_merged)
        for pk, type_id, username, is_anonymized, version, details, is_merged in cursor.fetchall()
    }


def usernames(cursor: CursorWrapper, wanted: dict[int, str]) -> dict[int, Wanted]:
    """Return place -> username and who has it."""
    if not wanted:
        return {}
    places = list(wanted)
    cursor.execute(USERNAMES, [texts(list(wanted.values()))])
    return {places[number - 1]: Wanted(*found) for number, *found in cursor.fetchall()}


def connections(cursor: CursorWrapper, contact_ids: list[int]) -> dict[int, dict[str, str]]:
    """Return the external ids of the contacts by system, in the order in which they got them."""
    found: dict[int, dict[str, str]] = {pk: {} for pk in contact_ids}
    if contact_ids:
        cursor.execute(CONNECTIONS, [ints(contact_ids)])
        for contact_id, system, external_id in cursor.fetchall():
            found[contact_id][system] = external_id
    return found


def free_usernames(cursor: CursorWrapper, contact_ids: list[int]) -> None:
    """Take the usernames from contacts that get others afterwards."""
    if contact_ids:
        cursor.execute(FREE_USERNAMES, [ints(contact_ids)])


def free_external_ids(cursor: CursorWrapper, given: list[tuple[int, str]]) -> None:
    """Free the external ids, by contact and system, of contacts that get others there afterwards."""
    if given:
        cursor.execute(FREE_EXTERNAL_IDS, [list(column) for column in zip(*given, strict=True)])


def new_ids(cursor: CursorWrapper, count: int) -> list[int]:
    """Allocate ids for new contacts; ascending."""
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
    """Update the contacts, with the details staged at the places, if any."""
    cursor.execute(UPDATE, [*map(ints, (places, ids, type_ids, versions)), texts(usernames)])


def waiting(cursor: CursorWrapper, contact_ids: Iterable[int]) -> list[tuple[int, int, str]]:
    """Return (id, contact id, path) of the contacts' channels that have a pending value."""
    cursor.execute(WAITING, [ints(contact_ids)])
    return cursor.fetchall()
