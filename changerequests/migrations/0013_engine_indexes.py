"""Indexes by kind, built while the table is in use."""

import django.contrib.postgres.operations
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("changerequests", "0012_engine"),
    ]

    operations = [
        django.contrib.postgres.operations.AddIndexConcurrently(
            model_name="changerequest",
            index=models.Index(fields=["kind", "subject_id", "-created_at", "-id"], name="request_by_subject"),
        ),
        django.contrib.postgres.operations.AddIndexConcurrently(
            model_name="changerequest",
            index=models.Index(fields=["kind", "-created_at", "-id"], name="request_by_kind"),
        ),
    ]
