"""The legal entities that were there before the constraints of 0010."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    # Each by itself: validating reads the table, and blocks nobody while it does.
    atomic = False

    dependencies = [("legalentities", "0010_versions_have_entries")]

    operations = [
        ValidateConstraint("legalentity", "legal_entity_entry_kind_is_legal_entity"),
        migrations.RunSQL(
            "ALTER TABLE public.legalentities_legalentity VALIDATE CONSTRAINT legal_entity_version_has_its_entry"
        ),
    ]
