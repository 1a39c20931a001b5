"""A member anonymizes nobody alone: contacts are anonymized once somebody else approves it."""

import re

import pytest

from accounts.actor import member_actor, system_actor
from audit.models import Entry
from changerequests.models import ChangeRequest, Decision, Status, Verdict
from changerequests.services.applying import apply_approved_request
from changerequests.services.deciding import decide
from contacts.models import ANONYMIZATION, CONTACT_DETAILS, Contact
from contacts.services.access import AccessChange, change_access
from contacts.services.anonymization import anonymize_contacts
from contacts.services.changes import patch_details
from core.errors import UnprocessableEntity
from tests.changerequests.policies import policy, rule, set_policy, stage
from tests.changerequests.requesting import address
from tests.concurrency import at_once
from tests.requests import changes_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
PATH = "/v1.0/contacts/anonymize"
SYSTEM = system_actor("tests")


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def officer(make_member):
    return make_member("officer", permissions=["view_contact", "anonymize_contact"], sees_all_contacts=True)


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, permissions=["view_contact"], sees_all_contacts=True)


@pytest.fixture
def contact(make_contact):
    return make_contact()


def anonymous():
    return list(Contact.objects.filter(anonymized_at__isnull=False).order_by("pk"))


def ask(member, *contacts):
    found = anonymize_contacts(actor=member_actor(member), contact_ids=[contact.pk for contact in contacts])
    return found.change_request


def test_over_the_api_a_member_asks_and_another_approves(api_of, officer, rita, contact):
    answer = api_of(officer).post(PATH, {"contactIds": [contact.pk]})
    request = ChangeRequest.objects.get()
    assert (answer.status, answer.json) == (202, {"isApprovalRequired": True, "changeRequestId": request.pk})
    assert anonymous() == []
    own = api_of(officer).post(address(request, "/review"), {"isApproved": True})
    assert own.status == 403
    assert anonymous() == []
    answer = api_of(rita).post(address(request, "/review"), {"isApproved": True, "comment": "She wrote to us"})
    assert answer.status == 204
    assert anonymous() == [contact]


def test_an_application_and_the_system_anonymize_at_once(app, contact, make_contact):
    assert app.post(PATH, {"contactIds": [contact.pk]}).status == 204
    anonymize_contacts(actor=SYSTEM, contact_ids=[make_contact().pk])
    assert len(anonymous()) == 2
    entry = Entry.objects.of(ANONYMIZATION, contact.pk).get()
    assert entry.initiator_application == contact.entries.first().initiator_application
    assert (entry.initiator_member, entry.change_request) == (None, None)


def test_an_application_that_a_rule_names_waits(make_app, api_of, contact):
    application = make_app()
    set_policy(policy([stage()], [rule("Review", applications=[application.pk])]), kind=ANONYMIZATION)
    assert api_of(application).post(PATH, {"contactIds": [contact.pk]}).status == 202
    assert anonymous() == []


def test_the_page_says_that_it_waits_and_the_reviewer_sees_whom_it_is_about(admin_of, officer, rita, contact):
    page = f"/admin/contacts/contact/{contact.pk}/anonymize/"
    shown = text_of(admin_of(officer).post(page, {"confirmation": str(contact.pk)}, follow=True))
    request = ChangeRequest.objects.get()
    assert f"Nothing has changed yet: change request #{request.pk} is pending approval" in shown
    assert "Anonymization: A change requested by Officer Tester is pending review" in shown
    assert "is pending review" in text_of(admin_of(officer).post(page, {"confirmation": str(contact.pk)}))
    assert anonymous() == []
    review = f"/admin/changerequests/changerequest/{request.pk}/change/"
    shown = text_of(admin_of(rita).get(review))
    assert "Johanna Spyri" in shown
    assert "Anonymized for good" in shown
    shown = text_of(admin_of(rita).post(review, {"decision": "approve", "comment": "Right"}, follow=True))
    assert "Spyri" not in shown
    assert anonymous() == [contact]
    assert admin_of(rita).get(review).status_code == 200


