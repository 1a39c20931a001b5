"""Webhooks and their deliveries."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0001_feed"),
        migrations.swappable_dependency(settings.OAUTH2_PROVIDER_APPLICATION_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Webhook",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="uid")),
                ("url", models.CharField(max_length=2000, verbose_name="URL")),
                (
                    "types",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60),
                        blank=True,
                        null=True,
                        size=None,
                        verbose_name="types of events",
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                ("is_removed", models.BooleanField(default=False, verbose_name="removed")),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created"),
                ),
                ("secret", models.CharField(blank=True, editable=False, max_length=200)),
                ("previous_secret", models.CharField(blank=True, editable=False, max_length=200)),
                ("previous_secret_until", models.DateTimeField(blank=True, editable=False, null=True)),
                ("position", models.BigIntegerField(default=0, editable=False, verbose_name="last position")),
                ("failures", models.PositiveSmallIntegerField(default=0, editable=False)),
                (
                    "failing_since",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="failing since"),
                ),
                (
                    "next_attempt_at",
                    models.DateTimeField(blank=True, editable=False, null=True, verbose_name="next attempt"),
                ),
                ("stopped_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="stopped")),
                ("claimed_until", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "application",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="webhooks",
                        to=settings.OAUTH2_PROVIDER_APPLICATION_MODEL,
                        verbose_name="application",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook",
                "verbose_name_plural": "webhooks",
                "ordering": ["-id"],
                "default_permissions": ("view", "add", "change"),
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("subject", models.CharField(max_length=100, verbose_name="subject")),
                (
                    "status",
                    models.CharField(
                        choices=[("Pending", "Pending"), ("Delivered", "Delivered"), ("GivenUp", "Stopped")],
                        default="Pending",
                        max_length=20,
                        verbose_name="status",
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="created")),
                ("attempted_at", models.DateTimeField(null=True, verbose_name="last attempt")),
                ("next_attempt_at", models.DateTimeField(null=True, verbose_name="next attempt")),
                ("response_status", models.PositiveSmallIntegerField(null=True, verbose_name="answer")),
                (
                    "error",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("PrivateNetwork", "The address is inside a private network."),
                            ("Timeout", "There was no answer in time."),
                            ("Certificate", "The certificate is not valid for the address."),
                            ("Connection", "There was no connection."),
                        ],
                        max_length=20,
                        verbose_name="error",
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="events.event",
                        verbose_name="event",
                    ),
                ),
                (
                    "webhook",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deliveries",
                        to="events.webhook",
                        verbose_name="webhook",
                    ),
                ),
            ],
            options={
                "verbose_name": "delivery",
                "verbose_name_plural": "deliveries",
                "ordering": ["-id"],
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="webhook",
            index=models.Index(
                condition=models.Q(("is_removed", False)), fields=["application"], name="webhook_in_use"
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["webhook", "-id"], name="delivery_by_webhook"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("status", "Pending")),
                fields=["webhook", "subject", "event"],
                name="delivery_pending_by_subject",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["created_at"], name="delivery_by_time"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(fields=("webhook", "event"), name="event_once_in_log_of_webhook"),
        ),
    ]
