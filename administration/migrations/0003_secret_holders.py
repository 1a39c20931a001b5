"""Who collected the present secret of an application, from the ledger: it records every collection."""

from django.db import migrations

COLLECTED = """
    UPDATE accounts_clientapplication application SET secret_holder_id = (
        SELECT entry.initiator_member_id FROM audit_entry entry
         WHERE entry.kind = 'application' AND entry.subject_id = application.id
           AND entry.changes @> '[{"path": "isSecretDue", "original": true, "target": false}]'
         ORDER BY entry.sequence DESC LIMIT 1)
     WHERE secret_holder_id IS NULL
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_secret_holders"),
        ("administration", "0002_configuration"),
        ("audit", "0003_one_sequence_of_each_subject"),
    ]

    operations = [migrations.RunSQL(COLLECTED, migrations.RunSQL.noop)]
