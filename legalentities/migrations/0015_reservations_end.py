"""What is reserved is free again once its request is closed."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("legalentities", "0014_external_ids_are_not_reserved"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="subjectoflegalentityrequest",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_entity_waits_no_longer",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.kind = 'legal-entity-creation' AND OLD.is_open AND NOT NEW.is_open)",
                    func="\n            \n                    UPDATE public.legalentities_waitinglegalentity SET external_id = NULL, closed_at = now()\n                     WHERE id = NEW.subject_id;\n                \n            RETURN NULL;\n        ",
                    hash="26bfadf91a3904125ec359b4307be23de0b11b50",
                    operation='UPDATE OF "is_open"',
                    pgid="pgtrigger_legal_entity_waits_no_longer_bfae7",
                    table="changerequests_requestsubject",
                    when="AFTER",
                ),
            ),
        ),
    ]
