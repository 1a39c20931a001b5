"""Nobody reserves the name that somebody else logs in with."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [("contacts", "0030_usernames_are_of_no_login")]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="waitingcontact",
            trigger=pgtrigger.compiler.Trigger(
                name="username_is_of_no_login",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.username IS NOT NULL)",
                    func="\n            PERFORM pg_advisory_xact_lock(1263686486);\n            IF EXISTS (SELECT FROM public.accounts_user login WHERE normalize(upper(replace(replace(normalize(login.username, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC) = normalize(upper(replace(replace(normalize(NEW.username, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC)) THEN\n                RAISE EXCEPTION 'Refused: another login has this name.' USING ERRCODE = 'unique_violation', CONSTRAINT = 'contact_username_unique_ignoring_case';\n            END IF;\n            RETURN NEW;\n        ",
                    hash="026cfe4dbe8666e584e341543468a91f0df8dedd",
                    operation='INSERT OR UPDATE OF "username"',
                    pgid="pgtrigger_username_is_of_no_login_dd628",
                    table="contacts_waitingcontact",
                    when="BEFORE",
                ),
            ),
        ),
    ]
