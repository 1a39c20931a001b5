"""What was merged stays as it is, and is found as the contact that answers for it."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers
from contacts.models.search_sql import KEEP, VALUES


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0045_merges"),
    ]

    operations = [
        *(migrations.RunSQL(function, migrations.RunSQL.noop) for function in (VALUES, KEEP)),
        migrations.AlterModelOptions(
            name="contact",
            options={
                "ordering": ["id"],
                "permissions": [
                    ("anonymize_contact", "Can anonymize contacts"),
                    ("merge_contact", "Can merge contacts and undo that"),
                    ("change_contact_details", "Can change the details, channels and picture of contacts"),
                ],
                "verbose_name": "contact",
                "verbose_name_plural": "contacts",
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="contactwithkeys",
            name="changed_contacts_are_found",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contact",
            trigger=pgtrigger.compiler.Trigger(
                name="merged_stays_as_it_is",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (OLD.merged_into_id IS NOT NULL AND NEW.anonymized_at IS NOT DISTINCT FROM OLD.anonymized_at AND (NEW.username, NEW.version, NEW.details, NEW.type_id) IS DISTINCT FROM (OLD.username, OLD.version, OLD.details, OLD.type_id))",
                    func="RAISE EXCEPTION 'Refused for contact %: it was merged, and stays as it is until that is undone.', OLD.id USING ERRCODE = 'integrity_constraint_violation';",
                    hash="38ae1af29452bbb35bcd8f33eea373e71aba10ef",
                    operation="UPDATE",
                    pgid="pgtrigger_merged_stays_as_it_is_08933",
                    table="contacts_contact",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contact",
            trigger=pgtrigger.compiler.Trigger(
                name="new_contacts_are_not_merged",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.merged_into_id IS NOT NULL)",
                    func="RAISE EXCEPTION 'Refused for contact %: a merge is recorded.', NEW.id USING ERRCODE = 'integrity_constraint_violation';",
                    hash="cc22a6686abd6a6cc151b443cb8e844a1c83074a",
                    operation="INSERT",
                    pgid="pgtrigger_new_contacts_are_not_merged_48129",
                    table="contacts_contact",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contact",
            trigger=pgtrigger.compiler.Trigger(
                name="merges_are_recorded",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.merged_into_id IS DISTINCT FROM OLD.merged_into_id)",
                    constraint="CONSTRAINT",
                    declare="DECLARE present integer; recorded integer;",
                    func="\n            SELECT merged_into_id INTO present FROM public.contacts_contact WHERE id = NEW.id;\n            SELECT COALESCE(survivor.merged_into_id, survivor.id) INTO recorded\n              FROM public.contacts_merge merge\n              JOIN public.contacts_contact survivor ON survivor.id = merge.survivor_id\n             WHERE merge.loser_id = NEW.id AND merge.undone_by_id IS NULL;\n            IF present IS DISTINCT FROM recorded\n            OR present IS NOT NULL AND EXISTS (SELECT FROM public.contacts_contact WHERE merged_into_id = NEW.id) THEN\n                RAISE EXCEPTION 'Refused for contact %: a merge is recorded, and so is its end.', NEW.id USING ERRCODE = 'integrity_constraint_violation';\n            END IF;\n            RETURN NULL;\n        ",
                    hash="3a2f5530097644f51050c0407ec2e936c6650eef",
                    operation='UPDATE OF "merged_into_id"',
                    pgid="pgtrigger_merges_are_recorded_ee408",
                    table="contacts_contact",
                    timing="DEFERRABLE INITIALLY DEFERRED",
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
                    func="\n                    touched := ARRAY(\n                        SELECT id FROM written JOIN before USING (id)\n                         WHERE (written.details, written.username, written.merged_into_id)\n                            IS DISTINCT FROM (before.details, before.username, before.merged_into_id)\n                         UNION\n                        SELECT survivor FROM written JOIN before USING (id)\n                         CROSS JOIN unnest(ARRAY[written.merged_into_id, before.merged_into_id]) AS survivor\n                         WHERE written.merged_into_id IS DISTINCT FROM before.merged_into_id\n                           AND survivor IS NOT NULL);\n                    IF cardinality(touched) > 0 THEN\n                        PERFORM public.kontor_keep_search_keys(touched, false);\n                    END IF;\n                    RETURN NULL;\n                ",
                    hash="cc44708fb4d2fc9606f203627e08bc0f0011af65",
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
