"""The model of kept answers has the standard name; its table and the table's columns stay as they are.

An older version still runs while a newer one is installed, and it reads and writes the table by its first name.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_members_are_a_tree"),
    ]

    operations = [
        migrations.AlterModelTable(name="keptanswer", table="accounts_keptanswer"),
        migrations.RenameModel(old_name="KeptAnswer", new_name="IdempotencyRecord"),
    ]
