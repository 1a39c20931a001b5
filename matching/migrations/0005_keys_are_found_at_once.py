import django.contrib.postgres.indexes
from django.db import migrations, models


class Migration(migrations.Migration):
    """Changes the index where it is. The next vacuum inserts what its list still has."""

    dependencies = [
        ("matching", "0004_searches"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER INDEX contact_by_matching_keys SET (fastupdate = off)",
                    "ALTER INDEX contact_by_matching_keys RESET (fastupdate)",
                ),
            ],
            state_operations=[
                migrations.RemoveIndex(model_name="matchingkeys", name="contact_by_matching_keys"),
                migrations.AddIndex(
                    model_name="matchingkeys",
                    index=django.contrib.postgres.indexes.GinIndex(
                        models.F("keys"), fastupdate=False, name="contact_by_matching_keys"
                    ),
                ),
            ],
        ),
    ]
