"""An index for searching whatever case and accents, made while others go on writing."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations

from core.folding import Folded


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("contactgroups", "0004_groups_by_contact_in_the_ledger"), ("core", "0002_folded_text")]

    operations = [
        AddIndexConcurrently(
            "contactgroup",
            GinIndex(OpClass(Folded("name"), name="gin_trgm_ops"), name="group_by_part_folded_name", fastupdate=False),
        ),
        RemoveIndexConcurrently("contactgroup", "group_by_part_of_name"),
    ]
