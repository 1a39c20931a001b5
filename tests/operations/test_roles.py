"""The role that runs Kontor does everything that Kontor does, and cannot switch off what the database keeps.

The tests are that role: Django connects as it. `deploy/roles.sql` and the commands made the database, as an operator
does.
"""

import json
from contextlib import nullcontext
from datetime import UTC, datetime
from io import StringIO

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.test import Client

from accounts.actor import member_actor
from audit.models import Entry
from changerequests.models import Absence, ChangeRequest, Decision, PolicyVersion, RequestStage, Status, Verdict
from changerequests.services.deciding import decide
from changerequests.services.policies import locked_policies, planned_changes, write_policies
from contacts.models import CONTACT_DETAILS, Contact
from core.own_connections import parameters_of
from core.triggers import NeverEmptied
from importexport.exports import running
from importexport.exports.selection import Selection
from importexport.exports.services import request_export
from importexport.graphql.indexes import keep_search_indexes
from importexport.models import ExportJob, ExportKind, ExportStatus
from operations.privileges import RECORDS, tables
from tests.changerequests.reviewing import NEW_NAME
from tests.fixtures import details
from tests.importexport.importing import array, counts, synced
from tests.roles import OWNER, RUNTIME, TWO_ROLES, acting_as, run_script

# One worker: the script changes roles, which all databases of the server share.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("roles"), pytest.mark.slow]
DENIED = "permission denied|must be owner"


@pytest.fixture(scope="module", autouse=True)
def two_roles(copy_of, django_db_blocker):
    output = StringIO()
    with copy_of(TWO_ROLES):
        # A copy of a database has the owners and privileges of its tables, but not its own.
        done = run_script(connection.settings_dict["NAME"])
        assert done.returncode == 0, done.stderr
        with django_db_blocker.unblock(), acting_as(OWNER):
            call_command("grant_privileges", RUNTIME, stdout=output)
        assert output.getvalue() == f"{RUNTIME} has its privileges on {len(tables())} tables.\n"
        with acting_as(RUNTIME):
            yield


@pytest.fixture(autouse=True)
def storage_directory(settings, tmp_path):
    default = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    settings.STORAGES = {**settings.STORAGES, "default": default}


@pytest.fixture
def anna(make_member):
    return make_member(
        "anna", permissions=["view_contact", "change_contact_details", "view_changerequest", "add_exportjob"]
    )


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, permissions=["view_contact"], sees_all_contacts=True)


@pytest.fixture
def contact(make_contact, anna):
    return make_contact(members=[anna])


@pytest.fixture
def asked(contact, anna, api_of):
    """A request that waits for a reviewer."""
    answer = api_of(anna).patch(f"/v1.0/contacts/{contact.pk}/details", {"details": NEW_NAME, "comment": "married"})
    assert answer.json["isApprovalRequired"] is True
    return ChangeRequest.objects.get()


