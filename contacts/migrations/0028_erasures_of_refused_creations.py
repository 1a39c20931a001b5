"""What was asked for a contact that was never created may be erased."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0027_reservations_end"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="contacterasure",
            name="only_of_anonymized_contacts",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contacterasure",
            trigger=pgtrigger.compiler.Trigger(
                name="only_of_anonymized_contacts",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.kind IN ('contact-details', 'contact-access', 'anonymization', 'contact-identity', 'contact-creation'))",
                    func="\n            IF EXISTS (\n                SELECT FROM public.contacts_contact WHERE id = NEW.subject_id AND anonymized_at IS NOT NULL)\n            OR NEW.kind = 'contact-creation' AND EXISTS (\n                SELECT FROM public.contacts_waitingcontact WHERE id = NEW.subject_id AND closed_at IS NOT NULL)\n               AND NOT EXISTS (SELECT FROM public.contacts_contact WHERE id = NEW.subject_id)\n            THEN\n                RETURN NEW;\n            END IF;\n            RAISE EXCEPTION 'Refused for contact %: only the entries of an anonymized contact are erased.', NEW.subject_id USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="97c17ffde3dcf32e2f95a2cbd0cb33de7ba863d5",
                    operation="INSERT",
                    pgid="pgtrigger_only_of_anonymized_contacts_b8546",
                    table="audit_erasure",
                    when="BEFORE",
                ),
            ),
        ),
    ]
