"""Entries of imports that would create something, and have to be approved."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("importexport", "0006_export_approvals"),
    ]

    operations = [
        migrations.AddField(
            model_name="waitingentry",
            name="is_creation",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
