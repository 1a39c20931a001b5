"""Revisions that ask for the same over newer values."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import core.triggers
from core.migration_operations import LockTables


class Migration(migrations.Migration):
    dependencies = [
        ("changerequests", "0021_excluded_members"),
    ]

    operations = [
        LockTables("changerequests_revision"),
        pgtrigger.migrations.RemoveTrigger(
            model_name="revision",
            name="revisions_follow",
        ),
        migrations.AlterField(
            model_name="revision",
            name="reason",
            field=models.CharField(
                choices=[
                    ("submitted", "Submitted"),
                    ("amended", "Amended"),
                    ("struck", "Partly removed"),
                    ("rebased", "Requested again on newer values"),
                ],
                max_length=10,
                verbose_name="reason",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="revision",
            trigger=pgtrigger.compiler.Trigger(
                name="revisions_follow",
                sql=core.triggers.GuardSQL(
                    declare="DECLARE request record;",
                    func="\n            SELECT * INTO request FROM public.changerequests_changerequest WHERE id = NEW.request_id FOR NO KEY UPDATE;\n            IF request.status NOT IN (1, 5)\n               OR NEW.number <> 1 AND NEW.number <> request.revision_number + 1\n               OR NEW.number = 1 AND (NEW.reason <> 'submitted'\n                                      OR NEW.author_id IS DISTINCT FROM request.initiator_member_id)\n               OR NEW.number > 1 AND NEW.reason IN ('amended', 'rebased')\n                  AND NEW.author_id IS DISTINCT FROM request.initiator_member_id\n               OR NEW.number > 1 AND NEW.reason = 'struck' AND (\n                  NEW.author_id IS NULL OR NEW.author_id = request.initiator_member_id)\n               OR NEW.number > 1 AND NEW.reason = 'submitted'\n            THEN\n                RAISE EXCEPTION 'Refused: revision % of change request % is none of it.', NEW.number, NEW.request_id USING ERRCODE = 'integrity_constraint_violation';\n            END IF;\n            RETURN NEW;\n        ",
                    hash="23fe106a87ce2da77094fd88de9139f04a6ee2da",
                    operation="INSERT",
                    pgid="pgtrigger_revisions_follow_aca80",
                    table="changerequests_revision",
                    when="BEFORE",
                ),
            ),
        ),
    ]
