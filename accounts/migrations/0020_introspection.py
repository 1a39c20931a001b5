"""Applications may get the scope to ask about tokens."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0019_confirmed_codes"),
    ]

    operations = [
        migrations.AlterField(
            model_name="clientapplication",
            name="allowed_scopes",
            field=models.TextField(
                blank=True,
                default="contacts.read contacts.write change-requests.read change-requests.write schemas.read schemas.write groups.read groups.write legal-entities.read legal-entities.write exports imports anonymize scim introspection",
                verbose_name="allowed scopes",
            ),
        ),
    ]
