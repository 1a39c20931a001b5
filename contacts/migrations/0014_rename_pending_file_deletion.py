"""The model of obsolete files says what its rows are; its table and the table's columns stay as they are.

An older version still runs while a newer one is installed, and it reads and writes the table by its first name.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0013_one_index_of_three"),
    ]

    operations = [
        migrations.AlterModelTable(name="obsoletefile", table="contacts_obsoletefile"),
        migrations.RenameModel(old_name="ObsoleteFile", new_name="PendingFileDeletion"),
    ]
