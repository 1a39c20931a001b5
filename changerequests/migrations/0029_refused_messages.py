"""Outcome mails that a mail server refused for good."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("changerequests", "0028_holidays")]

    operations = [
        migrations.AddField(
            model_name="changerequest", name="outcome_refused_at", field=models.DateTimeField(null=True, blank=True)
        ),
    ]
