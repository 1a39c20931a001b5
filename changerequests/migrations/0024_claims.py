"""Who has a request open."""

import django.db.models.deletion
from django.db import migrations, models

from core.migration_operations import LockTables


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0020_introspection"),
        ("changerequests", "0023_proposals_are_not_missed"),
    ]

    operations = [
        LockTables("changerequests_changerequest", "accounts_member"),
        migrations.CreateModel(
            name="RequestClaim",
            fields=[
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="claim",
                        serialize=False,
                        to="changerequests.changerequest",
                    ),
                ),
                ("claimed_at", models.DateTimeField(verbose_name="claimed")),
                ("until", models.DateTimeField(verbose_name="until")),
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
                "verbose_name": "claim",
                "verbose_name_plural": "claims",
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("until__gt", models.F("claimed_at"))), name="claim_ends_after_it_begins"
                    )
                ],
            },
        ),
    ]
