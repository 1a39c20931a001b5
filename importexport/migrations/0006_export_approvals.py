"""Exports that await approval: their requests, and the columns that were approved."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("changerequests", "0020_about_member"),
        ("importexport", "0005_imports_of_operators"),
    ]

    operations = [
        migrations.AddField(
            model_name="exportjob",
            name="columns",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), blank=True, null=True, size=None, verbose_name="columns"
            ),
        ),
        migrations.AlterField(
            model_name="exportjob",
            name="status",
            field=models.CharField(
                choices=[
                    ("AwaitingApproval", "Pending approval"),
                    ("Pending", "Pending"),
                    ("Running", "Running"),
                    ("Completed", "Completed"),
                    ("Failed", "Failed"),
                    ("Rejected", "Rejected"),
                    ("Cancelled", "Cancelled"),
                ],
                default="Pending",
                max_length=20,
                verbose_name="status",
            ),
        ),
        migrations.CreateModel(
            name="ExportApproval",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("may_name_people", models.BooleanField()),
                (
                    "change_request",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="changerequests.changerequest",
                    ),
                ),
                (
                    "job",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="approval",
                        to="importexport.exportjob",
                    ),
                ),
            ],
            options={
                "verbose_name": "approval of an export",
                "verbose_name_plural": "approvals of exports",
                "default_permissions": (),
            },
        ),
    ]
