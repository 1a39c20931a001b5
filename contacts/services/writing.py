"""Writing a contact's details with the entry of its history: one statement, so neither stands without the other."""

import json
from functools import cache
from typing import Any

from django.db import connection
from psycopg import sql

from contacts.models import ChangeSet, Contact
from core.statements import run

_WRITTEN = ("details", "version", "username")


def write_with_history(contact: Contact, entry: ChangeSet) -> None:
    """Write details, version and username of a locked contact, and insert the entry, which gets its id.

    Raises IntegrityError, also when the history has the version already.
    """
    statement, columns = _statement()
    values: list[Any] = [json.dumps(contact.details), contact.version, contact.username, contact.pk]
    for name in columns:
        value = getattr(entry, name)
        values.append(json.dumps(value) if name == "changes" else value)
    ((entry.pk,),) = run(statement, values)
    entry._state.adding, entry._state.db = False, connection.alias


@cache
def _statement() -> tuple[str, list[str]]:
    """The statement, and the columns of the history in its order."""
    columns = [field for field in ChangeSet._meta.concrete_fields if not field.primary_key]
    text = sql.SQL(
        "WITH written AS (UPDATE {contacts} SET {written} WHERE {id} = %s)"
        " INSERT INTO {history} ({columns}) VALUES ({values}) RETURNING {entry_id}"
    ).format(
        contacts=sql.Identifier(Contact._meta.db_table),
        written=sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in _WRITTEN),
        id=sql.Identifier("id"),
        history=sql.Identifier(ChangeSet._meta.db_table),
        columns=sql.SQL(", ").join(sql.Identifier(str(field.column)) for field in columns),
        values=sql.SQL(", ").join(sql.SQL("%s") for _field in columns),
        entry_id=sql.Identifier("id"),
    )
    return text.as_string(), [field.attname for field in columns]
