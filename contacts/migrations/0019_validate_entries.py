"""The contacts that were there before the constraints of 0018, and those that were anonymized before the ledger."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations

ERASED = """
INSERT INTO public.audit_erasure (kind, subject_id, erased_at)
SELECT 'contact-details', id, anonymized_at FROM public.contacts_contact WHERE anonymized_at IS NOT NULL
ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    # Each by itself: validating reads the table, and blocks nobody while it does.
    atomic = False

    dependencies = [("contacts", "0018_versions_have_entries")]

    operations = [
        migrations.RunSQL(ERASED),
        ValidateConstraint("contact", "contact_entry_kind_is_contact_details"),
        migrations.RunSQL("ALTER TABLE public.contacts_contact VALIDATE CONSTRAINT contact_version_has_its_entry"),
    ]
