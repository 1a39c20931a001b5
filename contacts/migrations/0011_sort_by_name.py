"""An index for lists that are sorted by name, made while others go on writing."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.functions import Left


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("contacts", "0010_one_index_by_contact")]

    operations = [
        AddIndexConcurrently("contact", models.Index(Left("name", 100), name="contact_by_start_of_name")),
    ]
