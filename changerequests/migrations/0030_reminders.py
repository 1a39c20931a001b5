"""Mails about stages that are due soon."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from core.migration_operations import LockTables


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0020_introspection"),
        ("changerequests", "0029_refused_messages"),
    ]

    operations = [
        LockTables("changerequests_changerequest", "changerequests_requeststage", "accounts_member"),
        migrations.CreateModel(
            name="DeadlineMail",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(choices=[("due-soon", "Due soon")], max_length=10, verbose_name="reason")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="created")),
                ("is_due", models.BooleanField(default=True)),
                ("claimed_at", models.DateTimeField(blank=True, null=True)),
                ("refused_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["id"],
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="changerequest",
            name="remind_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="deadlinemail",
            name="member",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.member"
            ),
        ),
        migrations.AddField(
            model_name="deadlinemail",
            name="request",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="changerequests.changerequest"
            ),
        ),
        migrations.AddField(
            model_name="deadlinemail",
            name="stage",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="changerequests.requeststage",
            ),
        ),
        migrations.AddIndex(
            model_name="deadlinemail",
            index=models.Index(condition=models.Q(("is_due", True)), fields=["created_at"], name="deadline_mail_due"),
        ),
        migrations.AddConstraint(
            model_name="deadlinemail",
            constraint=models.UniqueConstraint(
                fields=("stage", "member", "reason"), name="deadline_mail_once_per_stage"
            ),
        ),
    ]
