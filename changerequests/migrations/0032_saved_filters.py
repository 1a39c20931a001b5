"""Filters of the queue that members have saved."""

import django.db.models.deletion
from django.db import migrations, models

from core.migration_operations import LockTables


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0020_introspection"),
        ("changerequests", "0031_index_of_reminders"),
    ]

    operations = [
        LockTables("accounts_member"),
        migrations.CreateModel(
            name="SavedFilter",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                ("query", models.CharField(max_length=2000, verbose_name="filters")),
                (
                    "member",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.member",
                    ),
                ),
            ],
            options={
                "verbose_name": "saved filter",
                "verbose_name_plural": "saved filters",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("member", "name"), name="saved_filter_name_once_per_member")
                ],
            },
        ),
    ]
