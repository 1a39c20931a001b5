"""A draft names the request to publish it, so that reviewers see what the draft would do. The table is small."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("changerequests", "0018_engine_validated"),
        ("schemas", "0003_triggers_of_schema_versions"),
    ]

    operations = [
        migrations.AddField(
            model_name="schemadraft",
            name="change_request",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="schema_drafts",
                to="changerequests.changerequest",
                verbose_name="change request",
            ),
        ),
    ]
