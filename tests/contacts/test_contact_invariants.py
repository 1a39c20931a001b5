"""Invariants of contacts, their history and their channels that not even raw SQL can violate."""

import pytest
from django.db import IntegrityError, connection, transaction

from contacts.models import Channel, Contact, ExternalConnection
from tests.fixtures import details, without_triggers

pytestmark = pytest.mark.django_db


def run(sql, *values):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def refused(sql, *values, match):
    with pytest.raises(IntegrityError, match=match):
        run(sql, *values)


@pytest.fixture
def contact(make_contact, app):
    contact = make_contact()
    app.patch(f"/v1.0/contacts/{contact.pk}/details", {"details": {"relationship": {"notes": "calls on Mondays"}}})
    contact.refresh_from_db()
    assert contact.version == 2
    return contact


@pytest.fixture
def anonymous_contact(make_contact, app):
    contact = make_contact(username="forgotten")
    app.post("/v1.0/contacts/anonymize", {"contactIds": [contact.pk]})
    contact.refresh_from_db()
    assert contact.anonymized_at is not None
    return contact


ADD = """
    INSERT INTO audit_entry (kind, subject_id, sequence, initiator_system, changes, paths)
    VALUES ('contact-details', %s, %s, 'sql', '[]', '{}')
"""
UPDATE_CHANNEL = "UPDATE contacts_channel SET {}"
UPDATE = "UPDATE contacts_contact SET {} WHERE id = %s"


@pytest.mark.parametrize(
    "sets",
    [
        "version = 1",
        "version = 4",
        "version = 0",
        "details = '{}'",
        "details = '{}', version = 1",
        "details = '{}', version = 7",
    ],
)
def test_a_version_goes_up_by_one_and_with_every_change_of_the_details(contact, sets):
    refused(UPDATE.format(sets), contact.pk, match="goes up by one")
    run("UPDATE contacts_contact SET details = '{}', version = 3 WHERE id = %s", contact.pk)
    run(ADD, contact.pk, 3)


@pytest.mark.parametrize("sets", ["uid = gen_random_uuid()", "id = id + 1000"])
def test_a_contact_stays_who_it_is(contact, sets):
    refused(UPDATE.format(sets), contact.pk, match="stay what they are")


@pytest.mark.parametrize("version", [1, 3, 0, 99])
def test_an_entry_is_that_of_the_present_version(contact, version):
    refused(ADD, contact.pk, version, match=r"follow in the history|entry_once_in_sequence")


def test_an_entry_is_of_a_contact_that_exists(contact):
    refused(ADD, contact.pk + 1_000, 1, match="follow in the history")


def test_a_history_has_no_gaps(contact):
    with without_triggers():
        run("UPDATE contacts_contact SET version = 4 WHERE id = %s", contact.pk)
    refused(ADD, contact.pk, 4, match="follow in the history")


def test_a_version_has_its_entry_when_the_transaction_ends(contact):
    sql = "UPDATE contacts_contact SET details = '{}', version = 3 WHERE id = %s; SET CONSTRAINTS ALL IMMEDIATE"
    refused(sql, contact.pk, match="contact_version_has_its_entry")


def test_a_contact_has_its_first_entry_when_the_transaction_ends(contact):
    sql = """
        INSERT INTO contacts_contact (uid, type_id, details, version, created_at)
        SELECT gen_random_uuid(), type_id, '{}', 1, now() FROM contacts_contact WHERE id = %s;
        SET CONSTRAINTS ALL IMMEDIATE
    """
    refused(sql, contact.pk, match="contact_version_has_its_entry")


@pytest.mark.parametrize("kind", ["'legal-entity'", "NULL"])
def test_the_entry_of_a_version_is_one_of_contacts(contact, kind):
    refused(UPDATE.format(f"entry_kind = {kind}"), contact.pk, match="entry_kind")


def test_an_entry_follows_the_one_before(contact):
    run("UPDATE contacts_contact SET version = 3 WHERE id = %s", contact.pk)
    run(ADD, contact.pk, 3)
    assert list(contact.entries.values_list("sequence", flat=True).order_by("sequence")) == [1, 2, 3]


def test_one_bad_row_among_many_is_found(make_contact, contact):
    other = make_contact()
    for each in (contact, other):
        with without_triggers():
            run("UPDATE contacts_contact SET version = version + 1 WHERE id = %s", each.pk)
    both = ADD.replace(
        "VALUES ('contact-details', %s, %s,",
        "SELECT * FROM (VALUES ('contact-details', %s, 3), ('contact-details', %s, 1)) AS rows (kind, id, version)"
        " CROSS JOIN (SELECT",
    )
    both = both.replace("'{}')", "'{}'::text[]) AS rest").replace("'[]'", "'[]'::jsonb")
    refused(both, contact.pk, other.pk, match="follow in the history|once_in_sequence")


MANY, RECORDED = 20_000, 1_000
FIRST_VERSIONS = """
    WITH made AS (
        INSERT INTO contacts_contact (uid, type_id, details, version, created_at)
        SELECT gen_random_uuid(), type_id, '{}', 1, now() FROM contacts_contact, generate_series(1, %s)
        RETURNING id)
    INSERT INTO audit_entry (kind, subject_id, sequence, recorded_at, initiator_system, changes, paths)
    SELECT 'contact-details', id, 1, now(), 'sql', '[]', '{}' FROM made
"""
NEXT_VERSIONS = """
    INSERT INTO audit_entry (kind, subject_id, sequence, recorded_at, initiator_system, changes, paths)
    SELECT 'contact-details', id, 2, now(), 'sql', '[]', '{}' FROM contacts_contact WHERE version = 2
"""
ENTRIES_READ = """
    SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid)) FROM pg_index
     WHERE indrelid IN ('audit_entry'::regclass, 'contacts_contact'::regclass)
"""


