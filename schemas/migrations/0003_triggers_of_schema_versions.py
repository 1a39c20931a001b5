"""The triggers of versions of schemas are declared beside their model from now on, and take the place of those before.

Both are there until the transaction ends: the rows are guarded all the time. Each table has a migration of its own,
since locks of several tables could meet others in a deadlock.
"""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers

DROP = """
DROP TRIGGER schemas_schemaversion_is_final ON schemas_schemaversion;
DROP FUNCTION schemas_schemaversion_is_final();
"""
CREATE = """
CREATE FUNCTION schemas_schemaversion_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a published version is never edited' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER schemas_schemaversion_is_final BEFORE UPDATE OR DELETE ON schemas_schemaversion
    FOR EACH ROW EXECUTE FUNCTION schemas_schemaversion_is_final();
"""


class Migration(migrations.Migration):
    dependencies = [("schemas", "0002_drafts")]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="schemaversion",
            trigger=pgtrigger.compiler.Trigger(
                name="schema_version_is_final",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'a published version is never edited' USING ERRCODE = 'restrict_violation';",
                    hash="26409c46e333b14fbe0f66a6cfe44ec670e698b2",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_schema_version_is_final_8e4fc",
                    table="schemas_schemaversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(DROP, CREATE),
    ]
