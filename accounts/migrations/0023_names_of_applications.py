"""No two applications have one name from now on, as names are compared. Those of before stay."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0022_names_of_participants"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="clientapplication",
            trigger=pgtrigger.compiler.Trigger(
                name="name_is_unique",
                sql=core.triggers.GuardSQL(
                    func="\n            IF NEW.name = '' OR TG_OP = 'UPDATE' AND NEW.name = OLD.name THEN\n                RETURN NEW;\n            END IF;\n            PERFORM pg_advisory_xact_lock(hashtextextended('accounts_clientapplication.name', 0));\n            IF EXISTS (SELECT FROM public.accounts_clientapplication other\n                        WHERE other.id <> NEW.id AND normalize(upper(replace(replace(normalize(other.name, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC) = normalize(upper(replace(replace(normalize(NEW.name, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC)) THEN\n                RAISE EXCEPTION 'Refused: another one has this name.' USING ERRCODE = 'unique_violation', CONSTRAINT = 'application_name_unique';\n            END IF;\n            RETURN NEW;\n        ",
                    hash="153811b4363f6670ba74d6a6f198a0251b1a349b",
                    operation='INSERT OR UPDATE OF "name"',
                    pgid="pgtrigger_name_is_unique_8faf4",
                    table="accounts_clientapplication",
                    when="BEFORE",
                ),
            ),
        ),
    ]
