"""Indexes for the dashboard and for the mails of outcomes, built while Kontor runs."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("changerequests", "0002_outcome_mails")]

    operations = [
        AddIndexConcurrently(
            model_name="changerequest",
            index=models.Index(
                condition=models.Q(("is_outcome_due", True)), fields=["reviewed_at"], name="request_outcome_due"
            ),
        ),
        AddIndexConcurrently(
            model_name="changerequest",
            index=models.Index(
                condition=models.Q(("status", 1)),
                fields=["initiator_member", "created_at", "id"],
                name="pending_request_by_initiator",
            ),
        ),
        AddIndexConcurrently(
            model_name="changerequest",
            index=models.Index(
                condition=models.Q(("reviewed_at__isnull", False)),
                fields=["status", "-reviewed_at"],
                name="request_latest_decided",
            ),
        ),
    ]
