"""Entries of imports that have to be approved, and the requests for them."""

import django.db.models.deletion
import django.db.models.expressions
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_triggers_of_members"),
        ("changerequests", "0019_import_requests"),
        ("importexport", "0002_imports"),
        ("schemas", "0003_triggers_of_schema_versions"),
        migrations.swappable_dependency(settings.OAUTH2_PROVIDER_APPLICATION_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="WaitingEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("position", models.PositiveIntegerField()),
                ("external_id", models.TextField(blank=True, null=True)),
                ("subject_id", models.IntegerField(db_index=True)),
                ("changes", models.JSONField()),
                ("stages", models.JSONField()),
                ("is_erased", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="importjob",
            name="import_job_counts_add_up",
        ),
        migrations.AddField(
            model_name="importjob",
            name="awaiting_approval",
            field=models.PositiveIntegerField(db_default=0, default=0, verbose_name="entries pending approval"),
        ),
        migrations.AddField(
            model_name="importjob",
            name="change_requests",
            field=models.ManyToManyField(
                related_name="+", to="changerequests.changerequest", verbose_name="change requests"
            ),
        ),
        AddConstraintNotValid(
            model_name="importjob",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "processed",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        models.F("created"), "+", models.F("updated")
                                    ),
                                    "+",
                                    models.F("unchanged"),
                                ),
                                "+",
                                models.F("failed"),
                            ),
                            "+",
                            models.F("awaiting_approval"),
                        ),
                    )
                ),
                name="import_job_outcomes_add_up",
            ),
        ),
        migrations.AddField(
            model_name="waitingentry",
            name="file",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="importexport.importfile",
            ),
        ),
        migrations.AddField(
            model_name="waitingentry",
            name="job",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="waiting_entries", to="importexport.importjob"
            ),
        ),
    ]
