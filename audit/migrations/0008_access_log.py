"""The access log: who looked at which contact. Its largest table is partitioned by month."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import core.triggers
from audit.access.schema_sql import DROP, MAKE_PARTITIONS, TABLE


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0007_index_of_what_is_not_chained"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccessLoss",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("rows", models.BigIntegerField()),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="AccessProcess",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("host", models.CharField(max_length=255)),
                ("pid", models.IntegerField()),
                ("program", models.CharField(max_length=50)),
                ("began_at", models.DateTimeField()),
                ("written_until", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(TABLE + MAKE_PARTITIONS + "SELECT public.audit_make_access_partitions();", DROP),
            ],
            state_operations=[
                migrations.CreateModel(
                    name="Access",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("at", models.DateTimeField()),
                        ("contact_id", models.IntegerField()),
                        (
                            "actor_kind",
                            models.SmallIntegerField(
                                choices=[(1, "application"), (2, "member"), (3, "contact"), (4, "system")]
                            ),
                        ),
                        ("actor_id", models.IntegerField()),
                        ("application_id", models.IntegerField(null=True)),
                        ("process_id", models.IntegerField(null=True)),
                        (
                            "way",
                            models.SmallIntegerField(
                                choices=[
                                    (1, "read"),
                                    (2, "in a list"),
                                    (3, "exported"),
                                    (4, "on a review page"),
                                    (5, "in the access log"),
                                ]
                            ),
                        ),
                        (
                            "door",
                            models.SmallIntegerField(
                                choices=[(1, "API"), (2, "GraphQL"), (3, "Admin"), (4, "Export"), (5, "Command")]
                            ),
                        ),
                        ("system", models.CharField(blank=True, max_length=50)),
                        ("correlation_id", models.CharField(max_length=128)),
                    ],
                    options={
                        "verbose_name": "access",
                        "verbose_name_plural": "who looked",
                        "ordering": ["-at", "-id"],
                        "default_permissions": ("view",),
                        "indexes": [
                            models.Index(fields=["contact_id", "at"], name="access_by_contact"),
                            models.Index(fields=["actor_kind", "actor_id", "at", "id"], name="access_by_actor"),
                            models.Index(
                                condition=models.Q(("way__gte", 3)),
                                fields=["way", "actor_kind", "actor_id", "at", "id"],
                                name="access_by_rare_way",
                            ),
                        ],
                    },
                ),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="access",
            trigger=pgtrigger.compiler.Trigger(
                name="accesses_are_append_only",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'The access log is append-only: % of row % refused.', TG_OP, OLD.id USING ERRCODE = 'integrity_constraint_violation';",
                    hash="9506c6a7b51df51539b40aa3efbfa265c78e1694",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_accesses_are_append_only_cfb4d",
                    table="audit_access",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="access",
            trigger=pgtrigger.compiler.Trigger(
                name="accesses_are_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="fa4b3ad56c877923f45c6676a5b2df3a56a16b11",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_accesses_are_never_emptied_45545",
                    table="audit_access",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="accessprocess",
            index=models.Index(
                condition=models.Q(("ended_at", None)), fields=["began_at"], name="access_process_running"
            ),
        ),
        migrations.AddField(
            model_name="accessloss",
            name="process",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="losses", to="audit.accessprocess"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accessprocess",
            trigger=pgtrigger.compiler.Trigger(
                name="processes_end_once",
                sql=core.triggers.GuardSQL(
                    func="\n            IF TG_OP = 'UPDATE'\n               AND (NEW.id, NEW.host, NEW.pid, NEW.program, NEW.began_at)\n                   = (OLD.id, OLD.host, OLD.pid, OLD.program, OLD.began_at)\n               AND OLD.ended_at IS NULL\n               AND NEW.written_until >= OLD.written_until\n            THEN\n                RETURN NEW;\n            END IF;\n            RAISE EXCEPTION 'The access log is append-only: % of process % refused.', TG_OP, OLD.id USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="5129c775284a6e0198666aaa8a69252887cb878e",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_processes_end_once_472ac",
                    table="audit_accessprocess",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accessprocess",
            trigger=pgtrigger.compiler.Trigger(
                name="processes_are_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="d5d5d1ae14acc1f3d38f2add194c09ec73d226bc",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_processes_are_never_emptied_88dee",
                    table="audit_accessprocess",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="accessloss",
            index=models.Index(fields=["since"], name="access_loss_by_time"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accessloss",
            trigger=pgtrigger.compiler.Trigger(
                name="losses_are_append_only",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'The access log is append-only: % of loss % refused.', TG_OP, OLD.id USING ERRCODE = 'integrity_constraint_violation';",
                    hash="3050169e6870b8883a038a6b1960a899b22c3c0c",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_losses_are_append_only_a6eb9",
                    table="audit_accessloss",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="accessloss",
            trigger=pgtrigger.compiler.Trigger(
                name="losses_are_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="374b1c7e70aada74714d036b098979095a7b5cdf",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_losses_are_never_emptied_5d406",
                    table="audit_accessloss",
                    when="BEFORE",
                ),
            ),
        ),
    ]
