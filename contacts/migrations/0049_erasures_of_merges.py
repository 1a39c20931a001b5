"""Requests about two contacts are erased with either."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0048_participants_of_merged_contacts"),
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
                    condition="WHEN (NEW.kind IN ('contact-details', 'contact-access', 'anonymization', 'contact-identity', 'contact-creation', 'merge', 'unmerge'))",
                    func="\n            IF EXISTS (\n                SELECT FROM public.contacts_contact WHERE id = NEW.subject_id AND anonymized_at IS NOT NULL)\n            OR NEW.kind = 'contact-creation' AND EXISTS (\n                SELECT FROM public.contacts_waitingcontact WHERE id = NEW.subject_id AND closed_at IS NOT NULL)\n               AND NOT EXISTS (SELECT FROM public.contacts_contact WHERE id = NEW.subject_id)\n            -- What was to become of two contacts says something of both.\n            OR NEW.kind IN ('merge', 'unmerge') AND EXISTS (\n                SELECT FROM public.changerequests_requestsubject subject\n                  JOIN public.changerequests_requestsubject other\n                    ON other.request_id = subject.request_id AND other.kind = subject.kind\n                  JOIN public.contacts_contact contact ON contact.id = other.subject_id\n                 WHERE subject.kind = NEW.kind AND subject.subject_id = NEW.subject_id\n                   AND contact.anonymized_at IS NOT NULL)\n            THEN\n                RETURN NEW;\n            END IF;\n            RAISE EXCEPTION 'Refused for contact %: only the entries of an anonymized contact are erased.', NEW.subject_id USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="af942e02737007e40fa2f866d3ea797d02dc866f",
                    operation="INSERT",
                    pgid="pgtrigger_only_of_anonymized_contacts_b8546",
                    table="audit_erasure",
                    when="BEFORE",
                ),
            ),
        ),
    ]