def execute(statement, **values):
    """Run a statement and every deferred check, and undo it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        transaction.set_rollback(True)


def decision(request, **columns):
    """Insert a decision of a request in its first stage, as SQL that no service checked."""
    revision = request.revisions.get(number=request.revision_number)
    values = {
        "revision_id": revision.pk,
        "stage_id": revision.stages.get(position=0).pk,
        "on_behalf_of_id": None,
        "verdict": "approve",
        "digest": "",
        **columns,
    }
    names = ", ".join(values)
    marks = ", ".join(f"%({name})s" for name in values)
    execute(f"INSERT INTO changerequests_decision ({names}) VALUES ({marks})", **values)  # noqa: S608


class TestKontorRuns:
    def test_who_looked_is_written_and_stays(self, contact, app, looks):
        """Also in a month that has no partition: a function of the owner makes it."""
        part = f"audit_access_{datetime.now(UTC):%Y%m}"
        parameters = {**parameters_of(seconds=5), "autocommit": True}
        with psycopg.connect(**{**parameters, "user": OWNER}) as owner:
            owner.execute(f"DROP TABLE {part}")
        with psycopg.connect(**{**parameters, "user": RUNTIME}) as runtime:
            assert runtime.execute("SELECT audit_make_access_partitions()").fetchone() == (1,)
        assert app.get(f"/v1.0/contacts/{contact.pk}").status == 200
        assert {row[0] for row in looks()} == {contact.pk}
        for statement in (
            "UPDATE audit_access SET actor_id = 1",
            "DELETE FROM audit_access",
            "TRUNCATE audit_access",
            f"DROP TABLE {part}",
            f"DELETE FROM {part}",  # noqa: S608 - a month
            "DELETE FROM audit_accessprocess",
        ):
            with pytest.raises(ProgrammingError, match=DENIED):
                execute(statement)

    def test_contacts_are_created_and_changed(self, app, contact_type):
        body = {"contactTypeId": contact_type.pk, "username": "jo", "details": details()}
        created = app.post("/v1.0/contacts", body)
        assert created.status in (200, 201), created.json
        contact = Contact.objects.get(username="jo")
        answer = app.patch(f"/v1.0/contacts/{contact.pk}/details", {"details": NEW_NAME})
        assert answer.json["isApprovalRequired"] is False
        first, second = Entry.objects.of(CONTACT_DETAILS, contact.pk).order_by("sequence")
        assert second.transaction_id is not None
        assert first.recorded_at < second.recorded_at

    def test_a_change_waits_and_is_approved(self, asked, rita, api_of, contact):
        answer = api_of(rita).post(
            f"/v1.0/contacts/{contact.pk}/change-requests/{asked.pk}/review", {"isApproved": True, "comment": "seen"}
        )
        assert answer.status == 204, answer.json
        asked.refresh_from_db()
        assert asked.status == Status.APPROVED
        assert Entry.objects.get(change_request=asked).subject_id == contact.pk
        [decided] = Decision.objects.all()
        assert asked.created_at < decided.decided_at

    def test_people_are_anonymized_with_their_requests(self, asked, app, contact):
        answer = app.post("/v1.0/contacts/anonymize", {"contactIds": [contact.pk]})
        assert answer.status in (200, 204), answer.json
        asked.refresh_from_db()
        assert (asked.status, asked.initiator_comment) == (Status.CANCELLED, None)
        assert "Heusser" not in json.dumps([found.changes for found in asked.revisions.get().proposals.all()])

    def test_files_are_imported(self, contact_type):
        entry = {"externalId": "E-1", "contactTypeId": contact_type.pk, "username": "imported", "details": details()}
        again = {**entry, "details": details(personalInformation={"lastName": "Heusser"})}
        job = synced(array(entry))
        assert counts(job) == (1, 0, 0, 0), list(job.failures.values())
        assert counts(synced(array(again))) == (0, 1, 0, 0)

    def test_contacts_are_exported(self, contact, anna, celery_messages, monkeypatch):
        # The transaction of a test has its isolation already.
        monkeypatch.setattr(running, "_one_moment", nullcontext)
        job = request_export(actor=member_actor(anna), selection=Selection(ExportKind.CONTACTS))
        running.run_export(job.pk)
        assert ExportJob.objects.get().status == ExportStatus.COMPLETED

    def test_applications_get_tokens(self, default_schemas, anonymous):
        output = StringIO()
        call_command("create_client_app", "crm", "--scopes", "schemas.read", stdout=output)
        registered = json.loads(output.getvalue())
        fields = {"grant_type": "client_credentials"}
        answer = Client().post(
            "/connect/token", {**fields, **{k: registered[k] for k in ("client_id", "client_secret")}}
        )
        assert answer.status_code == 200, answer.content
        anonymous.token = answer.json()["access_token"]
        assert anonymous.get("/v1.0/schemas/contact").status == 200

    def test_staff_log_in_to_the_admin(self, rita):
        browser = Client()
        answer = browser.post("/connect/login", {"username": "rita", "password": "secret-for-tests"})
        assert answer.status_code == 302
        assert browser.get("/admin/").status_code == 200

    def test_policies_change(self):
        current = locked_policies()
        policy = {**current.document[CONTACT_DETAILS], "isDigestRequired": True}
        write_policies(current=current, changes=planned_changes(current, {CONTACT_DETAILS: policy}))
        assert PolicyVersion.objects.get().number == 1

    def test_search_indexes_are_left_to_the_owner(self, default_schemas):
        assert keep_search_indexes().is_refused
        with pytest.raises(CommandError, match="Only the owner"):
            call_command("search_indexes")


class TestRulesCannotBeSwitchedOff:
    @pytest.mark.parametrize(
        "statement",
        [
            "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
            "ALTER TABLE changerequests_decision DISABLE TRIGGER USER",
            "ALTER TABLE audit_entry ALTER COLUMN recorded_at DROP DEFAULT",
            "ALTER TABLE changerequests_decision DROP CONSTRAINT decision_once_per_revision_and_member",
            "ALTER TABLE audit_entry OWNER TO CURRENT_USER",
            "SET session_replication_role = replica",
            f"SET ROLE {OWNER}",
            f"GRANT {OWNER} TO CURRENT_USER",
            "ALTER ROLE CURRENT_USER SUPERUSER",
            "CREATE TABLE public.anything (id integer)",
            "CREATE SCHEMA mine",
            "CREATE FUNCTION public.anything() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "ALTER FUNCTION public.contacts_without_values(jsonb) SET search_path = pg_temp",
            "CREATE TRIGGER swallow BEFORE INSERT ON audit_entry FOR EACH ROW"
            " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "CREATE RULE swallow AS ON INSERT TO audit_entry DO INSTEAD NOTHING",
            "DROP TABLE audit_entry",
            "SELECT setval('audit_entry_id_seq', 1)",
            "INSERT INTO django_migrations (app, name, applied) VALUES ('audit', 'none', now())",
        ],
    )
    def test_what_only_the_owner_may_do(self, statement):
        with pytest.raises(ProgrammingError, match=f"{DENIED}|must be able to SET ROLE|Only roles with"):
            execute(statement)

    def test_it_gives_itself_no_privilege(self):
        """PostgreSQL only warns."""
        with connection.cursor() as cursor:
            cursor.execute("GRANT DELETE ON audit_entry TO CURRENT_USER")
            cursor.execute("SELECT has_table_privilege('audit_entry', 'DELETE')")
            assert cursor.fetchone() == (False,)

    @pytest.mark.parametrize("table", sorted(tables()))
    def test_no_table_is_emptied(self, table):
        with pytest.raises(ProgrammingError, match=DENIED):
            execute(f"TRUNCATE {table} CASCADE")

    @pytest.mark.parametrize("table", sorted(model._meta.db_table for model in RECORDS))
    def test_no_record_is_deleted(self, table):
        with pytest.raises(ProgrammingError, match=DENIED):
            execute(f"DELETE FROM {table}")  # noqa: S608 - a constant name

    @pytest.mark.parametrize(
        ("table", "column"),
        [
            *(("audit_entry", name) for name in ("subject_id", "sequence", "recorded_at", "transaction_id", "paths")),
            *(("audit_entry", name) for name in ("initiator_member_id", "change_request_id")),
            *(("audit_erasure", name) for name in ("kind", "subject_id", "erased_at")),
            *(("changerequests_revision", name) for name in ("number", "author_id", "policy_version", "created_at")),
            *(("changerequests_proposal", name) for name in ("revision_id", "subject_id")),
            *(("changerequests_requeststage", name) for name in ("approvals", "group_id", "position")),
            *(("changerequests_decision", name) for name in ("member_id", "verdict", "paths", "digest", "decided_at")),
            *(("changerequests_policyversion", name) for name in ("number", "document", "created_at")),
            *(("changerequests_changerequest", name) for name in ("kind", "initiator_member_id", "created_at")),
            *(("administration_breakglass", name) for name in ("command", "reason", "operator", "used_at")),
        ],
    )
    def test_no_record_is_edited(self, table, column):
        with pytest.raises(ProgrammingError, match=DENIED):
            execute(f"UPDATE {table} SET {column} = {column}")  # noqa: S608 - constant names

    def test_a_temporary_table_deceives_no_trigger(self, asked, anna):
        """It comes first in the session's search path, but not in that of the functions."""
        forged = "CREATE TEMPORARY TABLE changerequests_{0} (LIKE public.changerequests_{0})"
        for name in ("requeststage", "decision", "revision"):
            with connection.cursor() as cursor:
                cursor.execute(forged.format(name))
        with pytest.raises(IntegrityError, match="approvals are missing"):
            execute(
                "UPDATE public.changerequests_changerequest SET status = 2, review_member_id = %(member)s,"
                " reviewed_at = now() WHERE id = %(id)s",
                member=anna.pk + 1_000,
                id=asked.pk,
            )

    def test_every_table_that_is_never_emptied_is_a_record_or_named_here(self):
        """A new append-only table must not be forgotten in `operations.privileges`."""
        guarded = {
            model
            for model in tables().values()
            if any(isinstance(trigger, NeverEmptied) for trigger in getattr(model._meta, "triggers", ()))
        }
        # Contacts are anonymized and not deleted; absences that have not begun can be deleted.
        assert guarded - set(RECORDS) == {Absence}


