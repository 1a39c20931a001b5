"""A request is about a subject. Python's name alone changes: column, index and constraint stay as they are."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("changerequests", "0006_requests_begin_pending")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint("changerequest", "one_pending_request_per_contact"),
                migrations.RemoveIndex("changerequest", "request_by_contact"),
                migrations.RenameField("changerequest", "contact", "subject"),
                migrations.AlterField(
                    "changerequest",
                    "subject",
                    models.ForeignKey(
                        db_column="contact_id",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="change_requests",
                        to="contacts.contact",
                        verbose_name="contact",
                    ),
                ),
                migrations.AddIndex(
                    "changerequest",
                    models.Index(fields=["subject", "-created_at", "-id"], name="request_by_contact"),
                ),
                migrations.AddConstraint(
                    "changerequest",
                    models.UniqueConstraint(
                        condition=models.Q(("status", 1)), fields=("subject",), name="one_pending_request_per_contact"
                    ),
                ),
            ]
        )
    ]
