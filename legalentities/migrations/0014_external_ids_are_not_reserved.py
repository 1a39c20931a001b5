"""No legal entity takes an external id that is reserved for one that waits."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("legalentities", "0013_waiting_legal_entities"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="legalentity",
            trigger=pgtrigger.compiler.Trigger(
                name="external_id_is_not_reserved",
                sql=core.triggers.GuardSQL(
                    func="\n                    PERFORM pg_advisory_xact_lock_shared(1263686486);\n                    IF EXISTS (SELECT FROM written JOIN public.legalentities_waitinglegalentity reserved ON reserved.external_id = written.external_id AND reserved.id <> written.id)\n                    THEN\n                        RAISE EXCEPTION 'Refused: it is reserved for what waits for approval.' USING ERRCODE = 'unique_violation', CONSTRAINT = 'legal_entity_external_id_reserved';\n                    END IF;\n                    RETURN NULL;\n                ",
                    hash="9acf7d394f807ce070781ece07146f08858523a2",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_external_id_is_not_reserved_8ef3d",
                    referencing="REFERENCING NEW TABLE AS written ",
                    table="legalentities_legalentity",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="legalentity",
            trigger=pgtrigger.compiler.Trigger(
                name="new_external_id_is_not_reserved",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.external_id IS DISTINCT FROM OLD.external_id AND NEW.external_id IS NOT NULL)",
                    func="\n                    PERFORM pg_advisory_xact_lock_shared(1263686486);\n                    IF EXISTS (SELECT FROM public.legalentities_waitinglegalentity reserved WHERE reserved.external_id = NEW.external_id AND reserved.id <> NEW.id) THEN\n                        RAISE EXCEPTION 'Refused: it is reserved for what waits for approval.' USING ERRCODE = 'unique_violation', CONSTRAINT = 'legal_entity_external_id_reserved';\n                    END IF;\n                    RETURN NULL;\n                ",
                    hash="e346edad4440acb3e084144998546cad176dd9b0",
                    operation='UPDATE OF "external_id"',
                    pgid="pgtrigger_new_external_id_is_not_reserved_9355f",
                    table="legalentities_legalentity",
                    when="AFTER",
                ),
            ),
        ),
    ]
