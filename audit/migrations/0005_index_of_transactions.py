"""The index by which new entries are found, built while Kontor runs."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("audit", "0004_entries_by_time")]

    operations = [
        AddIndexConcurrently(
            model_name="entry",
            index=models.Index(fields=["transaction_id"], name="entry_by_transaction"),
        ),
    ]
