"""The systems in which contacts may have external ids are kept in the admin."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import accounts.names
import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0035_text_has_one_form"),
    ]

    operations = [
        migrations.CreateModel(
            name="ExternalSystem",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, verbose_name="name")),
            ],
            options={
                "verbose_name": "external system",
                "verbose_name_plural": "external systems",
                "ordering": ["name"],
                "default_permissions": ("view", "add", "change"),
                "constraints": [
                    models.UniqueConstraint(accounts.names.LoginName("name"), name="external_system_name_unique")
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="externalsystem",
            trigger=pgtrigger.compiler.Trigger(
                name="systems_in_use_keep_their_names",
                sql=core.triggers.GuardSQL(
                    func="\n            IF TG_OP = 'UPDATE' AND NEW.name = OLD.name THEN\n                RETURN NEW;\n            END IF;\n            IF OLD.name = 'Default'\n            OR EXISTS (SELECT FROM public.contacts_externalconnection WHERE system = OLD.name) THEN\n                RAISE EXCEPTION 'Refused for system %: contacts have ids in it.', OLD.name USING ERRCODE = 'integrity_constraint_violation';\n            END IF;\n            IF TG_OP = 'UPDATE' THEN\n                RETURN NEW;\n            END IF;\n            RETURN OLD;\n        ",
                    hash="2a57faf56318e012a63d68c9b10c9f6a036164a0",
                    operation='UPDATE OF "name" OR DELETE',
                    pgid="pgtrigger_systems_in_use_keep_their_names_d863d",
                    table="contacts_externalsystem",
                    when="BEFORE",
                ),
            ),
        ),
    ]
