"""The model of files to delete moves here from `contacts`; its table stays as it is, for the version that still runs."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("contacts", "0016_triggers_of_change_sets"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="PendingFileDeletion",
                    fields=[
                        (
                            "id",
                            models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"),
                        ),
                        ("name", models.TextField(unique=True)),
                        ("since", models.DateTimeField(default=django.utils.timezone.now)),
                    ],
                    options={"db_table": "contacts_obsoletefile"},
                ),
            ],
        ),
    ]
