"""Invariants of change requests that not even raw SQL can violate."""

import pytest
from django.db import IntegrityError, connection, transaction

from changerequests.models import ChangeRequest, Status

pytestmark = pytest.mark.django_db


def run(sql, *values):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def refused(sql, *values, match):
    with pytest.raises(IntegrityError, match=match):
        run(sql, *values)


@pytest.fixture
def anna(make_member):
    return make_member("anna")


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, sees_all_contacts=True)


@pytest.fixture
def contact(make_contact, anna):
    return make_contact(members=[anna])


@pytest.fixture
def pending(contact, anna, api_of):
    answer = api_of(anna).patch(
        f"/v1.0/contacts/{contact.pk}/details",
        {"details": {"personalInformation": {"lastName": "Heusser"}}, "comment": "Certificate seen."},
    )
    assert answer.json["isApprovalRequired"]
    return ChangeRequest.objects.get()


@pytest.fixture
def approved(pending, rita, api_of):
    path = f"/v1.0/contacts/{pending.subject_id}/change-requests/{pending.pk}/review"
    assert api_of(rita).post(path, {"isApproved": True, "comment": "On file."}).status == 204
    return ChangeRequest.objects.get()


INSERT = """
    INSERT INTO changerequests_changerequest (uid, contact_id, status, created_at, initiator_member_id, changes, paths,
                                              review_member_id, reviewed_at)
    VALUES (gen_random_uuid(), %s, %s, now(), %s, '[]', '{}', %s, %s)
"""
INSERT_WITH = """
    INSERT INTO changerequests_changerequest
           (uid, contact_id, status, created_at, initiator_member_id, changes, paths, {})
    VALUES (gen_random_uuid(), %s, 1, now(), %s, '[]', '{{}}', %s)
"""
UPDATE = "UPDATE changerequests_changerequest SET {}"
DECIDE = "UPDATE changerequests_changerequest SET status = %s, review_member_id = %s, reviewed_at = now() WHERE id = %s"


def test_nobody_reviews_what_it_asked_for(pending, anna):
    refused(DECIDE, Status.APPROVED, anna.pk, pending.pk, match="reviewer_is_not_initiator")
    refused(DECIDE, Status.REJECTED, anna.pk, pending.pk, match="reviewer_is_not_initiator")


def test_nothing_is_decided_by_nobody(pending):
    for status in (Status.APPROVED, Status.REJECTED):
        refused(DECIDE, status, None, pending.pk, match="decided_requests_name_their_reviewer")


def test_one_request_of_a_contact_waits_at_a_time(pending, anna):
    refused(INSERT, pending.subject_id, Status.PENDING, anna.pk, None, None, match="one_pending_request_per_contact")


@pytest.mark.parametrize("status", [Status.APPROVED, Status.REJECTED, Status.CANCELLED])
def test_none_begins_with_its_end(contact, anna, rita, status):
    decided = (rita.pk, "2026-01-05T09:00Z") if status != Status.CANCELLED else (None, None)
    refused(INSERT, contact.pk, status, anna.pk, *decided, match="begins pending")
    assert not ChangeRequest.objects.exists()


@pytest.mark.parametrize(
    ("column", "value"),
    [("review_comment", "On file."), ("is_outcome_due", True), ("reviewed_at", "2026-01-05T09:00Z")],
)
def test_one_that_waits_begins_without_a_trace_of_its_end(contact, anna, column, value):
    refused(INSERT_WITH.format(column), contact.pk, anna.pk, value, match="begins pending")


def test_what_was_decided_elsewhere_is_taken_over_step_by_step(contact, anna, rita):
    with transaction.atomic():
        for status, reviewer in ((Status.REJECTED, rita.pk), (Status.APPROVED, rita.pk)):
            run(INSERT, contact.pk, Status.PENDING, anna.pk, None, None)
            run(DECIDE, status, reviewer, ChangeRequest.objects.latest("id").pk)
    assert [row.status for row in ChangeRequest.objects.order_by("id")] == [Status.REJECTED, Status.APPROVED]


@pytest.mark.parametrize("status", [0, 5, 9])
def test_a_request_has_one_of_four_statuses(pending, status):
    refused("UPDATE changerequests_changerequest SET status = %s", status, match="decided_requests")


@pytest.mark.parametrize(
    "sets",
    [
        "status = 1, review_member_id = NULL, reviewed_at = NULL, change_set_id = NULL",
        "status = 3, change_set_id = NULL",
        "status = 4, review_member_id = NULL, reviewed_at = NULL, change_set_id = NULL",
        "reviewed_at = now() + interval '1 day'",
        "review_member_id = NULL",
        "review_comment = 'Something else.'",
        "review_comment = NULL",
        "initiator_comment = 'Something else.'",
        "created_at = now() - interval '1 day'",
        "changes = '[]'",
        "paths = '{}'",
        "uid = gen_random_uuid()",
    ],
)
def test_what_is_decided_stays_as_it_is(approved, sets):
    for before in ("", "SET LOCAL kontor.anonymizing = 'on'; "):
        with pytest.raises(IntegrityError):
            run(before + UPDATE.format(sets))
    approved.refresh_from_db()
    assert (approved.status, approved.review_comment) == (Status.APPROVED, "On file.")


@pytest.mark.parametrize(
    "sets", ["changes = '[]'", "paths = '{}'", "initiator_comment = 'x'", "initiator_comment = NULL"]
)
def test_what_was_asked_for_stays_as_it_is_while_it_waits(pending, sets):
    refused(UPDATE.format(sets), match="stays as it is")


def test_who_asked_and_for_whom_stays(pending, rita, make_contact):
    refused(UPDATE.format("initiator_member_id = %s"), rita.pk, match="stays as it is")
    refused(UPDATE.format("contact_id = %s"), make_contact().pk, match="stays as it is")


def test_a_change_set_is_of_the_contact_and_of_an_approval(pending, rita, make_contact):
    others = make_contact().entries.get()
    sets = "change_set_id = %s, review_member_id = %s, reviewed_at = now()"
    refused(UPDATE.format(f"status = 2, {sets}"), others.pk, rita.pk, match="not its contact's")
    own = pending.subject.entries.get()
    refused(
        UPDATE.format(f"status = 3, {sets}"),
        own.pk,
        rita.pk,
        match="approved_requests_alone_have_a_change_set",
    )


def test_none_is_ever_deleted(approved):
    refused("DELETE FROM changerequests_changerequest", match="never deleted")
    refused(
        "SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE changerequests_changerequest CASCADE",
        match="TRUNCATE refused",
    )


def test_anonymization_takes_the_values_of_the_person_and_nothing_else(approved, app):
    before = ChangeRequest.objects.get()
    assert app.post("/v1.0/contacts/anonymize", {"contactIds": [approved.subject_id]}).status == 204
    after = ChangeRequest.objects.get()
    assert [change["target"] for change in after.changes] == [None]
    assert (after.initiator_comment, after.review_comment) == (None, None)
    assert (after.status, after.reviewed_at, after.paths) == (before.status, before.reviewed_at, before.paths)
