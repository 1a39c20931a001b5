"""Changes of legal entities that wait for approval, through the API and the admin."""

import re

import pytest

from changerequests.digests import digest_of
from changerequests.models import ChangeRequest, Revision, Status, Verdict
from changerequests.queries.revisions import proposals_of
from changerequests.services.deciding import Parts, decide
from changerequests.services.withdrawing import amend_change_request
from core.errors import UnprocessableEntity
from legalentities.models import LEGAL_ENTITY_DETAILS
from tests.changerequests.policies import policy, rule, set_policy, stage
from tests.legalentities.documents import company

pytestmark = pytest.mark.django_db
RENAMED = company(name="Alp AG")
PHONE = company(contactInformation={"phone": "+41 44 123 45 67"})


@pytest.fixture
def anna(make_member):
    permissions = ["view_legalentity", "change_legalentity", "view_changerequest"]
    return make_member("anna", permissions=permissions)


@pytest.fixture
def rita(make_member):
    return make_member(
        "rita", reviews=True, sees_all_contacts=True, permissions=["view_legalentity", "change_legalentity"]
    )


@pytest.fixture
def made(make_contact, make_legal_entity, anna):
    return make_legal_entity(make_contact(members=[anna]))


def put(api, legal_entity, document):
    return api.put(f"/v1.0/legalentities/{legal_entity.pk}/details", {"details": document})


@pytest.fixture
def asked(api_of, anna, made):
    answer = put(api_of(anna), made, RENAMED)
    request = ChangeRequest.objects.get()
    assert (answer.status, answer.json) == (202, {"isApprovalRequired": True, "changeRequestId": request.pk})
    return request


def review_of(request):
    return f"/admin/changerequests/changerequest/{request.pk}/change/"


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_a_member_waits_and_nothing_changes_before_the_approval(asked, made, anna):
    made.refresh_from_db()
    assert (asked.kind, asked.subject_id, asked.initiator_member) == (LEGAL_ENTITY_DETAILS, made.pk, anna)
    assert (made.details, made.version, made.entries.count()) == (company(), 1, 1)


def test_one_request_waits_at_a_time_and_what_needs_no_approval_goes_on(asked, made, rita, api_of):
    answer = put(api_of(rita), made, company(name="Dörfli AG"))
    assert (answer.status, answer.sub_code) == (422, "PendingChangeRequestExists")
    assert answer.json["properties"] == {"changeRequestId": [str(asked.pk)]}
    assert put(api_of(rita), made, PHONE).status == 204


def test_a_reviewer_approves_it_on_its_page_and_the_history_names_the_initiator(asked, made, rita, anna, admin_of):
    browser = admin_of(rita)
    page = browser.get(review_of(asked))
    shown = text_of(page)
    assert "Removed: Alpöhi Holding AG" in shown
    assert "Added: Alp AG" in shown
    browser.post(review_of(asked), {"decision": "approve", "digest": page.context["digest"]})
    made.refresh_from_db()
    asked.refresh_from_db()
    assert (made.details, made.version, asked.status) == (RENAMED, 2, Status.APPROVED)
    entry = made.entries.get(sequence=2)
    assert (entry.initiator_member, entry.change_request) == (anna, asked)


def test_who_cannot_see_the_entity_sees_no_request_about_it(asked, make_member, admin_of):
    near = make_member(reviews=True)
    assert admin_of(near).get(review_of(asked)).status_code == 404
    queue = admin_of(near).get("/admin/changerequests/changerequest/")
    assert queue.context["cl"].result_count == 0


def test_the_form_of_the_admin_says_that_it_waits(made, anna, admin_of):
    browser = admin_of(anna)
    address = f"/admin/legalentities/legalentity/{made.pk}/edit/"
    page = browser.get(address)
    content = page.content.decode()
    sent = {}
    for tag in re.findall(r"<input[^>]*>", content[content.index('id="details-form"') :]):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and name[1] != "csrfmiddlewaretoken":
            sent[name[1]] = value[1] if value else ""
    (control,) = [name for name, value in sent.items() if value == "Alpöhi Holding AG"]
    shown = text_of(browser.post(address, {**sent, control: "Alp AG"}, follow=True))
    asked = ChangeRequest.objects.get()
    assert (
        f"Nothing has changed yet: change request #{asked.pk} is pending approval, because Name requires it." in shown
    )
    made.refresh_from_db()
    assert made.details["name"] == "Alpöhi Holding AG"


def test_it_is_no_request_of_a_contact(asked, made, rita, api_of):
    api = api_of(rita)
    assert api.post("/v1.0/contacts/change-requests/search", {}).json["results"] == []
    contact = made.pk
    for operation in ("review", "cancel", "return"):
        body = {"isApproved": True} if operation == "review" else {"comment": "x"} if operation == "return" else None
        answer = api.post(f"/v1.0/contacts/{contact}/change-requests/{asked.pk}/{operation}", body)
        assert answer.status in (403, 404)
    asked.refresh_from_db()
    assert asked.status == Status.PENDING


def test_an_application_does_not_wait_unless_a_rule_names_it(made, make_app, api_of):
    named, other = make_app(), make_app()
    set_policy(policy([stage()], [rule("Review", applications=[named.pk])]), kind=LEGAL_ENTITY_DETAILS)
    assert put(api_of(other), made, RENAMED).status == 204
    answer = put(api_of(named), made, company(name="Dörfli AG"))
    assert answer.status == 202
    request = ChangeRequest.objects.get()
    assert (request.initiator_application, request.initiator_member) == (named, None)
    made.refresh_from_db()
    assert made.details["name"] == "Alp AG"


def test_what_an_application_asked_for_is_approved_in_its_name(made, make_app, api_of, rita, actor_of):
    named = make_app()
    set_policy(policy([stage()], [rule("Review", applications=[named.pk])]), kind=LEGAL_ENTITY_DETAILS)
    put(api_of(named), made, RENAMED)
    request = ChangeRequest.objects.get()
    decide(actor=actor_of(rita), change_request_id=request.pk, verdict=Verdict.APPROVE)
    made.refresh_from_db()
    entry = made.entries.get(sequence=2)
    assert (made.details, entry.initiator_application, entry.initiator_member) == (RENAMED, named, None)


def test_what_is_left_validates_as_a_whole(made, anna, rita, api_of, actor_of):
    moved = company(registration={"country": "DE", "state": "DE-BY"})
    put(api_of(anna), made, moved)
    request = ChangeRequest.objects.get()
    with pytest.raises(UnprocessableEntity) as refused:
        decide(
            actor=actor_of(rita),
            change_request_id=request.pk,
            verdict=Verdict.APPROVE,
            parts=Parts(paths=["registration.country"]),
        )
    assert (refused.value.sub_code, set(refused.value.properties)) == ("ValidationFailed", {"registration.state"})
    request.refresh_from_db()
    assert (request.status, Revision.objects.count()) == (Status.PENDING, 1)


def test_it_is_amended_with_a_whole_document(asked, made, anna, rita, actor_of):
    amend_change_request(
        actor=actor_of(anna), change_request_id=asked.pk, document=company(name="Dörfli AG", ownership={})
    )
    asked.refresh_from_db()
    decide(
        actor=actor_of(rita),
        change_request_id=asked.pk,
        verdict=Verdict.APPROVE,
        digest=digest_of(asked, proposals_of(asked)),
    )
    made.refresh_from_db()
    assert made.details["name"] == "Dörfli AG"
