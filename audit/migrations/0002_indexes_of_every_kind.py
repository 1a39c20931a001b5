"""The index of sequences for every kind, built while Kontor runs and beside the one of contacts that it replaces."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("audit", "0001_entries")]

    operations = [
        migrations.RunSQL(
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS entry_once_in_sequence"
            " ON public.audit_entry (kind, subject_id, sequence)"
        ),
        AddIndexConcurrently(
            model_name="entry",
            index=models.Index(
                condition=models.Q(("change_request__isnull", False)),
                fields=["change_request"],
                name="entry_by_change_request",
            ),
        ),
    ]
