"""The model of files to delete moves to `core`; its table stays as it is."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0019_validate_entries"),
        ("core", "0001_pending_file_deletions"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.DeleteModel(name="PendingFileDeletion")],
        ),
    ]
