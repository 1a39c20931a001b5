"""Details and external ids have the one form of text. What would collide stays: doctor lists it."""

from typing import Any

from django.db import migrations

from core.text_migrations import bring_details, bring_lines

TABLE = "legalentities_legalentity"


def bring_texts(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    bring_details(connection, table=TABLE, kind="legal-entity")
    bring_lines(connection, table=TABLE, column="external_id", kind="legal-entity-creation", path="externalId")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("legalentities", "0017_search_and_sort_without_accents"),
        ("audit", "0003_one_sequence_of_each_subject"),
    ]

    operations = [migrations.RunPython(bring_texts, migrations.RunPython.noop)]
