"""No login takes the name that a contact has or has reserved."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [("contacts", "0031_reserved_usernames_are_of_no_login")]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="loginofcontacts",
            trigger=pgtrigger.compiler.Trigger(
                name="username_is_free",
                sql=core.triggers.GuardSQL(
                    func="\n    IF NEW.username !~ '^contact-[0-9a-f-]{36}$' THEN\n        PERFORM pg_advisory_xact_lock(1263686486);\n    END IF;\n    IF EXISTS (SELECT FROM public.accounts_user login WHERE normalize(upper(replace(replace(normalize(login.username, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC) = normalize(upper(replace(replace(normalize(NEW.username, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC) AND login.id <> NEW.id)\n    OR EXISTS (SELECT FROM public.contacts_contact contact\n                WHERE normalize(upper(replace(replace(normalize(contact.username, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC) = normalize(upper(replace(replace(normalize(NEW.username, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC) AND contact.user_id IS DISTINCT FROM NEW.id)\n    OR EXISTS (SELECT FROM public.contacts_waitingcontact waiting WHERE normalize(upper(replace(replace(normalize(waiting.username, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC) = normalize(upper(replace(replace(normalize(NEW.username, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC))\n    THEN\n        RAISE EXCEPTION 'Refused: another login has this name.' USING ERRCODE = 'unique_violation', CONSTRAINT = 'user_username_unique_ignoring_case';\n    END IF;\n    RETURN NEW;\n",
                    hash="5e8e80965d7820fa2ddb87408b2181f09a0024d8",
                    operation="INSERT",
                    pgid="pgtrigger_username_is_free_92dfe",
                    table="accounts_user",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="loginofcontacts",
            trigger=pgtrigger.compiler.Trigger(
                name="new_username_is_free",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.username IS DISTINCT FROM OLD.username)",
                    func="\n    IF NEW.username !~ '^contact-[0-9a-f-]{36}$' THEN\n        PERFORM pg_advisory_xact_lock(1263686486);\n    END IF;\n    IF EXISTS (SELECT FROM public.accounts_user login WHERE normalize(upper(replace(replace(normalize(login.username, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC) = normalize(upper(replace(replace(normalize(NEW.username, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC) AND login.id <> NEW.id)\n    OR EXISTS (SELECT FROM public.contacts_contact contact\n                WHERE normalize(upper(replace(replace(normalize(contact.username, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC) = normalize(upper(replace(replace(normalize(NEW.username, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC) AND contact.user_id IS DISTINCT FROM NEW.id)\n    OR EXISTS (SELECT FROM public.contacts_waitingcontact waiting WHERE normalize(upper(replace(replace(normalize(waiting.username, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC) = normalize(upper(replace(replace(normalize(NEW.username, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC))\n    THEN\n        RAISE EXCEPTION 'Refused: another login has this name.' USING ERRCODE = 'unique_violation', CONSTRAINT = 'user_username_unique_ignoring_case';\n    END IF;\n    RETURN NEW;\n",
                    hash="c6ca21ab4882ab390df428416513eac736ba3e4a",
                    operation='UPDATE OF "username"',
                    pgid="pgtrigger_new_username_is_free_052ad",
                    table="accounts_user",
                    when="BEFORE",
                ),
            ),
        ),
    ]
