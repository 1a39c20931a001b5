"""The owners of client applications, who collect their secrets."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0008_notices"),
    ]

    operations = [
        migrations.AddField(
            model_name="clientapplication",
            name="is_secret_due",
            field=models.BooleanField(db_default=False, default=False, verbose_name="a new secret"),
        ),
        migrations.AddField(
            model_name="clientapplication",
            name="owner",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="owned_applications",
                to="accounts.member",
                verbose_name="owner",
            ),
        ),
        migrations.AlterField(
            model_name="notice",
            name="kind",
            field=models.CharField(
                choices=[
                    ("rights-taken", "Rights revoked"),
                    ("password-link", "Link to set a password"),
                    ("secret-due", "Secret to collect"),
                    ("glass-broken", "Use of break glass"),
                ],
                max_length=20,
            ),
        ),
    ]
