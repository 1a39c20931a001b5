"""No contact takes an external id that is reserved for one that waits."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0025_usernames_are_not_reserved"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="externalconnection",
            trigger=pgtrigger.compiler.Trigger(
                name="external_id_is_not_reserved",
                sql=core.triggers.GuardSQL(
                    func="\n                    PERFORM pg_advisory_xact_lock_shared(1263686486);\n                    IF EXISTS (SELECT FROM written JOIN public.contacts_reservedexternalid reserved ON reserved.external_id = written.external_id AND reserved.contact_id <> written.contact_id)\n                    THEN\n                        RAISE EXCEPTION 'Refused: it is reserved for what waits for approval.' USING ERRCODE = 'unique_violation', CONSTRAINT = 'external_id_reserved';\n                    END IF;\n                    RETURN NULL;\n                ",
                    hash="04ad1cb39c45e0a05352b96fca38b7f9dd208c5e",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_external_id_is_not_reserved_08b30",
                    referencing="REFERENCING NEW TABLE AS written ",
                    table="contacts_externalconnection",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="externalconnection",
            trigger=pgtrigger.compiler.Trigger(
                name="new_external_id_is_not_reserved",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.external_id IS DISTINCT FROM OLD.external_id AND NEW.external_id IS NOT NULL)",
                    func="\n                    PERFORM pg_advisory_xact_lock_shared(1263686486);\n                    IF EXISTS (SELECT FROM public.contacts_reservedexternalid reserved WHERE reserved.external_id = NEW.external_id AND reserved.contact_id <> NEW.contact_id) THEN\n                        RAISE EXCEPTION 'Refused: it is reserved for what waits for approval.' USING ERRCODE = 'unique_violation', CONSTRAINT = 'external_id_reserved';\n                    END IF;\n                    RETURN NULL;\n                ",
                    hash="a02f206240758d2ccdb0c249c3bc7dd4c13f082d",
                    operation='UPDATE OF "external_id"',
                    pgid="pgtrigger_new_external_id_is_not_reserved_8a765",
                    table="contacts_externalconnection",
                    when="AFTER",
                ),
            ),
        ),
    ]
