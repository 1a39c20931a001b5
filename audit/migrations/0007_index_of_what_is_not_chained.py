"""The index by which entries are found that are not chained yet, built while Kontor runs."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("audit", "0006_chained_entries")]

    operations = [
        AddIndexConcurrently(
            model_name="entry",
            index=models.Index(
                condition=models.Q(("entry_hash__isnull", True)), fields=["id"], name="entry_not_chained"
            ),
        ),
    ]
