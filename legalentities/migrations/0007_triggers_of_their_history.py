"""The triggers of the history of legal entities are declared beside their model from now on, and take the place of those before.

Both are there until the transaction ends: the rows are guarded all the time. Each table has a migration of its own,
since locks of several tables could meet others in a deadlock.
"""

from importlib import import_module

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers

APPEND_ONLY = import_module("legalentities.migrations.0002_link_and_append_only_history")

DROP = "DROP TRIGGER history_is_never_emptied ON legalentities_legalentitychangeset"
CREATE = """
CREATE TRIGGER history_is_never_emptied BEFORE TRUNCATE ON legalentities_legalentitychangeset
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_history_is_never_emptied();
"""


class Migration(migrations.Migration):
    dependencies = [("legalentities", "0006_triggers_of_legal_entities")]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="legalentitychangeset",
            trigger=pgtrigger.compiler.Trigger(
                name="history_is_append_only",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'The history is append-only: % of change set % refused.', TG_OP, OLD.id USING ERRCODE = 'integrity_constraint_violation';",
                    hash="3effd02f10dbfdf133a907710f1c2ca4c0d20f7e",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_history_is_append_only_b2811",
                    table="legalentities_legalentitychangeset",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="legalentitychangeset",
            trigger=pgtrigger.compiler.Trigger(
                name="history_is_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="9b70df808e65ff42742b6891533e3079adaed789",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_history_is_never_emptied_276c5",
                    table="legalentities_legalentitychangeset",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(DROP, CREATE),
        migrations.RunSQL(APPEND_ONLY.UNGUARD, APPEND_ONLY.GUARD),
    ]
