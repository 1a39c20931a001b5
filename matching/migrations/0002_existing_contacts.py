from django.db import migrations


class Migration(migrations.Migration):
    """A row for every contact of before. Their keys are made in the background."""

    dependencies = [
        ("matching", "0001_matching_keys"),
    ]

    operations = [
        migrations.RunSQL(
            """
            INSERT INTO matching_matchingkeys (contact_id)
            SELECT id FROM contacts_contact ORDER BY id
            ON CONFLICT (contact_id) DO NOTHING
            """,
            migrations.RunSQL.noop,
        ),
    ]