class TestDecisionsAndEntries:
    def test_nothing_is_approved_without_its_decisions(self, asked, rita):
        with pytest.raises(IntegrityError, match="approvals are missing"):
            execute(
                "UPDATE changerequests_changerequest SET status = 2, review_member_id = %(member)s,"
                " reviewed_at = now() WHERE id = %(id)s",
                member=rita.pk,
                id=asked.pk,
            )

    def test_the_initiator_does_not_decide(self, asked, anna):
        with pytest.raises(IntegrityError, match="initiator"):
            decision(asked, member_id=anna.pk)

    def test_nobody_decides_twice(self, asked, rita):
        decide(actor=member_actor(rita), change_request_id=asked.pk, verdict=Verdict.RETURN, comment="Which passport?")
        with pytest.raises(IntegrityError, match="one person decides a revision once"):
            decision(asked, member_id=rita.pk, verdict="reject")

    def test_nobody_represents_somebody_who_is_not_away(self, asked, rita, make_member):
        with pytest.raises(IntegrityError, match="not away"):
            decision(asked, member_id=rita.pk, on_behalf_of_id=make_member().pk)

    def test_nobody_decides_without_being_a_reviewer(self, asked, make_member):
        with pytest.raises(IntegrityError, match="no reviewer"):
            decision(asked, member_id=make_member().pk)

    def test_nobody_decides_in_the_stage_of_a_group_of_others(self, asked, rita):
        compliance = Group.objects.create(name="Compliance")
        [revision] = asked.revisions.all()
        stage = RequestStage.objects.create(
            revision=revision, position=1, name="Compliance", group=compliance, approvals=1
        )
        with pytest.raises(IntegrityError, match="not in the group of the stage"):
            decision(asked, member_id=rita.pk, stage_id=stage.pk)

    @pytest.mark.parametrize("column", ["decided_at", "id"])
    def test_the_database_says_when_somebody_decided(self, asked, rita, column):
        value = "2020-01-01" if column == "decided_at" else 1
        with pytest.raises(ProgrammingError, match=DENIED):
            decision(asked, member_id=rita.pk, **{column: value})

    def test_no_version_comes_without_its_entry(self, contact):
        with pytest.raises(IntegrityError, match="foreign key"):
            execute(
                "UPDATE contacts_contact SET version = version + 1, details = '{}' WHERE id = %(id)s",
                id=contact.pk,
            )

    @pytest.mark.parametrize(("column", "value"), [("recorded_at", "2020-01-01"), ("transaction_id", "3"), ("id", 1)])
    def test_no_entry_is_of_another_time_or_transaction(self, contact, column, value):
        with pytest.raises(ProgrammingError, match=DENIED):
            self.insert(contact, 2, **{column: value})

    @pytest.mark.parametrize("sequence", [2, 3])
    def test_no_entry_is_without_its_version(self, contact, sequence):
        with pytest.raises(IntegrityError, match="does not follow"):
            self.insert(contact, sequence)

    @pytest.mark.parametrize("change", ["changes = '[]'", "comment = 'nothing'"])
    def test_no_value_of_an_entry_goes_without_an_erasure(self, contact, change):
        with pytest.raises(IntegrityError, match="append-only"):
            execute(f"UPDATE audit_entry SET {change} WHERE subject_id = %(id)s", id=contact.pk)  # noqa: S608

    def test_no_erasure_is_of_somebody_who_was_not_anonymized(self, contact):
        with pytest.raises(IntegrityError, match="Refused"):
            execute("INSERT INTO audit_erasure (kind, subject_id) VALUES ('contact-details', %(id)s)", id=contact.pk)

    @pytest.mark.parametrize(
        "change",
        [
            "changerequests_proposal SET changes = '[]'",
            "changerequests_revision SET comment = 'another one'",
            "changerequests_changerequest SET initiator_comment = 'another one'",
            "changerequests_changerequest SET paths = '{}'",
        ],
    )
    def test_what_was_asked_for_stays(self, asked, change):
        with pytest.raises(IntegrityError, match="Refused"):
            execute(f"UPDATE {change}")

    def insert(self, contact, sequence, **columns):
        values = {
            "kind": CONTACT_DETAILS,
            "subject_id": contact.pk,
            "sequence": sequence,
            "initiator_system": "tests",
            "changes": "[]",
            "paths": "{}",
            **columns,
        }
        marks = ", ".join(f"%({name})s" for name in values)
        execute(f"INSERT INTO audit_entry ({', '.join(values)}) VALUES ({marks})", **values)  # noqa: S608


class TestTheCommand:
    @pytest.mark.parametrize(
        ("role", "message"),
        [
            (OWNER, "Others own"),
            ("nobody", "no role nobody"),
            ("kontor", "superuser"),
            (RUNTIME, "owner or a superuser"),
        ],
    )
    def test_it_refuses_what_makes_no_sense(self, role, message):
        with pytest.raises(CommandError, match=message):
            call_command("grant_privileges", role)

    def test_a_superuser_does_not_run_kontor(self):
        done = run_script(connection.settings_dict["NAME"], runtime="kontor")
        assert done.returncode != 0
        assert "kontor is a superuser" in done.stderr
