"""Migrations name the rows that violate a new constraint, and lock tables that are in use without a deadlock."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.db.migrations.state import ProjectState

from contacts.models import Contact
from core.migration_operations import LockTables, ValidateOrExplain
from tests.concurrency import while_waiting

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


LOCK = LockTables("contacts_contact", "contacts_channel")


def lock():
    state = ProjectState.from_apps(apps)
    with connection.schema_editor() as editor:
        LOCK.database_forwards("contacts", editor, state, state)
        return tables_locked()


def tables_locked():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relation::regclass::text FROM pg_locks"
            " WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock' AND granted ORDER BY 1"
        )
        return [table for (table,) in cursor.fetchall()]


def test_tables_are_locked_until_the_transaction_ends():
    assert lock() == ["contacts_channel", "contacts_contact"]
    assert tables_locked() == []


def test_a_table_is_locked_once_its_user_is_done():
    assert while_waiting(lock, before=lambda: run("LOCK TABLE contacts_contact IN ACCESS SHARE MODE")) == [
        "contacts_channel",
        "contacts_contact",
    ]


def test_none_is_locked_while_another_is_waited_for():
    """A user of both tables in the opposite order goes on, and is waited for."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            run("LOCK TABLE contacts_channel IN ACCESS SHARE MODE")
            locked = pool.submit(in_thread, lock)
            time.sleep(0.3)
            run("LOCK TABLE contacts_contact IN ROW EXCLUSIVE MODE")
        assert locked.result(timeout=20) == ["contacts_channel", "contacts_contact"]


def in_thread(call):
    try:
        return call()
    finally:
        connection.close()
