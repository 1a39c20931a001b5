"""When the secrets of earlier applications were collected: at their registration, as far as is known."""

from django.db import migrations

IN_USE = """
    UPDATE accounts_clientapplication SET secret_collected_at = created
     WHERE secret_collected_at IS NULL AND client_type = 'confidential'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0017_registration"),
    ]

    operations = [migrations.RunSQL(IN_USE, migrations.RunSQL.noop)]
