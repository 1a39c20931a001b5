"""An index by the time at which something escalates, built while the table is in use."""

import django.contrib.postgres.operations
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("changerequests", "0035_escalation"),
    ]

    operations = [
        django.contrib.postgres.operations.AddIndexConcurrently(
            model_name="changerequest",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False), ("escalated_to", None), ("status", 1)),
                fields=["due_at"],
                name="request_to_escalate",
            ),
        ),
    ]
