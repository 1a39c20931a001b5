"""External ids that wait with new legal entities have the one form of text, unless others have that."""

from typing import Any

from django.db import migrations

from core.text_migrations import bring_lines


def bring_texts(apps: Any, schema_editor: Any) -> None:
    bring_lines(schema_editor.connection, table="legalentities_waitinglegalentity", column="external_id")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("legalentities", "0018_text_has_one_form")]

    operations = [migrations.RunPython(bring_texts, migrations.RunPython.noop)]
