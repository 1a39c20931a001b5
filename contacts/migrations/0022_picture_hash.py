"""Pictures have the hash of their file, which change requests and the ledger name."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0021_erasures_of_every_kind")]

    operations = [
        migrations.AddField(
            model_name="profilepicture",
            name="sha256",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
    ]
