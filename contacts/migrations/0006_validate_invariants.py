"""The rows that were there before the constraints of 0005."""

from django.db import migrations

from core.migration_operations import ValidateOrExplain


class Migration(migrations.Migration):
    # Each by itself: validating reads the table, and blocks nobody while it does.
    atomic = False
    dependencies = [("contacts", "0005_invariants")]

    operations = [
        ValidateOrExplain(
            "contact",
            "anonymized_contact_has_no_username",
            remedy="ALTER TABLE contacts_contact DISABLE TRIGGER anonymized_stays_anonymized; "
            "UPDATE contacts_contact SET username = NULL WHERE anonymized_at IS NOT NULL; "
            "ALTER TABLE contacts_contact ENABLE TRIGGER anonymized_stays_anonymized;",
        ),
        ValidateOrExplain(
            "contact",
            "contact_username_is_not_empty",
            remedy="UPDATE contacts_contact SET username = NULL WHERE username = '';",
        ),
        ValidateOrExplain(
            "channel",
            "channel_without_pending_value_has_no_key",
            remedy="UPDATE contacts_channel SET key_hash = '', key_expires_at = NULL, is_key_due = false "
            "WHERE pending_value IS NULL;",
        ),
    ]
