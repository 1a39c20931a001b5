"""The rule about erasures holds for identities too."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0022_picture_hash"),
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
                    condition="WHEN (NEW.kind IN ('contact-details', 'contact-access', 'anonymization', 'contact-identity'))",
                    func="\n            IF EXISTS (\n                SELECT FROM public.contacts_contact WHERE id = NEW.subject_id AND anonymized_at IS NOT NULL)\n            THEN\n                RETURN NEW;\n            END IF;\n            RAISE EXCEPTION 'Refused for contact %: only the entries of an anonymized contact are erased.', NEW.subject_id USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="4d74a19aac69378f7ae3a3878081261328017deb",
                    operation="INSERT",
                    pgid="pgtrigger_only_of_anonymized_contacts_b8546",
                    table="audit_erasure",
                    when="BEFORE",
                ),
            ),
        ),
    ]