@pytest.mark.scale
def test_what_is_checked_of_an_entry_does_not_grow_with_the_history(make_contact):
    make_contact()
    with transaction.atomic(), connection.cursor() as cursor:

        def entries_read():
            cursor.execute(ENTRIES_READ)
            return cursor.fetchone()[0]

        cursor.execute(FIRST_VERSIONS, [MANY])
        cursor.execute(
            "UPDATE contacts_contact SET version = 2 WHERE id IN (SELECT id FROM contacts_contact LIMIT %s)", [RECORDED]
        )
        cursor.execute("ANALYZE contacts_contact, audit_entry")
        before = entries_read()
        cursor.execute(NEXT_VERSIONS)
        # The contact, in its two versions, and the entry before, and the same for the foreign key.
        assert entries_read() - before < 10 * RECORDED


@pytest.mark.parametrize(
    "sets",
    [
        "details = '{}', version = version + 1",
        "username = 'back'",
        "anonymized_at = NULL",
        "anonymized_at = now() + interval '1 day'",
        "version = version + 1",
    ],
)
def test_what_was_anonymized_stays_so(anonymous_contact, sets):
    refused(
        UPDATE.format(sets),
        anonymous_contact.pk,
        match="stays so|anonymized_contact_has_no_username",
    )


def test_whoever_is_anonymized_has_no_username(contact):
    refused(
        "UPDATE contacts_contact SET anonymized_at = now() WHERE id = %s",
        contact.pk,
        match="anonymized_contact_has_no_username",
    )


def test_usernames_are_unique_whatever_their_case_and_never_empty(contact, make_contact):
    other = make_contact(username="Straße-É")
    refused(
        "UPDATE contacts_contact SET username = 'straße-é' WHERE id = %s",
        contact.pk,
        match="contact_username_unique_ignoring_case",
    )
    refused("UPDATE contacts_contact SET username = '' WHERE id = %s", other.pk, match="username_is_not_empty")


def test_an_external_id_is_unique_whatever_the_system(contact, make_contact):
    ExternalConnection.objects.create(contact=contact, system="CRM", external_id="C-1")
    insert = "INSERT INTO contacts_externalconnection (contact_id, system, external_id) VALUES (%s, %s, %s)"
    refused(insert, make_contact().pk, "Default", "C-1", match="external_id_unique")
    refused(insert, contact.pk, "CRM", "C-2", match="external_system_once_per_contact")


def test_a_contact_has_one_picture_and_one_channel_of_a_kind(contact):
    picture = "INSERT INTO contacts_profilepicture (contact_id, file) VALUES (%s, 'pictures/a.png')"
    run(picture, contact.pk)
    refused(picture, contact.pk, match="contacts_profilepicture_pkey")
    Channel.objects.create(
        contact=contact, kind="Email", path="contactInformation.email", pending_value="a@example.com"
    )
    with pytest.raises(IntegrityError, match="channel_once_per_contact"), transaction.atomic():
        Channel.objects.create(contact=contact, kind="Email", path="contactInformation.email")


@pytest.mark.parametrize("sets", ["key_hash = 'abc'", "key_expires_at = now()", "is_key_due = true"])
def test_where_nothing_waits_there_is_no_key(contact, sets):
    Channel.objects.create(contact=contact, kind="Email", path="contactInformation.email")
    refused(UPDATE_CHANNEL.format(sets), match="channel_without_pending_value_has_no_key")


@pytest.mark.parametrize("sql", ["TRUNCATE audit_entry CASCADE", "TRUNCATE contacts_contact CASCADE"])
def test_nobody_empties_the_history(contact, sql):
    refused(f"SET CONSTRAINTS ALL IMMEDIATE; {sql}", match="TRUNCATE refused")


def test_a_contact_with_a_history_is_not_deleted(contact):
    with pytest.raises(IntegrityError):
        run("DELETE FROM contacts_contact WHERE id = %s; SET CONSTRAINTS ALL IMMEDIATE", contact.pk)


FORGED = """
    SET LOCAL kontor.anonymizing = 'on';
    UPDATE audit_entry SET {sets} WHERE kind = 'contact-details' AND subject_id = {pk}
"""
ERASED = "changes = contacts_without_values(changes), comment = NULL"


@pytest.mark.parametrize("sets", [ERASED, "changes = '[]'", "comment = 'x'", "changes = changes || '[]'"])
def test_who_only_says_that_it_anonymizes_changes_nothing(contact, sets):
    refused(FORGED.format(sets=sets, pk=contact.pk), match="append-only")


@pytest.mark.parametrize("sets", ["changes = '[]'", "comment = 'x'", "sequence = sequence + 1", "paths = '{}'"])
def test_even_of_an_anonymized_contact_nothing_but_values_goes(anonymous_contact, sets):
    refused(FORGED.format(sets=sets, pk=anonymous_contact.pk), match="append-only")
    run(FORGED.format(sets=ERASED, pk=anonymous_contact.pk))


def test_the_word_of_anonymization_ends_with_its_transaction(anonymous_contact):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('kontor.anonymizing', true)")
        assert cursor.fetchone()[0] in (None, "", "off")
    assert Contact.objects.get(pk=anonymous_contact.pk).details != details()
