"""Invariants of change requests that not even raw SQL can violate."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import User
from changerequests.models import Absence, ChangeRequest, Decision, PolicyVersion, RequestSubject, Revision, Status
from contacts.models import CONTACT_DETAILS
from tests.changerequests.policies import absent, make_group, policy, rule, set_policy, stage
from tests.requests import changes_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def run(sql, *values):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def refused(sql, *values, match):
    with pytest.raises(IntegrityError, match=match):
        run(sql, *values)


@pytest.fixture
def anna(make_member):
    return make_member("anna", reviews=True)


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, sees_all_contacts=True)


@pytest.fixture
def ben(make_member):
    return make_member("ben", reviews=True, sees_all_contacts=True)


@pytest.fixture
def contact(make_contact, anna):
    return make_contact(members=[anna])


@pytest.fixture
def ask(contact, anna, api_of):
    """Ask for another name as anna; return the request."""

    def make():
        answer = api_of(anna).patch(
            f"/v1.0/contacts/{contact.pk}/details",
            {"details": {"personalInformation": {"lastName": "Heusser"}}, "comment": "Certificate seen."},
        )
        assert answer.json["isApprovalRequired"]
        return ChangeRequest.objects.latest("pk")

    return make


@pytest.fixture
def pending(ask):
    return ask()


@pytest.fixture
def approved(pending, rita, api_of):
    path = f"/v1.0/contacts/{pending.subject_id}/change-requests/{pending.pk}/review"
    assert api_of(rita).post(path, {"isApproved": True, "comment": "On file."}).status == 204
    return ChangeRequest.objects.get()


INSERT = """
    INSERT INTO changerequests_changerequest
           (uid, subject_id, status, created_at, initiator_member_id, paths, review_member_id, reviewed_at)
    VALUES (gen_random_uuid(), %s, %s, now(), %s, '{}', %s, %s)
"""
INSERT_WITH = """
    INSERT INTO changerequests_changerequest (uid, subject_id, status, created_at, initiator_member_id, paths, {})
    VALUES (gen_random_uuid(), %s, 1, now(), %s, '{{}}', %s)
"""
INSERT_SUBJECT = """
    INSERT INTO changerequests_requestsubject (request_id, kind, subject_id, is_open, outcome, message)
    VALUES (%s, 'contact-details', %s, true, '', '')
"""
INSERT_REVISION = """
    INSERT INTO changerequests_revision (request_id, number, reason, author_id, policy_version, created_at)
    VALUES (%s, %s, %s, %s, 0, now())
"""
INSERT_STAGE = (
    "INSERT INTO changerequests_requeststage (revision_id, position, name, approvals) VALUES (%s, %s, 'S', 1)"
)
INSERT_ENTRY = """
    SET CONSTRAINTS ALL IMMEDIATE;
    WITH raised AS (UPDATE contacts_contact SET version = version + 1 WHERE id = %s RETURNING id, version)
    INSERT INTO audit_entry
           (kind, subject_id, sequence, recorded_at, initiator_system, changes, paths, change_request_id)
    SELECT 'contact-details', id, version, now(), 'sql', '[]', '{}', %s FROM raised
"""
INSERT_DECISION = """
    INSERT INTO changerequests_decision
           (revision_id, stage_id, member_id, on_behalf_of_id, verdict, digest, decided_at)
    SELECT revision.id, stage.id, %s, %s, %s, '', now()
      FROM changerequests_revision revision JOIN changerequests_requeststage stage ON stage.revision_id = revision.id
     WHERE revision.request_id = %s AND revision.number = %s AND stage.position = %s
