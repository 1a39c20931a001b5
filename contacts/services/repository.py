"""Writing a contact's details with the entry of its history: one statement, so neither stands without the other."""

from functools import cache

import orjson
from django.db import connection
from psycopg import sql

from contacts.models import ChangeSet, Contact
from core.prepared import execute


class LockNeededError(Exception):
    """The contact was read without its lock, and this cannot be done so: it has changed since, or it is not enough."""


def write_with_history(contact: Contact, entry: ChangeSet, *, username: str | None = None) -> None:
    """Write details and version of a contact that was read with the version before, its username too where it gets
    another one, and insert the entry, which gets its id.

    Locks the contact's row. Raises LockNeededError, and writes nothing, when it was read without its lock and somebody
    else has changed it since; IntegrityError, also when the history has the version already.
    """
    query, columns = _update_query()
    values = [orjson.dumps(contact.details).decode(), contact.version, username, contact.pk, contact.version - 1]
    for name in columns:
        value = getattr(entry, name)
        values.append(orjson.dumps(value).decode() if name == "changes" else value)
    written = execute(query, values)
    if not written:
        raise LockNeededError
    ((entry.pk,),) = written
    entry._state.adding, entry._state.db = False, connection.alias


@cache
def _update_query() -> tuple[str, list[str]]:
    """The statement, and the columns of the history in its order."""
    columns = [field for field in ChangeSet._meta.concrete_fields if not field.primary_key]
    text = sql.SQL(
        "WITH written AS ("
        "UPDATE {contacts} SET details = %s, version = %s, username = coalesce(%s, username)"
        " WHERE id = %s AND version = %s RETURNING id)"
        " INSERT INTO {history} ({columns}) SELECT {values} FROM written RETURNING id"
    ).format(
        contacts=sql.Identifier(Contact._meta.db_table),
        history=sql.Identifier(ChangeSet._meta.db_table),
        columns=sql.SQL(", ").join(sql.Identifier(str(field.column)) for field in columns),
        values=sql.SQL(", ").join(sql.SQL("%s") for _field in columns),
    )
    return text.as_string(), [field.attname for field in columns]
