"""Every version of a legal entity has its entry in the ledger, by a foreign key that is checked when a transaction ends."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

import core.triggers
from core.migration_operations import LockTables

KEY = """
ALTER TABLE public.legalentities_legalentity ADD CONSTRAINT legal_entity_version_has_its_entry
    FOREIGN KEY (entry_kind, id, version) REFERENCES public.audit_entry (kind, subject_id, sequence)
    DEFERRABLE INITIALLY DEFERRED NOT VALID;
"""


class Migration(migrations.Migration):
    dependencies = [("legalentities", "0009_rules_of_their_entries")]

    operations = [
        LockTables("legalentities_legalentity", "audit_entry"),
        migrations.AddField(
            model_name="legalentity",
            name="entry_kind",
            field=models.CharField(db_default="legal-entity", default="legal-entity", editable=False, max_length=40),
        ),
        AddConstraintNotValid(
            model_name="legalentity",
            constraint=models.CheckConstraint(
                condition=models.Q(("entry_kind", "legal-entity")), name="legal_entity_entry_kind_is_legal_entity"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="legalentity",
            trigger=pgtrigger.compiler.Trigger(
                name="identity_is_fixed",
                sql=core.triggers.GuardSQL(
                    condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id"))',
                    func="RAISE EXCEPTION 'Refused for legal entity %: its id stays what it is.', OLD.id USING ERRCODE = 'integrity_constraint_violation';",
                    hash="0a3ee24fed21c38aa596729f800aba0e9d050732",
                    operation='UPDATE OF "id"',
                    pgid="pgtrigger_identity_is_fixed_f6c87",
                    table="legalentities_legalentity",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="legalentity",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_entities_are_never_deleted",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'Refused for legal entity %: what has a history is never deleted.', OLD.id USING ERRCODE = 'integrity_constraint_violation';",
                    hash="b89b04cefe9ec325a350b2710301a23ea2b239ff",
                    operation="DELETE",
                    pgid="pgtrigger_legal_entities_are_never_deleted_b1d9a",
                    table="legalentities_legalentity",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(KEY),
    ]
