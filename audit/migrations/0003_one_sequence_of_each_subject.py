"""The new index takes the place of the one that allowed a single kind. Needs no look at the rows."""

from django.db import migrations, models

from core.migration_operations import LockTables

SWAP = """
ALTER TABLE public.audit_entry ADD CONSTRAINT entry_once_in_sequence UNIQUE USING INDEX entry_once_in_sequence;
ALTER TABLE public.audit_entry DROP CONSTRAINT change_set_version_once_per_contact;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_indexes_of_every_kind")]

    operations = [
        LockTables("audit_entry"),
        migrations.RunSQL(
            SWAP,
            state_operations=[
                migrations.AddConstraint(
                    "entry",
                    models.UniqueConstraint(fields=("kind", "subject_id", "sequence"), name="entry_once_in_sequence"),
                )
            ],
        ),
    ]
