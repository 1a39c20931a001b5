"""Indexes for searching and sorting whatever case and accents, made while others go on writing."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Left

from core.folding import Folded


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("legalentities", "0016_creations_are_not_erased"), ("core", "0002_folded_text")]

    operations = [
        AddIndexConcurrently(
            "legalentity",
            GinIndex(OpClass(Folded("name"), name="gin_trgm_ops"), name="entity_by_part_folded_name"),
        ),
        AddIndexConcurrently("legalentity", models.Index(Left(Folded("name"), 100), name="entity_by_folded_name")),
        RemoveIndexConcurrently("legalentity", "legal_entity_by_part_of_name"),
    ]
