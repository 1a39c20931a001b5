"""How far beat has verified the ledger."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("proof", "0001_seals"),
    ]

    operations = [
        migrations.CreateModel(
            name="Watch",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seal", models.BigIntegerField(default=0)),
                ("findings", models.PositiveIntegerField(default=0)),
                ("found", models.PositiveIntegerField(default=0)),
                ("verified_at", models.DateTimeField(null=True)),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.CheckConstraint(condition=models.Q(("pk", 1)), name="there_is_one_watch")],
            },
        ),
    ]
