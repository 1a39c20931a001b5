"""Each change set goes into the index of its initiator, and no longer into two others as one that has none."""

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

# Initiator, its model and its name for people; the index that it gets, and the one that it had.
INITIATORS = [
    ("member", "accounts.member", "member", "changeset_member", "contacts_changeset_initiator_member_id_7482f634"),
    ("contact", "contacts.contact", "contact", "changeset_contact", "contacts_changeset_initiator_contact_id_502f6d0e"),
    (
        "application",
        settings.OAUTH2_PROVIDER_APPLICATION_MODEL,
        "client application",
        "changeset_app",
        "contacts_changeset_initiator_application_id_559c05bc",
    ),
]


def added(initiator, _model, _verbose_name, index, _old_index):
    column = f"initiator_{initiator}"
    condition = models.Q((f"{column}__isnull", False))
    return AddIndexConcurrently("changeset", models.Index(fields=[column], condition=condition, name=index))


def dropped(initiator, model, verbose_name, _index, old_index):
    field = models.ForeignKey(
        blank=True,
        db_index=False,
        null=True,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to=model,
        verbose_name=verbose_name,
    )
    # Django would make the foreign key anew as well, and look at every row for it.
    return migrations.RunSQL(
        f"DROP INDEX CONCURRENTLY IF EXISTS {old_index}",
        f"CREATE INDEX CONCURRENTLY {old_index} ON contacts_changeset (initiator_{initiator}_id)",
        state_operations=[migrations.AlterField("changeset", f"initiator_{initiator}", field)],
    )


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("contacts", "0012_room_for_changes"),
        migrations.swappable_dependency(settings.OAUTH2_PROVIDER_APPLICATION_MODEL),
    ]

    operations = [
        *(added(*initiator) for initiator in INITIATORS),
        *(dropped(*initiator) for initiator in INITIATORS),
    ]
