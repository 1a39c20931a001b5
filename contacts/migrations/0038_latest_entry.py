"""The relation to the entry of a contact's version, whose foreign key is there already. Runs no SQL."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_entries_by_time"), ("contacts", "0037_systems_of_before")]

    operations = [
        migrations.AddField(
            model_name="contact",
            name="latest_entry",
            field=models.ForeignObject(
                editable=False,
                from_fields=["entry_kind", "id", "version"],
                on_delete=models.DO_NOTHING,
                related_name="+",
                to="audit.entry",
                to_fields=["kind", "subject_id", "sequence"],
            ),
        ),
    ]
