"""To whom a request is assigned."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from core.migration_operations import LockTables


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0020_introspection"),
        ("changerequests", "0025_evidence"),
    ]

    operations = [
        LockTables("changerequests_changerequest", "accounts_member"),
        migrations.CreateModel(
            name="RequestAssignment",
            fields=[
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="assignment",
                        serialize=False,
                        to="changerequests.changerequest",
                    ),
                ),
                ("assigned_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="assigned")),
                (
                    "assigned_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.member",
                        verbose_name="assigned by",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.member",
                        verbose_name="member",
                    ),
                ),
            ],
            options={
                "verbose_name": "assignment",
                "verbose_name_plural": "assignments",
                "default_permissions": (),
            },
        ),
    ]
