"""Names and external ids of groups have the one form of text. What would collide stays: doctor lists it."""

from typing import Any

from django.db import migrations

from core.text_migrations import bring_lines


def bring_texts(apps: Any, schema_editor: Any) -> None:
    for column, path in (("name", "name"), ("external_id", "externalId")):
        bring_lines(
            schema_editor.connection,
            table="contactgroups_contactgroup",
            column=column,
            kind="contact-group",
            path=path,
        )


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("contactgroups", "0005_search_without_accents"),
        ("audit", "0003_one_sequence_of_each_subject"),
    ]

    operations = [migrations.RunPython(bring_texts, migrations.RunPython.noop)]
