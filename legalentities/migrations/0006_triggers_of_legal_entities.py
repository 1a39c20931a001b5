"""The triggers of legal entities are declared beside their model from now on, and take the place of those before.

Both are there until the transaction ends: the rows are guarded all the time. Each table has a migration of its own,
since locks of several tables could meet others in a deadlock.
"""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers

DROP = """
DROP TRIGGER version_counts_changes ON legalentities_legalentity;
DROP FUNCTION legalentities_version_is_refused();
"""
CREATE = """
CREATE FUNCTION legalentities_version_is_refused() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Refused for legal entity %: the version goes up by one with every change of the details.', OLD.id
        USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE TRIGGER version_counts_changes BEFORE UPDATE ON legalentities_legalentity FOR EACH ROW
    WHEN (NEW.version <> OLD.version AND NEW.version <> OLD.version + 1
          OR NEW.version = OLD.version AND NEW.details IS DISTINCT FROM OLD.details)
    EXECUTE FUNCTION legalentities_version_is_refused();
"""


class Migration(migrations.Migration):
    dependencies = [("legalentities", "0005_one_index_of_three")]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="legalentity",
            trigger=pgtrigger.compiler.Trigger(
                name="version_counts_changes",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.version <> OLD.version AND NEW.version <> OLD.version + 1 OR NEW.version = OLD.version AND NEW.details IS DISTINCT FROM OLD.details)",
                    func="RAISE EXCEPTION 'Refused for row % of %: the version goes up by one with every change of the details.', OLD.id, TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="ef762498506134c92a20aa98c64229eef348a3af",
                    operation="UPDATE",
                    pgid="pgtrigger_version_counts_changes_69e8a",
                    table="legalentities_legalentity",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(DROP, CREATE),
    ]
