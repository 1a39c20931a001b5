"""Merged contacts have the participants of the contact that answers for them."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0047_members_of_merged_contacts"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="contactparticipant",
            trigger=pgtrigger.compiler.Trigger(
                name="merged_get_participant",
                sql=core.triggers.GuardSQL(
                    func="\n                IF EXISTS (SELECT \n        FROM written JOIN public.contacts_contact merged ON merged.merged_into_id = written.contact_id\n    ) THEN\n                    INSERT INTO public.contacts_contactparticipant (contact_id, participant_id)\n                    SELECT merged.id, written.participant_id \n        FROM written JOIN public.contacts_contact merged ON merged.merged_into_id = written.contact_id\n    \n                    ON CONFLICT DO NOTHING;\n                END IF;\n                RETURN NULL;\n            ",
                    hash="a8a94d61ff8b8a602e7e413e06e4f9a1ab5970af",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_merged_get_participant_4fe2e",
                    referencing="REFERENCING NEW TABLE AS written ",
                    table="contacts_contactparticipant",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contactparticipant",
            trigger=pgtrigger.compiler.Trigger(
                name="merged_lose_participant",
                sql=core.triggers.GuardSQL(
                    func="\n                IF EXISTS (SELECT \n        FROM removed JOIN public.contacts_contact merged ON merged.merged_into_id = removed.contact_id\n    ) THEN\n                    DELETE FROM public.contacts_contactparticipant link\n                     USING (SELECT merged.id, removed.participant_id \n        FROM removed JOIN public.contacts_contact merged ON merged.merged_into_id = removed.contact_id\n    ) AS gone\n                     WHERE link.contact_id = gone.id AND link.participant_id = gone.participant_id;\n                END IF;\n                RETURN NULL;\n            ",
                    hash="4e36957e3a7afbba2ced3b9093d4872dd7c97bad",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_merged_lose_participant_cab43",
                    referencing="REFERENCING OLD TABLE AS removed ",
                    table="contacts_contactparticipant",
                    when="AFTER",
                ),
            ),
        ),
    ]
