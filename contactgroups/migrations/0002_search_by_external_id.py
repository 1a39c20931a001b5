"""An index for external ids whatever their case, made while others go on writing."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("contactgroups", "0001_initial")]

    operations = [
        AddIndexConcurrently("contactgroup", models.Index(Upper("external_id"), name="group_by_external_id")),
    ]
