"""No contact takes the name that somebody else logs in with."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [("contacts", "0029_login_names")]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="contact",
            trigger=pgtrigger.compiler.Trigger(
                name="username_is_of_no_login",
                sql=core.triggers.GuardSQL(
                    func="\n            PERFORM pg_advisory_xact_lock_shared(1263686486);\n            IF EXISTS (SELECT FROM written WHERE EXISTS (SELECT FROM public.accounts_user login\n                     WHERE normalize(upper(replace(replace(normalize(login.username, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC) = normalize(upper(replace(replace(normalize(written.username, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC) AND login.id IS DISTINCT FROM written.user_id)) THEN\n                RAISE EXCEPTION 'Refused: another login has this name.' USING ERRCODE = 'unique_violation', CONSTRAINT = 'contact_username_unique_ignoring_case';\n            END IF;\n            RETURN NULL;\n        ",
                    hash="d2cc5fbb47f393cb1f85dacc0cb8843f1173ba7c",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_username_is_of_no_login_1ee24",
                    referencing="REFERENCING NEW TABLE AS written ",
                    table="contacts_contact",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contact",
            trigger=pgtrigger.compiler.Trigger(
                name="new_username_is_of_no_login",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.username IS DISTINCT FROM OLD.username AND NEW.username IS NOT NULL)",
                    func="\n            PERFORM pg_advisory_xact_lock_shared(1263686486);\n            IF EXISTS (SELECT FROM public.accounts_user login\n                     WHERE normalize(upper(replace(replace(normalize(login.username, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC) = normalize(upper(replace(replace(normalize(NEW.username, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC) AND login.id IS DISTINCT FROM NEW.user_id) THEN\n                RAISE EXCEPTION 'Refused: another login has this name.' USING ERRCODE = 'unique_violation', CONSTRAINT = 'contact_username_unique_ignoring_case';\n            END IF;\n            RETURN NULL;\n        ",
                    hash="0999d613ce2a361a91a8f110fc9987137b37011a",
                    operation='UPDATE OF "username"',
                    pgid="pgtrigger_new_username_is_of_no_login_5cd18",
                    table="contacts_contact",
                    when="AFTER",
                ),
            ),
        ),
    ]