"""
UPDATE = "UPDATE changerequests_changerequest SET {}"
EDIT = "UPDATE changerequests_{} SET {}"
CLOSE = "UPDATE changerequests_changerequest SET status = %s, review_member_id = %s, reviewed_at = now() WHERE id = %s"


def decision(request, member, *, verdict="approve", revision=1, position=0, on_behalf_of=None):
    """Return the SQL of a decision and its values."""
    represented = None if on_behalf_of is None else on_behalf_of.pk
    return INSERT_DECISION, member.pk, represented, verdict, request.pk, revision, position


# ---- how requests begin and end


def test_nobody_reviews_what_it_asked_for(pending, anna):
    refused(CLOSE, Status.APPROVED, anna.pk, pending.pk, match="approvals are missing")
    refused(CLOSE, Status.REJECTED, anna.pk, pending.pk, match="nobody has rejected it")
    refused(CLOSE, Status.RETURNED, anna.pk, pending.pk, match="nobody has returned it")
    refused(CLOSE, Status.CANCELLED, anna.pk, pending.pk, match="reviewer_is_not_initiator")


def test_nothing_is_decided_by_nobody(pending, rita):
    run(*decision(pending, rita))
    refused(CLOSE, Status.APPROVED, None, pending.pk, match="approvals are missing")
    for status in (Status.REJECTED, Status.RETURNED):
        refused(CLOSE, status, None, pending.pk, match="nobody has")


def test_nothing_is_closed_in_the_name_of_somebody_who_said_something_else(pending, rita, ben):
    run(*decision(pending, rita))
    for status in (Status.REJECTED, Status.RETURNED):
        refused(CLOSE, status, rita.pk, pending.pk, match="nobody has")
    refused(CLOSE, Status.APPROVED, ben.pk, pending.pk, match="approvals are missing")
    run(CLOSE, Status.APPROVED, rita.pk, pending.pk)


def test_one_request_of_a_contact_waits_at_a_time(pending, anna):
    run(INSERT, pending.subject_id, Status.PENDING, anna.pk, None, None)
    second = ChangeRequest.objects.latest("pk")
    refused(INSERT_SUBJECT, second.pk, pending.subject_id, match="one_open_request_per_subject")


@pytest.mark.parametrize("status", [Status.APPROVED, Status.REJECTED, Status.CANCELLED, Status.RETURNED])
def test_none_begins_with_its_end(contact, anna, rita, status):
    decided = (rita.pk, "2026-01-05T09:00Z") if status != Status.CANCELLED else (None, None)
    refused(INSERT, contact.pk, status, anna.pk, *decided, match="begins pending")
    assert not ChangeRequest.objects.exists()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("review_comment", "On file."),
        ("is_outcome_due", True),
        ("reviewed_at", "2026-01-05T09:00Z"),
        ("revision_number", 2),
    ],
)
def test_one_that_waits_begins_without_a_trace_of_its_end(contact, anna, column, value):
    refused(INSERT_WITH.format(column), contact.pk, anna.pk, value, match="begins pending")


def test_what_was_decided_elsewhere_is_taken_over_step_by_step(contact, anna, rita):
    with transaction.atomic():
        for status, verdict in ((Status.REJECTED, "reject"), (Status.APPROVED, "approve")):
            run(INSERT, contact.pk, Status.PENDING, anna.pk, None, None)
            request = ChangeRequest.objects.latest("id")
            run(INSERT_SUBJECT, request.pk, contact.pk)
            run(INSERT_REVISION, request.pk, 1, "submitted", anna.pk)
            run(INSERT_STAGE, Revision.objects.latest("id").pk, 0)
            run(*decision(request, rita, verdict=verdict))
            run(CLOSE, status, rita.pk, request.pk)
            run("UPDATE changerequests_requestsubject SET is_open = false WHERE request_id = %s", request.pk)
    assert [row.status for row in ChangeRequest.objects.order_by("id")] == [Status.REJECTED, Status.APPROVED]


@pytest.mark.parametrize("status", [0, 6, 9])
def test_a_request_has_one_of_five_statuses(pending, status):
    refused(UPDATE.format("status = %s"), status, match="decided_requests")


@pytest.mark.parametrize(
    "sets",
    [
        "status = 1, review_member_id = NULL, reviewed_at = NULL",
        "status = 3",
        "status = 4, review_member_id = NULL, reviewed_at = NULL",
        "status = 5",
        "reviewed_at = now() + interval '1 day'",
        "review_member_id = NULL",
        "review_comment = 'Something else.'",
        "review_comment = NULL",
        "initiator_comment = 'Something else.'",
        "digest_salt = ''",
        "created_at = now() - interval '1 day'",
        "revision_number = 2",
        "paths = '{}'",
        "uid = gen_random_uuid()",
    ],
)
def test_what_is_decided_stays_as_it_is(approved, sets):
    with pytest.raises(IntegrityError):
        run(UPDATE.format(sets))
    approved.refresh_from_db()
    assert (approved.status, approved.review_comment) == (Status.APPROVED, "On file.")


@pytest.mark.parametrize("sets", ["paths = '{}'", "initiator_comment = 'x'", "initiator_comment = NULL"])
def test_what_was_asked_for_stays_as_it_is_while_it_waits(pending, sets):
    refused(UPDATE.format(sets), match="stays as it is")


def test_who_asked_and_for_whom_stays(pending, rita, make_contact):
    refused(UPDATE.format("initiator_member_id = %s"), rita.pk, match="stays as it is")
    refused(UPDATE.format("subject_id = %s"), make_contact().pk, match="stays as it is")
    refused(UPDATE.format("kind = 'policy'"), match="stays as it is")


def test_an_entry_names_an_approved_request_of_its_subject(pending, rita, contact, make_contact):
    refused(INSERT_ENTRY, contact.pk, pending.pk, match="not an approved one of its subject")
    other = make_contact()
    run(*decision(pending, rita))
    run(CLOSE, Status.APPROVED, rita.pk, pending.pk)
    refused(INSERT_ENTRY, other.pk, pending.pk, match="not an approved one of its subject")
    run(INSERT_ENTRY, contact.pk, pending.pk)


def test_a_returned_request_waits_for_its_initiator(pending, rita, ben):
    run(*decision(pending, rita, verdict="return"))
    run(CLOSE, Status.RETURNED, rita.pk, pending.pk)
    waiting = "status = 1, review_member_id = NULL, reviewed_at = NULL"
    refused(UPDATE.format(waiting), match="waits for its initiator")
    for verdict in ("approve", "return"):
        refused(*decision(pending, ben, verdict=verdict), match="not about an open request")
    run(*decision(pending, ben, verdict="reject"))
    refused(CLOSE, Status.APPROVED, ben.pk, pending.pk, match="approvals are missing")
    run(CLOSE, Status.REJECTED, ben.pk, pending.pk)


# ---- decisions


@pytest.fixture
def two_stages(rita, ben):
    """Two approvals of a first group, then one of a second; returns a member of the second."""
    set_policy(
        policy(
            [stage("First", group=make_group("First", rita, ben), approvals=2), stage("Second")],
            [rule("First", "Second")],
        )
    )


def test_the_initiator_does_not_decide(pending, anna):
    for verdict in ("approve", "reject", "return"):
        refused(*decision(pending, anna, verdict=verdict), match="the initiator")


def test_one_person_decides_a_revision_once(two_stages, ask, rita):
    asked = ask()
    run(*decision(asked, rita))
    for position, verdict in ((0, "approve"), (0, "reject"), (1, "approve")):
        refused(*decision(asked, rita, verdict=verdict, position=position), match="one person decides")


def test_whoever_stood_in_for_the_initiator_since_it_asked_does_not_decide(pending, anna, rita):
    absent(anna, rita)
    refused(*decision(pending, rita), match="neither the initiator nor a substitute")


def test_an_absence_that_ended_before_excludes_nobody(pending, anna, rita):
    absent(anna, rita, begins=-3, ends=-2)
    run(*decision(pending, rita))


def test_whoever_stands_in_for_somebody_who_decided_does_not_decide(two_stages, ask, rita, ben):
    asked = ask()
    run(*decision(asked, rita))
    absent(rita, ben)
    refused(*decision(asked, ben), match="one person decides")


def test_a_represented_person_does_not_decide_as_well(two_stages, ask, rita, ben):
    asked = ask()
    absent(rita, ben)
    run(*decision(asked, ben, on_behalf_of=rita))
    refused(*decision(asked, rita), match="one person decides")


def test_nobody_is_represented_who_is_not_away_today(pending, rita, ben):
    refused(*decision(pending, rita, on_behalf_of=ben), match="is not away")
    absent(ben, rita, begins=-5, ends=-1)
    absent(ben, rita, begins=1, ends=5)
    refused(*decision(pending, rita, on_behalf_of=ben), match="is not away")


def test_nobody_decides_for_a_group_that_it_is_not_in(two_stages, ask, make_member):
    outsider = make_member(reviews=True, is_superuser=True, sees_all_contacts=True)
    refused(*decision(ask(), outsider), match="not in the group")


def test_nobody_decides_without_the_permission_or_with_a_closed_login(pending, rita, make_member):
    refused(*decision(pending, make_member(sees_all_contacts=True)), match="no reviewer")
    User.objects.filter(pk=rita.user_id).update(is_active=False)
    refused(*decision(pending, rita), match="no reviewer")


def test_the_permission_of_a_group_is_one_too(pending, make_member, rita):
    member = make_member()
    group = make_group("Reviewers", member)
    group.permissions.set(rita.user.user_permissions.all())
    run(*decision(pending, member))


def test_nobody_decides_in_a_stage_that_is_not_current(two_stages, ask, rita, ben, make_member):
    asked, other = ask(), make_member(reviews=True)
    refused(*decision(asked, other, position=1), match="another stage")
    run(*decision(asked, rita))
    refused(*decision(asked, other, position=1), match="another stage")
    run(*decision(asked, ben))
    third = make_member(reviews=True)
    third.user.groups.add(*rita.user.groups.all())
    refused(*decision(asked, third), match="another stage")
    run(*decision(asked, other, position=1))


def test_nobody_decides_in_the_stage_of_another_request(pending, ask, rita, make_contact, anna, api_of):
    contact = make_contact(members=[anna])
    body = {"details": {"personalInformation": {"lastName": "Heusser"}}}
    api_of(anna).patch(f"/v1.0/contacts/{contact.pk}/details", body)
    mine, others = (request.revisions.get() for request in ChangeRequest.objects.order_by("pk"))
    sql = """
        INSERT INTO changerequests_decision (revision_id, stage_id, member_id, verdict, digest, decided_at)
        VALUES (%s, %s, %s, 'approve', '', now())
    """
    refused(sql, mine.pk, others.stages.get().pk, rita.pk, match="not one of its revision")


def test_nothing_is_approved_without_enough_approvals(two_stages, ask, rita, ben, make_member):
    asked, other = ask(), make_member(reviews=True)
    for place, (member, position) in enumerate(((rita, 0), (ben, 0), (other, 1))):
        refused(CLOSE, Status.APPROVED, member.pk, asked.pk, match="approvals are missing")
        run(*decision(asked, member, position=position))
        if place < 2:
            refused(CLOSE, Status.APPROVED, member.pk, asked.pk, match="approvals are missing")
    run(CLOSE, Status.APPROVED, other.pk, asked.pk)


def test_nobody_decides_an_old_revision_and_its_approvals_do_not_count(pending, anna, rita, ben):
    run(*decision(pending, rita))
    run(INSERT_REVISION, pending.pk, 2, "amended", anna.pk)
    run(INSERT_STAGE, Revision.objects.latest("id").pk, 0)
    run(UPDATE.format("revision_number = 2"))
    refused(*decision(pending, ben), match="as it is now")
    refused(CLOSE, Status.APPROVED, rita.pk, pending.pk, match="approvals are missing")
    run(*decision(pending, rita, revision=2))
    run(CLOSE, Status.APPROVED, rita.pk, pending.pk)


def test_a_revision_without_stages_is_never_approved(pending, anna, rita):
    run(INSERT_REVISION, pending.pk, 2, "amended", anna.pk)
    run(UPDATE.format("revision_number = 2"))
    refused(CLOSE, Status.APPROVED, rita.pk, pending.pk, match="approvals are missing")


def test_nobody_decides_what_is_decided(approved, ben):
    refused(*decision(approved, ben), match="not about an open request")


# ---- revisions


@pytest.mark.parametrize(
    ("number", "reason", "author"),
    [
        (1, "submitted", "anna"),
        (3, "amended", "anna"),
        (2, "amended", "rita"),
        (2, "struck", "anna"),
        (2, "struck", None),
        (2, "amended", None),
        (2, "submitted", "anna"),
    ],
)
def test_a_revision_follows_and_is_by_whoever_may_make_it(pending, anna, rita, number, reason, author):
    authors = {"anna": anna.pk, "rita": rita.pk, None: None}
    with pytest.raises(IntegrityError, match=r"is none of it|revision_once_per_request"):
        run(INSERT_REVISION, pending.pk, number, reason, authors[author])


def test_revisions_are_not_left_out_or_taken_back(pending, anna):
    refused(UPDATE.format("revision_number = 2"), match="revisions follow each other")
    run(INSERT_REVISION, pending.pk, 2, "amended", anna.pk)
    run(UPDATE.format("revision_number = 2"))
    refused(UPDATE.format("revision_number = 1"), match="revisions follow each other")


def test_a_closed_request_gets_no_revision(approved, anna):
    refused(INSERT_REVISION, approved.pk, 2, "amended", anna.pk, match="is none of it")


def test_what_was_decided_gets_no_more_proposals_or_stages(pending, rita):
    run(*decision(pending, rita))
    refused(INSERT_STAGE, pending.revisions.get().pk, 1, match="is complete")
    copied = "INSERT INTO changerequests_proposal (revision_id, subject_id, changes) SELECT revision_id, {}, '[]'"
    refused(f"{copied.format('subject_id')} FROM changerequests_proposal", match="is complete")


def test_a_request_keeps_the_subjects_that_it_began_with(pending, make_contact):
    refused(INSERT_SUBJECT, pending.pk, make_contact().pk, match="has its subjects")
    subjects = "UPDATE changerequests_requestsubject SET {}"
    for sets in ("subject_id = subject_id + 1", "kind = 'policy'", "is_open = false"):
        refused(subjects.format(sets), match="of a request stays")


def test_a_closed_subject_is_not_opened_again(approved):
    assert not RequestSubject.objects.get().is_open
    refused("UPDATE changerequests_requestsubject SET is_open = true", match="of a request stays")


# ---- what is never edited or deleted

ROWS = {
    "changerequest": "paths = '{}'",
    "requestsubject": "subject_id = 0",
    "revision": "reason = 'amended'",
    "proposal": "changes = '[]'",
    "requeststage": "approvals = 9",
    "decision": "verdict = 'reject'",
    "policyversion": "document = '{}'",
}


@pytest.mark.parametrize(("table", "sets"), ROWS.items())
def test_no_row_is_edited_deleted_or_taken_away_with_its_table(approved, table, sets):
    set_policy(policy([stage()], [rule("Review")]))
    name = f"changerequests_{table}"
    for sql in ("UPDATE {} SET {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"):
        refused("SET CONSTRAINTS ALL IMMEDIATE; " + sql.format(name, sets), match=r"[Rr]efused")


@pytest.mark.parametrize(
    ("table", "sets"),
    [
        ("decision", "comment = 'x'"),
        ("decision", "comment = NULL"),
        ("decision", "member_id = member_id + 1"),
        ("decision", "digest = 'x'"),
        ("revision", "comment = NULL"),
        ("revision", "author_id = NULL"),
        ("revision", "policy_version = 7"),
        ("proposal", "changes = public.contacts_without_values(changes)"),
        ("requeststage", "group_id = NULL, approvals = 1, position = 7"),
    ],
)
def test_whatever_was_said_or_proposed_stays_as_it_is(approved, table, sets):
    refused(EDIT.format(table, sets), match="is never changed or deleted")


def test_an_absence_that_has_begun_stays_on_record(anna, rita, ben):
    row = absent(anna, rita, begins=-3, ends=3)
    for sets in (
        f"substitute_id = {ben.pk}",
        f"member_id = {ben.pk}",
        "starts_on = starts_on + 1",
        "ends_on = starts_on",
        "ends_on = current_date - 1",
    ):
        refused(EDIT.format("absence", sets), match="has begun")
    refused("DELETE FROM changerequests_absence", match="has begun")
    refused("SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE changerequests_absence", match="TRUNCATE refused")
    row.ends_on = timezone.now().date()
    row.save()


def test_an_absence_to_come_can_be_changed_and_deleted(anna, rita, ben):
    absent(anna, rita, begins=2, ends=3)
    Absence.objects.update(substitute=ben, ends_on=timezone.now().date() + timedelta(days=9))
    Absence.objects.all().delete()
    assert not Absence.objects.exists()


def test_nobody_stands_in_for_itself(anna):
    with pytest.raises(IntegrityError, match="absence_names_somebody_else"):
        absent(anna, anna)


def test_a_group_that_a_policy_names_is_not_deleted(rita):
    group = make_group("First", rita)
    set_policy(policy([stage(group=group)], [rule("Review")]))
    set_policy(policy([stage()], [rule("Review")]))
    run("DELETE FROM accounts_user_groups")
    refused("SET CONSTRAINTS ALL IMMEDIATE; DELETE FROM auth_group", match="foreign key")
    assert PolicyVersion.objects.count() == 2


def test_anonymization_takes_the_values_of_the_person_and_nothing_else(approved, app):
    before = ChangeRequest.objects.get()
    said = Decision.objects.get()
    assert app.post("/v1.0/contacts/anonymize", {"contactIds": [approved.subject_id]}).status == 204
    after = ChangeRequest.objects.get()
    assert [change["target"] for change in changes_of(after)] == [None]
    assert (after.initiator_comment, after.review_comment, after.digest_salt) == (None, None, "")
    assert (after.status, after.reviewed_at, after.paths) == (before.status, before.reviewed_at, before.paths)
    kept = Decision.objects.get()
    assert (kept.comment, kept.verdict, kept.member, kept.digest) == (None, said.verdict, said.member, said.digest)
    assert RequestSubject.objects.get().kind == CONTACT_DETAILS


def test_after_an_erasure_nothing_changes_either_but_what_it_took(approved, app):
    assert app.post("/v1.0/contacts/anonymize", {"contactIds": [approved.subject_id]}).status == 204
    for table, sets in (
        ("changerequest", "paths = '{}'"),
        ("changerequest", "status = 3"),
        ("decision", "verdict = 'reject'"),
        ("decision", "comment = 'x'"),
        ("revision", "author_id = NULL"),
        ("revision", "comment = 'x'"),
        ("proposal", "changes = '[]'"),
    ):
        with pytest.raises(IntegrityError):
            run(EDIT.format(table, sets))
