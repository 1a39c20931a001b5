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
                    func="\n                    PERFORM public.kontor_keep_search_keys(ARRAY(SELECT id FROM written));\n                    RETURN NULL;\n                ",
                    hash="6f60c01e63da921bcf0df554bf4c4f34dda975f3",
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
                    func="\n                    touched := ARRAY(\n                        SELECT id FROM written JOIN before USING (id)\n                         WHERE (written.details, written.username)\n                            IS DISTINCT FROM (before.details, before.username));\n                    IF cardinality(touched) > 0 THEN\n                        PERFORM FROM public.contacts_searchkeys WHERE contact_id = ANY(touched) ORDER BY contact_id FOR UPDATE;\n                        PERFORM public.kontor_keep_search_keys(touched);\n                    END IF;\n                    RETURN NULL;\n                ",
                    hash="9bb0e4e08e0a972b25b361ed458ef49361a92fd3",
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
