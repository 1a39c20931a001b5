"""Indexes for the search by part of a name, made while others go on writing."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import AddIndexConcurrently, TrigramExtension
from django.db import migrations
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("contacts", "0006_validate_invariants")]

    operations = [
        TrigramExtension(),
        AddIndexConcurrently(
            "contact", GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="contact_by_part_of_name")
        ),
        AddIndexConcurrently(
            "contact", GinIndex(OpClass(Upper("username"), name="gin_trgm_ops"), name="contact_by_part_of_username")
        ),
    ]
