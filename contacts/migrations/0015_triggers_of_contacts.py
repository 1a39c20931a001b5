"""The triggers of contacts are declared beside their model from now on, and take the place of those before.

Both are there until the transaction ends: the rows are guarded all the time. Each table has a migration of its own,
since locks of several tables could meet others in a deadlock.
"""

from importlib import import_module

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers

BEFORE = import_module("contacts.migrations.0005_invariants")


class Migration(migrations.Migration):
    dependencies = [("contacts", "0014_rename_pending_file_deletion")]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="contact",
            trigger=pgtrigger.compiler.Trigger(
                name="version_counts_changes",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.version <> OLD.version AND NEW.version <> OLD.version + 1 OR NEW.version = OLD.version AND NEW.details IS DISTINCT FROM OLD.details)",
                    func="RAISE EXCEPTION 'Refused for row % of %: the version goes up by one with every change of the details.', OLD.id, TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="15491875eaedf8619f1552653ea596d3ab4716ec",
                    operation="UPDATE",
                    pgid="pgtrigger_version_counts_changes_4cb7f",
                    table="contacts_contact",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contact",
            trigger=pgtrigger.compiler.Trigger(
                name="anonymized_stays_anonymized",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (OLD.anonymized_at IS NOT NULL AND (NEW.anonymized_at, NEW.username, NEW.version, NEW.details) IS DISTINCT FROM (OLD.anonymized_at, OLD.username, OLD.version, OLD.details))",
                    func="RAISE EXCEPTION 'Refused for contact %: what was anonymized stays so.', OLD.id USING ERRCODE = 'integrity_constraint_violation';",
                    hash="617def18d9f971ac8e94086823f79a3baf84f321",
                    operation="UPDATE",
                    pgid="pgtrigger_anonymized_stays_anonymized_3de79",
                    table="contacts_contact",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contact",
            trigger=pgtrigger.compiler.Trigger(
                name="identity_is_fixed",
                sql=core.triggers.GuardSQL(
                    condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."uid" IS DISTINCT FROM (NEW."uid"))',
                    func="RAISE EXCEPTION 'Refused for contact %: its id and its uid stay what they are.', OLD.id USING ERRCODE = 'integrity_constraint_violation';",
                    hash="80a60be34c4f83f0c924c4dff68b6668746c91d7",
                    operation='UPDATE OF "id", "uid"',
                    pgid="pgtrigger_identity_is_fixed_1b68f",
                    table="contacts_contact",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(BEFORE.NO_CONTACTS, BEFORE.CONTACTS),
    ]
