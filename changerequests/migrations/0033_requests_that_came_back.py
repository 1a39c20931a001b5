"""An index for what came back to its initiator, built while Kontor runs."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("changerequests", "0032_saved_filters")]

    operations = [
        AddIndexConcurrently(
            model_name="changerequest",
            index=models.Index(
                condition=models.Q(("status__in", [3, 5])),
                fields=["initiator_member", "status", "-reviewed_at"],
                name="request_that_came_back",
            ),
        ),
    ]
