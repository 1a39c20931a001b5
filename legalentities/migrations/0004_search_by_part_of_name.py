"""An index for the search by part of a name, made while others go on writing."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("legalentities", "0003_history_is_never_emptied"),
        # Which makes the extension.
        ("contacts", "0007_search_by_part_of_name"),
    ]

    operations = [
        AddIndexConcurrently(
            "legalentity", GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="legal_entity_by_part_of_name")
        )
    ]
