"""What is configured, as subjects of change requests."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("administration", "0001_break_glass"),
    ]

    operations = [
        migrations.CreateModel(
            name="ConfigurationSubject",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sort", models.CharField(max_length=40, verbose_name="sort")),
                ("object_id", models.IntegerField(null=True)),
                ("name", models.CharField(max_length=200, verbose_name="name")),
            ],
            options={
                "verbose_name": "configuration",
                "verbose_name_plural": "configuration",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(fields=("sort", "object_id"), name="configuration_has_one_subject")
                ],
            },
        ),
    ]
