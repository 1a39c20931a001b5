"""The history is append-only, even for raw SQL."""

import pytest
from django.db import IntegrityError, connection, transaction

from contacts.models import ChangeSet

pytestmark = pytest.mark.django_db


def run(sql):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE contacts_changeset SET changes = '[]'",
        "UPDATE contacts_changeset SET executed_at = now()",
        "UPDATE contacts_changeset SET initiator_system = 'somebody else'",
        "DELETE FROM contacts_changeset",
        "SET LOCAL kontor.anonymizing = 'on'; DELETE FROM contacts_changeset",
        "SET LOCAL kontor.anonymizing = 'on'; UPDATE contacts_changeset SET version = version + 1",
        "SET LOCAL kontor.anonymizing = 'on'; UPDATE contacts_changeset SET paths = '{}'",
        "SET LOCAL kontor.anonymizing = 'on'; UPDATE contacts_changeset SET executed_at = now()",
    ],
)
def test_change_sets_are_neither_changed_nor_deleted(make_contact, sql):
    contact = make_contact()
    with pytest.raises(IntegrityError, match="append-only"):
        run(sql)
    assert contact.change_sets.get().version == 1


def test_a_version_stands_in_the_history_once(make_contact):
    contact = make_contact()
    with pytest.raises(IntegrityError), transaction.atomic():
        ChangeSet.objects.create(contact=contact, version=1, changes=[], paths=[])
