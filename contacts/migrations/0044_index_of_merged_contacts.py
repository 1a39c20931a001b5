"""The contacts that were merged into one, built while the table is in use."""

import django.contrib.postgres.operations
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("contacts", "0043_merged_contacts"),
    ]

    operations = [
        django.contrib.postgres.operations.AddIndexConcurrently(
            model_name="contact",
            index=models.Index(
                condition=models.Q(("merged_into__isnull", False)), fields=["merged_into"], name="contact_by_survivor"
            ),
        ),
    ]
