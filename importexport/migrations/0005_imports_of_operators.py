"""Imports whose sensitive entries wait although a command runs them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("importexport", "0004_validate_counts")]

    operations = [
        migrations.AddField(
            model_name="importjob",
            name="is_of_operator",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
