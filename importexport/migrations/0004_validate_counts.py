"""The imports that were there before the constraint."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("importexport", "0003_waiting_entries")]

    operations = [ValidateConstraint("importjob", "import_job_outcomes_add_up")]
