"""The rows that were there before the constraints."""

import django.contrib.postgres.operations
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("changerequests", "0017_engine_rules_of_entries"),
    ]

    operations = [
        django.contrib.postgres.operations.ValidateConstraint(
            model_name="changerequest",
            name="decided_requests_name_who_decided",
        ),
        django.contrib.postgres.operations.ValidateConstraint(
            model_name="changerequest",
            name="request_has_one_initiator",
        ),
    ]
