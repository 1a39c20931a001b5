"""No contact takes a username that is reserved for one that waits."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0024_waiting_contacts"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="contact",
            trigger=pgtrigger.compiler.Trigger(
                name="username_is_not_reserved",
                sql=core.triggers.GuardSQL(
                    func="\n                    PERFORM pg_advisory_xact_lock_shared(1263686486);\n                    IF EXISTS (SELECT FROM written JOIN public.contacts_waitingcontact reserved ON upper(reserved.username) = upper(written.username) AND reserved.id <> written.id)\n                    THEN\n                        RAISE EXCEPTION 'Refused: it is reserved for what waits for approval.' USING ERRCODE = 'unique_violation', CONSTRAINT = 'contact_username_reserved';\n                    END IF;\n                    RETURN NULL;\n                ",
                    hash="defc26a6e0955ba94afce9351cae6bfd375d7f08",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_username_is_not_reserved_994c9",
                    referencing="REFERENCING NEW TABLE AS written ",
                    table="contacts_contact",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contact",
            trigger=pgtrigger.compiler.Trigger(
                name="new_username_is_not_reserved",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.username IS DISTINCT FROM OLD.username AND NEW.username IS NOT NULL)",
                    func="\n                    PERFORM pg_advisory_xact_lock_shared(1263686486);\n                    IF EXISTS (SELECT FROM public.contacts_waitingcontact reserved WHERE upper(reserved.username) = upper(NEW.username) AND reserved.id <> NEW.id) THEN\n                        RAISE EXCEPTION 'Refused: it is reserved for what waits for approval.' USING ERRCODE = 'unique_violation', CONSTRAINT = 'contact_username_reserved';\n                    END IF;\n                    RETURN NULL;\n                ",
                    hash="fd6f8e13287ea2c7418ecfbb17a87446660ddc18",
                    operation='UPDATE OF "username"',
                    pgid="pgtrigger_new_username_is_not_reserved_806dc",
                    table="contacts_contact",
                    when="AFTER",
                ),
            ),
        ),
    ]