def test_the_request_itself_keeps_no_value_and_no_comment(officer, rita, contact):
    request = ask(officer, contact)
    decide(actor=member_actor(rita), change_request_id=request.pk, verdict=Verdict.APPROVE, comment="Spyri asked")
    request.refresh_from_db()
    assert (request.status, request.review_member) == (Status.APPROVED, rita)
    assert (request.initiator_comment, request.review_comment, request.digest_salt) == (None, None, "")
    assert Decision.objects.get().comment is None
    assert [change["target"] for change in changes_of(request)] == [None]
    assert list(request.subjects.values_list("is_open", "outcome")) == [(False, "")]


def test_it_is_recorded_in_the_name_of_who_asked(officer, rita, contact):
    request = ask(officer, contact)
    decide(actor=member_actor(rita), change_request_id=request.pk, verdict=Verdict.APPROVE)
    entry = Entry.objects.of(ANONYMIZATION, contact.pk).get()
    assert (entry.initiator_member, entry.change_request) == (officer, request)
    assert contact.entries.first().initiator_member == officer


def test_it_cancels_what_else_is_open_about_the_contact(officer, rita, contact):
    actor = member_actor(officer)
    others = [
        change_access(actor=actor, wanted={contact.pk: AccessChange(added_members=frozenset({officer.pk}))}),
        patch_details(
            actor=actor, contact_id=contact.pk, patch={"personalInformation": {"lastName": "Heusser"}}
        ).change_request,
    ]
    request = ask(officer, contact)
    decide(actor=member_actor(rita), change_request_id=request.pk, verdict=Verdict.APPROVE)
    assert anonymous() == [contact]
    for other in others:
        other.refresh_from_db()
        assert other.status == Status.CANCELLED
        assert {change["target"] for change in changes_of(other)} == {None}


def test_many_are_one_request_that_a_job_applies_to_each(officer, rita, make_contact, admin_of):
    contacts = [make_contact() for _number in range(3)]
    request = ask(officer, *contacts)
    assert request.subjects.count() == 3
    waiting = patch_details(
        actor=member_actor(officer),
        contact_id=contacts[1].pk,
        patch={"personalInformation": {"lastName": "Heusser"}},
    ).change_request
    shown = text_of(admin_of(rita).get(f"/admin/changerequests/changerequest/{request.pk}/change/"))
    assert all(f"#{contact.pk}" in shown for contact in contacts)
    decide(actor=member_actor(rita), change_request_id=request.pk, verdict=Verdict.APPROVE, comment="Spyri asked")
    anonymize_contacts(actor=SYSTEM, contact_ids=[contacts[0].pk])
    apply_approved_request(request.pk)
    assert anonymous() == contacts
    assert list(request.subjects.order_by("subject_id").values_list("outcome", flat=True)) == [
        "excluded",
        "applied",
        "applied",
    ]
    request.refresh_from_db()
    assert (request.status, request.review_comment) == (Status.APPROVED, None)
    waiting.refresh_from_db()
    assert waiting.status == Status.CANCELLED
    assert Entry.objects.filter(kind=CONTACT_DETAILS, initiator_member=officer).count() == 2


def test_one_request_at_a_time_for_each_contact(officer, contact, make_contact):
    ask(officer, contact)
    with pytest.raises(UnprocessableEntity) as refused:
        ask(officer, make_contact(), contact)
    assert refused.value.sub_code == "PendingChangeRequestExists"


def test_who_is_anonymous_already_needs_nobody(officer, contact):
    anonymize_contacts(actor=SYSTEM, contact_ids=[contact.pk])
    assert ask(officer, contact) is None


def test_a_rule_may_be_about_a_type_and_reads_nothing_per_contact(officer, make_contact, count_queries):
    set_policy(policy([stage()], [rule("Review", contactTypes=["client"])]), kind=ANONYMIZATION)
    figures = []
    for number in (1, 2, 20):
        contacts = [make_contact() for _number in range(number)]
        with count_queries() as queries:
            assert ask(officer, *contacts) is not None
        figures.append(len(queries))
    assert figures[1] == figures[2]


@pytest.mark.django_db(transaction=True)
def test_two_approvals_at_once_anonymize_once(api_of, officer, make_member, contact):
    request = ask(officer, contact)
    reviewers = [api_of(make_member(reviews=True, sees_all_contacts=True)) for _number in range(2)]
    answers = at_once(
        *(lambda api=api: api.post(address(request, "/review"), {"isApproved": True}) for api in reviewers)
    )
    assert sorted(answer.status for answer in answers) == [204, 422]
    assert Entry.objects.of(ANONYMIZATION, contact.pk).count() == 1
