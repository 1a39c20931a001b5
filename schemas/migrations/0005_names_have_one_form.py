"""Names of list items have the one form of text. Their keys always had it."""

import json
from typing import Any

from django.db import migrations, transaction

from core.documents import changes_between
from core.text import normalized
from core.text_migrations import record

_ROWS = """
    SELECT list.id, list.key, item.id, item.key, item.names
      FROM schemas_listitem item JOIN schemas_list list ON list.id = item.list_id ORDER BY list.id, item.id
"""


def bring_names(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute(_ROWS)
        for list_id, list_key, pk, key, stored in cursor.fetchall():
            names = json.loads(stored)
            # What nobody sees has no form that it could get.
            formed = {language: normalized(name) or name for language, name in names.items()}
            if formed != names:
                with transaction.atomic(using=connection.alias):
                    _bring_item(cursor, list_id, pk, formed, place=f"{list_key}.{key.replace('.', '/')}.names.")


def _bring_item(cursor: Any, list_id: int, pk: int, formed: dict[str, str], *, place: str) -> None:
    # The revision says to all processes that the list has changed.
    cursor.execute("UPDATE schemas_list SET revision = nextval('schemas_list_revision') WHERE id = %s", [list_id])
    cursor.execute("SELECT names FROM schemas_listitem WHERE id = %s FOR UPDATE", [pk])
    names = json.loads(cursor.fetchone()[0])
    formed = {language: formed.get(language, name) for language, name in names.items()}
    cursor.execute("UPDATE schemas_listitem SET names = %s WHERE id = %s", [json.dumps(formed), pk])
    if changes := changes_between(names, formed, place):
        record(cursor, kind="list", subject_id=list_id, changes=changes)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("schemas", "0004_draft_of_request"),
        ("audit", "0003_one_sequence_of_each_subject"),
    ]

    operations = [migrations.RunPython(bring_names, migrations.RunPython.noop)]
