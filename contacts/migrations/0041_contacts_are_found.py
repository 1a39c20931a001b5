"""Contacts are found by what is written from now on."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [("contacts", "0040_searching")]

    operations = [
        migrations.CreateModel(
            name="ContactWithKeys",
            fields=[],
            options={
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("contacts.contact",),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contactwithkeys",
            trigger=pgtrigger.compiler.Trigger(
                name="new_contacts_are_found",
                sql=core.triggers.GuardSQL(
                    func="\n                    PERFORM public.kontor_keep_search_keys(ARRAY(SELECT id FROM written), true);\n                    RETURN NULL;\n                ",
                    hash="2cbf094c7719eb5b133df53ff7460ba48d831ce6",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_new_contacts_are_found_d34ed",
                    referencing="REFERENCING NEW TABLE AS written ",
                    table="contacts_contact",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contactwithkeys",
            trigger=pgtrigger.compiler.Trigger(
                name="changed_contacts_are_found",
                sql=core.triggers.GuardSQL(
                    declare="DECLARE touched integer[];",
                    func="\n                    touched := ARRAY(\n                        SELECT id FROM written JOIN before USING (id)\n                         WHERE (written.details, written.username)\n                            IS DISTINCT FROM (before.details, before.username));\n                    IF cardinality(touched) > 0 THEN\n                        PERFORM public.kontor_keep_search_keys(touched, false);\n                    END IF;\n                    RETURN NULL;\n                ",
                    hash="26c7ec2b2d5d11bc4dc6cd4dae9c71fc5fe68071",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_changed_contacts_are_found_0e191",
                    referencing="REFERENCING OLD TABLE AS before  NEW TABLE AS written ",
                    table="contacts_contact",
                    when="AFTER",
                ),
            ),
        ),
    ]
