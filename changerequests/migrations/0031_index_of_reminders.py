"""An index by the time of the next reminder, built while the table is in use."""

import django.contrib.postgres.operations
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("changerequests", "0030_reminders"),
    ]

    operations = [
        django.contrib.postgres.operations.AddIndexConcurrently(
            model_name="changerequest",
            index=models.Index(
                condition=models.Q(("remind_at__isnull", False), ("status", 1)),
                fields=["remind_at"],
                name="request_to_remind_of",
            ),
        ),
    ]
