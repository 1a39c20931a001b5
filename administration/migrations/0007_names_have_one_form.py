"""Names of groups of staff, applications and participants have the one form of text, unless others have that."""

from typing import Any

from django.db import IntegrityError, migrations, transaction

from core.documents import Change
from core.text import normalized
from core.text_migrations import bring_lines, record

_SUBJECT = """
    INSERT INTO administration_configurationsubject (sort, object_id, name) VALUES ('participant', %s, %s)
        ON CONFLICT (sort, object_id) DO UPDATE SET name = EXCLUDED.name RETURNING id
"""


def bring_names(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    bring_lines(connection, table="auth_group", column="name", kind="group-rights", path="name")
    bring_lines(connection, table="accounts_clientapplication", column="name", kind="application", path="name")
    _bring_participants(connection)


def _bring_participants(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, name FROM accounts_participant ORDER BY id")
        for pk, name in cursor.fetchall():
            line = normalized(name)
            if line in ("", name):
                continue
            try:
                with transaction.atomic(using=connection.alias):
                    _bring_participant(cursor, pk, name, line)
            except IntegrityError:
                continue


def _bring_participant(cursor: Any, pk: int, name: str, line: str) -> None:
    cursor.execute(_SUBJECT, [pk, line])
    (subject_id,) = cursor.fetchone()
    cursor.execute("UPDATE accounts_participant SET name = %s WHERE id = %s AND name = %s", [line, pk, name])
    if cursor.rowcount:
        changes = [Change("participant.name", name, line)]
        record(cursor, kind="configuration", subject_id=subject_id, changes=changes)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("administration", "0006_names_of_groups"),
        ("accounts", "0023_names_of_applications"),
        ("audit", "0003_one_sequence_of_each_subject"),
    ]

    operations = [migrations.RunPython(bring_names, migrations.RunPython.noop)]
