"""Usernames and external ids that wait with new contacts have the one form of text, unless others have that."""

from typing import Any

from django.db import migrations

from core.text_migrations import bring_lines


def bring_texts(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    bring_lines(connection, table="contacts_waitingcontact", column="username")
    bring_lines(connection, table="contacts_reservedexternalid", column="external_id")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("contacts", "0038_latest_entry")]

    operations = [migrations.RunPython(bring_texts, migrations.RunPython.noop)]
