"""What legal entities declare of the ledger's entries and erasures. After the move of entries that are not the latest."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [("legalentities", "0008_history_in_the_ledger")]

    operations = [
        migrations.CreateModel(
            name="LegalEntityEntry",
            fields=[],
            options={"proxy": True, "default_permissions": (), "indexes": [], "constraints": []},
            bases=("audit.entry",),
        ),
        migrations.CreateModel(
            name="LegalEntityErasure",
            fields=[],
            options={"proxy": True, "default_permissions": (), "indexes": [], "constraints": []},
            bases=("audit.erasure",),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="legalentityentry",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_entity_follows_versions",
                sql=core.triggers.GuardSQL(
                    declare="DECLARE odd record;",
                    func="""
            SELECT written.kind, written.subject_id, written.sequence INTO odd
              FROM written
             WHERE written.kind = 'legal-entity'
               AND ((SELECT subject.version FROM public.legalentities_legalentity subject WHERE subject.id = written.subject_id)
                    IS DISTINCT FROM written.sequence
                 OR written.sequence > 1 AND (
                        SELECT before.sequence FROM public.audit_entry before
                         WHERE before.kind = written.kind AND before.subject_id = written.subject_id
                           AND before.sequence = written.sequence - 1) IS NULL)
             LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'Refused: an entry of version % does not follow in the history of % %.', odd.sequence, odd.kind, odd.subject_id USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NULL;
        """,
                    hash="afaaad2a2fc0e0007ffa14448a973bde271e1801",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_legal_entity_follows_versions_66b00",
                    referencing="REFERENCING NEW TABLE AS written ",
                    table="audit_entry",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="legalentityerasure",
            trigger=pgtrigger.compiler.Trigger(
                name="never_of_legal_entities",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.kind = 'legal-entity')",
                    func="RAISE EXCEPTION 'Refused for legal entity %: its history is not erased.', NEW.subject_id USING ERRCODE = 'integrity_constraint_violation';",
                    hash="0fb7e70e8622928a00f739686389798c15fcafcc",
                    operation="INSERT",
                    pgid="pgtrigger_never_of_legal_entities_22a6c",
                    table="audit_erasure",
                    when="BEFORE",
                ),
            ),
        ),
    ]
