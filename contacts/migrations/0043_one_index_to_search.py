"""The keys find what two indexes found. Removed while others go on writing."""

from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("contacts", "0042_external_ids_are_found")]

    operations = [
        RemoveIndexConcurrently("contact", "contact_by_part_folded_name"),
        RemoveIndexConcurrently("contact", "contact_by_part_folded_user"),
    ]
