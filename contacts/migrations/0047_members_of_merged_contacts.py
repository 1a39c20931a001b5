"""Merged contacts have the members of the contact that answers for them."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0046_rules_of_merged_contacts"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="contactassignment",
            trigger=pgtrigger.compiler.Trigger(
                name="merged_get_member",
                sql=core.triggers.GuardSQL(
                    func="\n                IF EXISTS (SELECT \n        FROM written JOIN public.contacts_contact merged ON merged.merged_into_id = written.contact_id\n    ) THEN\n                    INSERT INTO public.contacts_contactassignment (contact_id, member_id)\n                    SELECT merged.id, written.member_id \n        FROM written JOIN public.contacts_contact merged ON merged.merged_into_id = written.contact_id\n    \n                    ON CONFLICT DO NOTHING;\n                END IF;\n                RETURN NULL;\n            ",
                    hash="f5f8424945bb832681f4fb1d32cf28f14457c938",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_merged_get_member_35969",
                    referencing="REFERENCING NEW TABLE AS written ",
                    table="contacts_contactassignment",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contactassignment",
            trigger=pgtrigger.compiler.Trigger(
                name="merged_lose_member",
                sql=core.triggers.GuardSQL(
                    func="\n                IF EXISTS (SELECT \n        FROM removed JOIN public.contacts_contact merged ON merged.merged_into_id = removed.contact_id\n    ) THEN\n                    DELETE FROM public.contacts_contactassignment link\n                     USING (SELECT merged.id, removed.member_id \n        FROM removed JOIN public.contacts_contact merged ON merged.merged_into_id = removed.contact_id\n    ) AS gone\n                     WHERE link.contact_id = gone.id AND link.member_id = gone.member_id;\n                END IF;\n                RETURN NULL;\n            ",
                    hash="5fbc66d3fe122e3ddce82c8b7a4b42c8363c1afd",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_merged_lose_member_9eaef",
                    referencing="REFERENCING OLD TABLE AS removed ",
                    table="contacts_contactassignment",
                    when="AFTER",
                ),
            ),
        ),
    ]
