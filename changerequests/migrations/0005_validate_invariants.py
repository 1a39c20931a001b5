"""The rows that were there before the constraint of 0002."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("changerequests", "0004_invariants")]

    operations = [ValidateConstraint("changerequest", "approved_requests_alone_have_a_change_set")]
