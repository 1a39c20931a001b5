"""Who asks whether something is asked for misses no request that is opened in the same instant."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("changerequests", "0022_rebased_revisions"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="proposal",
            trigger=pgtrigger.compiler.Trigger(
                name="proposals_are_not_missed",
                sql=core.triggers.GuardSQL(
                    func="\n            PERFORM pg_advisory_xact_lock_shared(1263555155);\n            RETURN NULL;\n        ",
                    hash="42c7baa4037ad907274d9ca013d46cf54c86b101",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_proposals_are_not_missed_ba6fc",
                    table="changerequests_proposal",
                    when="BEFORE",
                ),
            ),
        ),
    ]
