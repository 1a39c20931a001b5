"""The index for what changed since a time, built while Kontor runs."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("audit", "0003_one_sequence_of_each_subject")]

    operations = [
        AddIndexConcurrently(
            model_name="entry",
            index=models.Index(fields=["recorded_at"], name="entry_by_time"),
        ),
    ]
