"""If existing rows violate a new constraint, the migration reports them and the remedy."""

from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.db import IntegrityError, connection
from django.db.migrations.state import ProjectState

from contacts.models import Contact
from core.migration_operations import ValidateOrExplain

pytestmark = pytest.mark.django_db(transaction=True)

VALIDATE = ValidateOrExplain("contact", "contact_is_of_this_century", remedy="UPDATE contacts_contact SET ...;")


def run(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.fixture
def constraint():
    condition = "CHECK (created_at > '2000-01-01') NOT VALID"
    run(f"ALTER TABLE contacts_contact ADD CONSTRAINT contact_is_of_this_century {condition}")
    yield
    run("ALTER TABLE contacts_contact DROP CONSTRAINT contact_is_of_this_century")


@pytest.fixture
def contacts(make_contact):
    contacts = [make_contact(), make_contact()]
    Contact.objects.filter(pk=contacts[1].pk).update(created_at=datetime(1999, 12, 31, tzinfo=UTC))
    return contacts


def validate():
    state = ProjectState.from_apps(apps)
    with connection.schema_editor(atomic=False) as editor:
        VALIDATE.database_forwards("contacts", editor, state, state)


def test_rows_that_violate_it_are_named_with_the_remedy_and_then_it_goes_on(contacts, constraint):
    fine, old = contacts
    with pytest.raises(IntegrityError) as told:
        validate()
    assert f"with the ids {old.pk}. " in str(told.value)
    assert VALIDATE.remedy in str(told.value)
    Contact.objects.filter(pk=old.pk).update(created_at=fine.created_at)
    validate()
