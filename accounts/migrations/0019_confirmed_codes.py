"""When somebody confirmed with a second factor that an application may act for it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0018_secrets_in_use"),
    ]

    operations = [
        migrations.AddField(
            model_name="authorizationcode",
            name="confirmed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name="authorizationcode",
            name="token_family",
            field=models.UUIDField(db_index=True, null=True),
        ),
    ]
