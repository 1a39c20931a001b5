"""The systems that are shipped, and those in which contacts have ids already.

Of several spellings of one name the commonest counts, and `Default` before all others. Contacts with another one get
that, unless they have an id under both: such rows stay, and doctor lists them.
"""

from typing import Any

from django.db import IntegrityError, migrations, transaction

from core.documents import Change
from core.text import compared, is_one_line, normalized
from core.text_migrations import record

IDENTITY = "contact-identity"
SHIPPED = ("Default", "CBS")

_STORED = "SELECT system FROM contacts_externalconnection GROUP BY system ORDER BY count(*) DESC, system"
_OTHERWISE_SPELLED = """
    SELECT contact_id, id, system FROM contacts_externalconnection WHERE system = ANY(%s) ORDER BY contact_id, id
"""


def collect_systems(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM contacts_externalsystem")
        spelled = {compared(name): name for name in (*SHIPPED, *(kept for (kept,) in cursor.fetchall()))}
        cursor.execute(_STORED)
        stored = [system for (system,) in cursor.fetchall()]
        for system in stored:
            name = normalized(system)
            # What nobody sees, or nobody could name today, is none.
            if name and is_one_line(name):
                spelled.setdefault(compared(name), name)
        for name in spelled.values():
            cursor.execute("INSERT INTO contacts_externalsystem (name) VALUES (%s) ON CONFLICT DO NOTHING", [name])
        others = {system: spelled.get(compared(system), system) for system in stored}
        _respell(connection, cursor, {system: name for system, name in others.items() if system != name})


def _respell(connection: Any, cursor: Any, names: dict[str, str]) -> None:
    cursor.execute(_OTHERWISE_SPELLED, [list(names)])
    for contact_id, pk, system in cursor.fetchall():
        try:
            with transaction.atomic(using=connection.alias):
                _respell_one(cursor, contact_id, pk, names[system])
        except IntegrityError:
            continue


def _respell_one(cursor: Any, contact_id: int, pk: int, name: str) -> None:
    cursor.execute("SELECT FROM contacts_contact WHERE id = %s FOR NO KEY UPDATE", [contact_id])
    before = _connections_of(cursor, contact_id)
    cursor.execute("UPDATE contacts_externalconnection SET system = %s WHERE id = %s", [name, pk])
    after = _connections_of(cursor, contact_id)
    # They may have been erased meanwhile.
    if after != before:
        changes = [Change("externalConnections", before, after)]
        record(cursor, kind=IDENTITY, subject_id=contact_id, changes=changes)


def _connections_of(cursor: Any, contact_id: int) -> list[dict[str, str]]:
    cursor.execute(
        "SELECT system, external_id FROM contacts_externalconnection WHERE contact_id = %s ORDER BY id", [contact_id]
    )
    return [{"system": system, "externalId": external_id} for system, external_id in cursor.fetchall()]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("contacts", "0036_external_systems"),
        ("audit", "0003_one_sequence_of_each_subject"),
    ]

    operations = [migrations.RunPython(collect_systems, migrations.RunPython.noop)]
