"""What earlier requests need in this version: subjects, revisions, proposals, stages and decisions, in batches."""

from typing import Any

from django.db import migrations

BATCH = 2_000


def take_over(apps: Any, schema_editor: Any) -> None:
    """Take over all requests. Each batch is a transaction of its own; run again, it goes on where it stopped."""
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM public.changerequests_changerequest")
        (last,) = cursor.fetchone()
        for start in range(0, last, BATCH):
            cursor.execute("SELECT public.changerequests_take_over(%s, %s)", [start, start + BATCH])


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("changerequests", "0013_engine_indexes"),
    ]

    operations = [
        migrations.RunPython(take_over, migrations.RunPython.noop),
    ]
