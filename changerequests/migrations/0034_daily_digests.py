"""Who gets a mail each working day about what waits."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0020_introspection"),
        ("changerequests", "0033_requests_that_came_back"),
    ]

    operations = [
        migrations.CreateModel(
            name="DailyDigest",
            fields=[
                (
                    "member",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="daily_digest",
                        serialize=False,
                        to="accounts.member",
                    ),
                ),
                ("language", models.CharField(max_length=10)),
                ("day", models.DateField()),
                ("covers_from", models.DateTimeField(default=django.utils.timezone.now)),
                ("is_due", models.BooleanField(default=False)),
                ("due_since", models.DateTimeField(blank=True, null=True)),
                ("claimed_at", models.DateTimeField(blank=True, null=True)),
                ("refused_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "daily digest",
                "verbose_name_plural": "daily digests",
                "default_permissions": (),
            },
        ),
    ]
