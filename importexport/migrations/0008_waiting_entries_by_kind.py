"""What waits of an import's entry, by the kind of change request."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("importexport", "0007_waiting_creations"),
    ]

    operations = [
        migrations.AddField(
            model_name="waitingentry",
            name="kind",
            field=models.CharField(db_default="", default="", max_length=40),
        ),
    ]
