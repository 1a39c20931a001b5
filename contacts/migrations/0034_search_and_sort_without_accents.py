"""Indexes for searching and sorting whatever case and accents, made while others go on writing."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Left

from core.folding import Folded


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("contacts", "0033_refused_messages"), ("core", "0002_folded_text")]

    operations = [
        AddIndexConcurrently(
            "contact", GinIndex(OpClass(Folded("name"), name="gin_trgm_ops"), name="contact_by_part_folded_name")
        ),
        AddIndexConcurrently(
            "contact",
            GinIndex(OpClass(Folded("username"), name="gin_trgm_ops"), name="contact_by_part_folded_user"),
        ),
        AddIndexConcurrently("contact", models.Index(Left(Folded("name"), 100), name="contact_by_folded_name")),
        RemoveIndexConcurrently("contact", "contact_by_part_of_name"),
        RemoveIndexConcurrently("contact", "contact_by_part_of_username"),
        RemoveIndexConcurrently("contact", "contact_by_start_of_name"),
    ]
