"""A request about many subjects: decided as one, applied by a job in batches."""

import pytest

from accounts.actor import member_actor, system_actor
from audit.models import Entry
from changerequests import tasks
from changerequests.models import ChangeRequest, Proposal, RequestSubject, Status, Verdict
from changerequests.policies import Requirement, Stage
from changerequests.services import applying
from changerequests.services.applying import apply_approved_request, unapplied_requests
from changerequests.services.deciding import Parts, decide
from changerequests.services.opening import open_request
from changerequests.services.withdrawing import amend_change_request, cancel_change_request
from contacts.models import CONTACT_DETAILS, Contact
from contacts.services.anonymization import anonymize_contacts
from contacts.services.changes import patch_details
from core.documents import Change
from core.errors import NotFound, UnprocessableEntity
from tests.fixtures import without_triggers

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
NAME = "personalInformation.lastName"
OVERTAKING = {"personalInformation": {"lastName": "Keller"}}
SYSTEM = system_actor("tests")


@pytest.fixture
def contacts(make_contact, anna):
    return [make_contact(members=[anna]) for _number in range(5)]


@pytest.fixture
def request_of_many(contacts, anna):
    changes = [Change(NAME, "Spyri", "Heusser"), Change("relationship.notes", None, "Married.")]
    return open_request(
        kind=CONTACT_DETAILS,
        changes=dict.fromkeys((contact.pk for contact in contacts), changes),
        actor=member_actor(anna),
        requirement=Requirement((Stage("Review"),), frozenset({NAME})),
        comment="From a list",
    )


@pytest.fixture
def batches_of_two(monkeypatch):
    monkeypatch.setattr(applying, "BATCH", 2)


@pytest.fixture
def approved(request_of_many, rita):
    return decide(actor=member_actor(rita), change_request_id=request_of_many.pk, verdict=Verdict.APPROVE)


def names():
    rows = Contact.objects.order_by("pk").values_list("details__personalInformation__lastName", flat=True)
    return list(rows)


def outcomes(request):
    return list(request.subjects.order_by("subject_id").values_list("outcome", "is_open"))


def test_it_is_decided_as_one_and_nothing_is_applied_before_the_job(approved):
    assert (approved.status, approved.subject_id) == (Status.APPROVED, None)
    assert names() == ["Spyri"] * 5
    assert outcomes(approved) == [("", True)] * 5
    assert list(unapplied_requests()) == [approved.pk]


@pytest.mark.usefixtures("batches_of_two")
def test_the_job_applies_it_to_each_subject_in_the_name_of_its_initiator(approved, anna):
    apply_approved_request(approved.pk)
    assert names() == ["Heusser"] * 5
    assert outcomes(approved) == [("applied", False)] * 5
    entries = Entry.objects.filter(change_request=approved)
    assert {(entry.initiator_member, entry.initiator_system, entry.comment) for entry in entries} == {
        (anna, "", "From a list")
    }
    assert entries.count() == 5
    assert list(unapplied_requests()) == []


def test_a_subject_without_open_request_can_be_asked_for_again_once_it_is_applied(approved, contacts, anna):
    patch = {"personalInformation": {"lastName": "Alp"}}
    with pytest.raises(UnprocessableEntity) as refused:
        patch_details(actor=member_actor(anna), contact_id=contacts[0].pk, patch=patch)
    assert refused.value.sub_code == "PendingChangeRequestExists"
    apply_approved_request(approved.pk)
    assert patch_details(actor=member_actor(anna), contact_id=contacts[0].pk, patch=patch).change_request is not None


@pytest.mark.usefixtures("batches_of_two")
def test_outdated_and_refused_subjects_are_left_out_and_say_why(approved, contacts):
    patch_details(actor=SYSTEM, contact_id=contacts[1].pk, patch=OVERTAKING)
    with without_triggers():
        invalid = {"personalInformation": {"lastName": "Spyri", "dateOfBirth": "never"}}
        Contact.objects.filter(pk=contacts[2].pk).update(details=invalid)
    apply_approved_request(approved.pk)
    assert names() == ["Heusser", "Keller", "Spyri", "Heusser", "Heusser"]
    assert outcomes(approved) == [
        ("applied", False),
        ("outdated", False),
        ("refused", False),
        ("applied", False),
        ("applied", False),
    ]
    messages = approved.subjects.order_by("subject_id").values_list("message", flat=True)
    assert [bool(message) for message in messages] == [False, True, True, False, False]


