"""Keys that a mail server or SMS gateway refused for good."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("contacts", "0032_names_of_logins_are_free")]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="refused_at",
            field=models.DateTimeField(null=True, blank=True, verbose_name="refused"),
        ),
    ]
