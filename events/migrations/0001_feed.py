"""The feed. It begins with what is committed from now on."""

import django.contrib.postgres.fields
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import audit.fields
import core.triggers
from core.migration_operations import LockTables

# Under the lock nobody is writing entries.
BEGIN = """
INSERT INTO public.events_numbering (id, horizon, floor)
SELECT 1, pg_snapshot_xmin(pg_current_snapshot()), COALESCE(max(id), 0) FROM public.audit_entry
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("audit", "0005_index_of_transactions"),
        migrations.swappable_dependency(settings.OAUTH2_PROVIDER_APPLICATION_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Event",
            fields=[
                ("position", models.BigIntegerField(primary_key=True, serialize=False)),
                ("type", models.CharField(max_length=60)),
                (
                    "participants",
                    django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), null=True, size=None),
                ),
                (
                    "participants_before",
                    django.contrib.postgres.fields.ArrayField(base_field=models.IntegerField(), null=True, size=None),
                ),
                (
                    "application",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.OAUTH2_PROVIDER_APPLICATION_MODEL,
                    ),
                ),
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="event", to="audit.entry"
                    ),
                ),
            ],
            options={
                "ordering": ["position"],
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="Numbering",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("horizon", audit.fields.TransactionIdField()),
                ("floor", models.BigIntegerField()),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.CheckConstraint(condition=models.Q(("pk", 1)), name="there_is_one_numbering")],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="event",
            trigger=pgtrigger.compiler.Trigger(
                name="events_are_append_only",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'Refused for event %: what happened stays in the feed.', OLD.position USING ERRCODE = 'integrity_constraint_violation';",
                    hash="9eb33d42b79550b8aa30bad2cfbea7f4d7e7c65a",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_events_are_append_only_aafb6",
                    table="events_event",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="event",
            trigger=pgtrigger.compiler.Trigger(
                name="events_are_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="2d5736b859863a861ae823805ea259adc7def233",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_events_are_never_emptied_e3adb",
                    table="events_event",
                    when="BEFORE",
                ),
            ),
        ),
        LockTables("audit_entry"),
        migrations.RunSQL(BEGIN, migrations.RunSQL.noop),
    ]
