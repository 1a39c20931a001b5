"""The rows that were there before the constraints of 0004."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    # Each by itself: validating reads the table, and blocks nobody while it does.
    atomic = False
    dependencies = [("contacts", "0005_invariants")]

    operations = [
        ValidateConstraint("contact", "anonymized_contact_has_no_username"),
        ValidateConstraint("contact", "contact_username_is_not_empty"),
        ValidateConstraint("channel", "channel_without_pending_value_has_no_key"),
    ]
