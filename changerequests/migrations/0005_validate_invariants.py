"""The rows that were there before the constraint of 0004."""

from django.db import migrations

from core.migration_operations import ValidateOrExplain


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("changerequests", "0004_invariants")]

    operations = [
        ValidateOrExplain(
            "changerequest",
            "approved_requests_alone_have_a_change_set",
            remedy="ALTER TABLE changerequests_changerequest DISABLE TRIGGER decided_once; "
            "UPDATE changerequests_changerequest SET change_set_id = NULL WHERE status <> 2; "
            "ALTER TABLE changerequests_changerequest ENABLE TRIGGER decided_once;",
        ),
    ]
