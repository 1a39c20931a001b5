"""No two groups of staff have one name from now on, as names are compared. Those of before stay."""

import django.contrib.auth.models
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("administration", "0005_directory_over_scim"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="NamedGroup",
            fields=[],
            options={
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("auth.group",),
            managers=[
                ("objects", django.contrib.auth.models.GroupManager()),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="namedgroup",
            trigger=pgtrigger.compiler.Trigger(
                name="name_is_unique",
                sql=core.triggers.GuardSQL(
                    func="\n            IF NEW.name = '' OR TG_OP = 'UPDATE' AND NEW.name = OLD.name THEN\n                RETURN NEW;\n            END IF;\n            PERFORM pg_advisory_xact_lock(hashtextextended('auth_group.name', 0));\n            IF EXISTS (SELECT FROM public.auth_group other\n                        WHERE other.id <> NEW.id AND normalize(upper(replace(replace(normalize(other.name, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC) = normalize(upper(replace(replace(normalize(NEW.name, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC)) THEN\n                RAISE EXCEPTION 'Refused: another one has this name.' USING ERRCODE = 'unique_violation', CONSTRAINT = 'auth_group_name_key';\n            END IF;\n            RETURN NEW;\n        ",
                    hash="29e30be9b5062d2211f7a92637c793b22e9b6efc",
                    operation='INSERT OR UPDATE OF "name"',
                    pgid="pgtrigger_name_is_unique_5a40e",
                    table="auth_group",
                    when="BEFORE",
                ),
            ),
        ),
    ]
