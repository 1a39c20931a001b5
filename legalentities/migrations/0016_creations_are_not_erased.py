"""The creation of a legal entity is not erased, as its history is not."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("legalentities", "0015_reservations_end"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="legalentityerasure",
            name="never_of_legal_entities",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="legalentityerasure",
            trigger=pgtrigger.compiler.Trigger(
                name="never_of_legal_entities",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.kind IN ('legal-entity', 'legal-entity-creation'))",
                    func="RAISE EXCEPTION 'Refused for legal entity %: its history is not erased.', NEW.subject_id USING ERRCODE = 'integrity_constraint_violation';",
                    hash="f9f0b0a8f0d1abedcafe85f40924ece85ee41e85",
                    operation="INSERT",
                    pgid="pgtrigger_never_of_legal_entities_22a6c",
                    table="audit_erasure",
                    when="BEFORE",
                ),
            ),
        ),
    ]
