"""Sessions cannot bypass triggers with temporary tables or settings."""

import pgtrigger
import pytest
from django.db import IntegrityError, connection, transaction

from tests.requests import make_requests

pytestmark = pytest.mark.django_db


def refused(before, sql, match):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(before)
        with pytest.raises(IntegrityError, match=match), transaction.atomic():
            cursor.execute(sql)


# Temporary tables of the same names, which a session finds first, with what a trigger would have to find.
ANOTHER_VERSION = """
    CREATE TEMPORARY TABLE contacts_contact AS SELECT id, 99 AS version FROM public.contacts_contact;
    CREATE TEMPORARY TABLE audit_entry AS
    SELECT 'contact-details' AS kind, id AS subject_id, 98 AS sequence FROM public.contacts_contact;
"""
ANONYMIZED = """
    CREATE TEMPORARY TABLE contacts_contact AS SELECT id, now() AS anonymized_at FROM public.contacts_contact;
    CREATE TEMPORARY TABLE audit_erasure AS SELECT kind, subject_id FROM public.audit_entry;
    SET LOCAL kontor.anonymizing = 'on';
"""
NO_MANAGERS = "CREATE TEMPORARY TABLE accounts_member (id int, manager_id int)"

ADD_ENTRY = """
    INSERT INTO public.audit_entry (kind, subject_id, sequence, recorded_at, initiator_system, changes, paths)
    SELECT 'contact-details', id, 99, now(), 'sql', '[]', '{}' FROM public.contacts_contact
"""
ERASE = "UPDATE {} SET changes = public.contacts_without_values(changes)"
FIRST_BELOW_LAST = """
    UPDATE public.accounts_member SET manager_id = (SELECT max(id) FROM public.accounts_member)
     WHERE manager_id IS NULL
"""


class TestTemporaryTables:
    def test_of_another_version_do_not_let_an_entry_in(self, make_contact):
        make_contact()
        refused(ANOTHER_VERSION, ADD_ENTRY, match="follow in the history")

    def test_of_anonymized_contacts_do_not_take_values_out_of_the_history(self, make_contact):
        make_contact()
        refused(ANONYMIZED, ERASE.format("public.audit_entry"), match="append-only")

    def test_of_anonymized_contacts_do_not_take_values_out_of_requests(self, make_contact, make_member):
        make_requests(make_contact().pk, make_member(), paths=["a"])
        refused(ANONYMIZED, ERASE.format("public.changerequests_proposal"), match="never changed or deleted")

    def test_of_anonymized_contacts_do_not_take_comments_out_of_requests(self, make_contact, make_member):
        make_requests(make_contact().pk, make_member(), paths=["a"])
        erase = "UPDATE public.changerequests_changerequest SET initiator_comment = NULL, uid = gen_random_uuid()"
        refused(ANONYMIZED, erase, match="stays as it is")

    def test_without_managers_do_not_let_members_into_a_circle(self, make_member):
        make_member(manager=make_member(manager=make_member()))
        refused(NO_MANAGERS, FIRST_BELOW_LAST, match="stands above its manager")


def test_the_setting_by_which_the_library_switches_triggers_off_does_nothing(make_contact):
    make_contact()
    names = ",".join(trigger.get_pgid(model) for model, trigger in pgtrigger.registered())
    refused(f"SET LOCAL pgtrigger.ignore = '{{{names}}}'", "DELETE FROM audit_entry", match="append-only")


# For the processes of the version before, while an upgrade replaces them; a later migration drops them.
OF_THE_PREVIOUS_VERSION = {
    ("a_previous_decided", "changerequests_changerequest"),
    ("previous_insert", "changerequests_changerequest"),
    ("previous_inserted", "changerequests_changerequest"),
    ("previous_closed", "changerequests_changerequest"),
}
# Partitions have copies of those of their table.
TRIGGERS = """
    SELECT tgname, relname, relkind = 'v', proconfig
      FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid JOIN pg_class ON pg_class.oid = tgrelid
     WHERE NOT tgisinternal AND tgparentid = 0
"""


def test_every_trigger_is_declared_beside_its_model_and_searches_temporary_tables_last():
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS)
        triggers = cursor.fetchall()
    declared = {(trigger.get_pgid(model), model._meta.db_table) for model, trigger in pgtrigger.registered()}
    assert {(name, table) for name, table, is_of_view, _ in triggers if not is_of_view} == declared | (
        OF_THE_PREVIOUS_VERSION
    )
    # Those of views are for the previous version, whose models are gone.
    assert {table for _, table, is_of_view, _ in triggers if is_of_view} == {
        "contacts_changeset",
        "legalentities_legalentitychangeset",
    }
    assert all("search_path=pg_catalog, public, pg_temp" in settings for *_, settings in triggers)
