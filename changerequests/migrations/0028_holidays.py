"""The public holidays of the institution."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("changerequests", "0027_notifications"),
    ]

    operations = [
        migrations.CreateModel(
            name="Holiday",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("date", models.DateField(unique=True, verbose_name="date")),
                ("name", models.CharField(max_length=100, verbose_name="name")),
            ],
            options={
                "verbose_name": "holiday",
                "verbose_name_plural": "holidays",
                "ordering": ["date"],
                "default_permissions": ("view", "add", "change"),
            },
        ),
    ]