@pytest.mark.usefixtures("batches_of_two")
def test_killed_half_way_it_goes_on_and_delivered_twice_it_applies_once(approved, monkeypatch):
    apply, applied = applying._applied, []

    class Killed(BaseException):
        pass

    def until_the_third(*args):
        if len(applied) == 3:
            raise Killed
        applied.append(args)
        return apply(*args)

    with monkeypatch.context() as patched:
        patched.setattr(applying, "_applied", until_the_third)
        with pytest.raises(Killed):
            apply_approved_request(approved.pk)
    # The batch that was under way is rolled back as a whole.
    assert names() == ["Heusser", "Heusser", "Spyri", "Spyri", "Spyri"]
    assert list(unapplied_requests()) == [approved.pk]
    for _delivery in range(2):
        apply_approved_request(approved.pk)
    assert names() == ["Heusser"] * 5
    assert Entry.objects.filter(change_request=approved).count() == 5


@pytest.mark.parametrize("status", [Status.PENDING, Status.REJECTED, Status.CANCELLED])
def test_what_is_not_approved_is_not_applied(request_of_many, rita, anna, status):
    if status == Status.REJECTED:
        decide(actor=member_actor(rita), change_request_id=request_of_many.pk, verdict=Verdict.REJECT)
    elif status == Status.CANCELLED:
        cancel_change_request(actor=member_actor(anna), change_request_id=request_of_many.pk)
    apply_approved_request(request_of_many.pk)
    assert names() == ["Spyri"] * 5
    assert request_of_many.subjects.filter(is_open=True).exists() == (status == Status.PENDING)


def test_a_reviewer_leaves_out_subjects_and_paths(request_of_many, contacts, rita):
    left_out = RequestSubject.objects.get(subject_id=contacts[1].pk)
    decide(
        actor=member_actor(rita),
        change_request_id=request_of_many.pk,
        verdict=Verdict.APPROVE,
        parts=Parts(paths=[NAME], excluded_subject_ids=[left_out.pk]),
    )
    apply_approved_request(request_of_many.pk)
    assert names() == ["Heusser", "Spyri", "Heusser", "Heusser", "Heusser"]
    assert outcomes(request_of_many)[1] == ("excluded", False)
    assert not Contact.objects.filter(details__relationship__isnull=False).exists()


def test_a_subject_of_another_request_cannot_be_left_out(request_of_many, rita):
    with pytest.raises(UnprocessableEntity, match="no entry"):
        decide(
            actor=member_actor(rita),
            change_request_id=request_of_many.pk,
            verdict=Verdict.APPROVE,
            parts=Parts(excluded_subject_ids=[2**31 - 1]),
        )


def test_who_does_not_see_every_subject_sees_and_decides_nothing_of_it(request_of_many, contacts, make_member):
    near = make_member(reviews=True)
    for contact in contacts[1:]:
        contact.members.add(near)
    assert not ChangeRequest.objects.visible_to(member_actor(near)).exists()
    with pytest.raises(NotFound):
        decide(actor=member_actor(near), change_request_id=request_of_many.pk, verdict=Verdict.APPROVE)
    contacts[0].members.add(near)
    decide(actor=member_actor(near), change_request_id=request_of_many.pk, verdict=Verdict.APPROVE)


def test_it_is_not_amended(request_of_many, anna):
    with pytest.raises(UnprocessableEntity):
        amend_change_request(actor=member_actor(anna), change_request_id=request_of_many.pk, document=OVERTAKING)


def test_an_anonymized_subject_is_left_out_and_its_values_are_erased(request_of_many, contacts, rita):
    anonymize_contacts(actor=SYSTEM, contact_ids=[contacts[0].pk])
    assert outcomes(request_of_many) == [("excluded", False), *[("", True)] * 4]
    proposals = Proposal.objects.order_by("subject__subject_id").values_list("changes", flat=True)
    assert [changes[0]["target"] for changes in proposals] == [None, *["Heusser"] * 4]
    request_of_many.refresh_from_db()
    assert (request_of_many.status, request_of_many.initiator_comment) == (Status.PENDING, None)
    decide(actor=member_actor(rita), change_request_id=request_of_many.pk, verdict=Verdict.APPROVE)
    apply_approved_request(request_of_many.pk)
    assert names()[1:] == ["Heusser"] * 4
    assert names()[0] != "Heusser"


def test_the_task_is_sent_on_commit_and_by_beat_again(
    request_of_many, rita, celery_messages, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        decide(actor=member_actor(rita), change_request_id=request_of_many.pk, verdict=Verdict.APPROVE)
    sent = ("changerequests.tasks.apply_approved", [request_of_many.pk])
    assert sent in celery_messages()
    tasks.apply_unapplied()
    assert celery_messages() == [sent]
    tasks.apply_approved(request_of_many.pk)
    tasks.apply_unapplied()
    assert celery_messages() == []
