"""Notices that a mail server refused for good."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0020_introspection")]

    operations = [
        migrations.AddField(model_name="notice", name="refused_at", field=models.DateTimeField(null=True, blank=True)),
    ]
