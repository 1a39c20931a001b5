"""Users have the language of their mails, and notices say that a login was unlocked."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0013_login_names"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="language",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=10),
        ),
        migrations.AlterField(
            model_name="notice",
            name="kind",
            field=models.CharField(
                choices=[
                    ("rights-taken", "Rights revoked"),
                    ("rights-given", "Rights given at login"),
                    ("password-link", "Link to set a password"),
                    ("secret-due", "Secret to collect"),
                    ("glass-broken", "Use of break glass"),
                    ("unlocked", "Login unlocked"),
                ],
                max_length=20,
            ),
        ),
    ]
