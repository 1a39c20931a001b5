"""Deciding, returning and cancelling requests of all kinds through the API."""

from datetime import UTC

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.actor import Actor, ActorKind
from changerequests.models import Absence, ChangeRequest, Decision, PolicyVersion, Status
from changerequests.policies import Stage
from changerequests.services.applying import apply_approved_request
from changerequests.services.policies import POLICIES, POLICY_KIND
from contacts.models import CONTACT_DETAILS
from core.documents import Change
from legalentities.models import LEGAL_ENTITY_DETAILS
from tests.changerequests.requesting import LAST_NAME, address, opened, renaming
from tests.legalentities.conftest import make_legal_entity, policy  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db
TODAY = timezone.now().astimezone(UTC).date()
APPROVE, REJECT = {"isApproved": True}, {"isApproved": False}
FIRST_NAME = "personalInformation.firstName"


@pytest.fixture
def asked(contact, anna):
    changes = [Change(LAST_NAME, "Spyri", "Heusser"), Change(FIRST_NAME, "Johanna", "Hanna")]
    return opened(CONTACT_DETAILS, {contact.pk: changes}, by=anna)


@pytest.fixture
def about_three(make_contact, anna):
    return renaming(*(make_contact(members=[anna]) for _number in range(3)), by=anna)


def status_of(request) -> int:
    return ChangeRequest.objects.get(pk=request.pk).status


class TestReviewing:
    def test_an_application_a_member_without_the_permission_and_a_contact_may_not(
        self, asked, contact, make_member, app, api_of
    ):
        colleague = make_member(sees_all_contacts=True)
        for api in (app, api_of(colleague), api_of(contact)):
            assert api.post(address(asked, "/review"), APPROVE).status == 403
            assert api.post(address(asked, "/return"), {"comment": "x"}).status == 403

    def test_the_initiator_may_not(self, make_contact, rita, api_of):
        own = renaming(make_contact(), by=rita)
        answer = api_of(rita).post(address(own, "/review"), APPROVE)
        assert (answer.status, answer.sub_code) == (403, "OwnChangeRequest")

    def test_what_a_reviewer_does_not_see_is_not_found(self, asked, make_member, api_of):
        api = api_of(make_member(reviews=True))
        assert api.post(address(asked, "/review"), APPROVE).status == 404
        assert api.post(address(asked, "/return"), {"comment": "x"}).status == 404

    def test_a_reviewer_approves_contact_details(self, asked, contact, rita, api_of):
        digest = api_of(rita).get(address(asked)).json["digest"]
        assert api_of(rita).post(address(asked, "/review"), {**APPROVE, "digest": digest}).status == 204
        contact.refresh_from_db()
        assert contact.details["personalInformation"]["lastName"] == "Heusser"
        assert Decision.objects.get().digest == digest

    def test_a_reviewer_approves_a_legal_entity(self, make_legal_entity, contact, anna, rita, api_of):  # noqa: F811
        company = make_legal_entity(contact)
        request = opened(
            LEGAL_ENTITY_DETAILS, {company.pk: [Change("name", "Alpöhi Holding AG", "Alpöhi AG")]}, by=anna
        )
        assert api_of(rita).post(address(request, "/review"), APPROVE).status == 204
        company.refresh_from_db()
        assert company.details["name"] == "Alpöhi AG"

    def test_a_reviewer_approves_policies(self, default_schemas, anna, rita, api_of):
        changes = [Change(f"{CONTACT_DETAILS}.isDigestRequired", False, True)]
        request = opened(POLICY_KIND, {POLICIES: changes}, by=anna)
        assert api_of(rita).post(address(request, "/review"), APPROVE).status == 204
        assert PolicyVersion.objects.get().document[CONTACT_DETAILS]["isDigestRequired"] is True

    def test_a_substitute_decides_on_behalf_of_whose_sight_it_uses(self, asked, make_member, rita, api_of):
        substitute = make_member(reviews=True)
        Absence.objects.create(member=rita, substitute=substitute, starts_on=TODAY, ends_on=TODAY)
        assert api_of(substitute).post(address(asked, "/review"), REJECT).status == 204
        assert Decision.objects.get().on_behalf_of == rita
        shown = api_of(rita).get(address(asked)).json["stages"][0]["decisions"][0]
        assert shown["onBehalfOf"] == {"uId": str(rita.uid), "name": "Rita Tester"}

    def test_another_digest_is_refused(self, asked, rita, api_of):
        answer = api_of(rita).post(address(asked, "/review"), {**APPROVE, "digest": "0" * 64})
        assert (answer.status, answer.json["code"]) == (412, "PreconditionFailed")
        assert status_of(asked) == Status.PENDING

    def test_paths_approve_these_changes_and_strike_the_others(self, asked, contact, rita, api_of):
        answer = api_of(rita).post(address(asked, "/review"), {**APPROVE, "paths": [FIRST_NAME]})
        assert answer.status == 204
        contact.refresh_from_db()
        assert contact.details["personalInformation"]["lastName"] == "Spyri"
        assert contact.details["personalInformation"]["firstName"] == "Hanna"
        read = api_of(rita).get(address(asked)).json
        assert (read["revision"], [change["path"] for change in read["details"]]) == (2, [FIRST_NAME])
        assert read["stages"][0]["decisions"][0]["paths"] == [FIRST_NAME]

    def test_an_unknown_path_or_entry_is_refused(self, asked, rita, api_of):
        api = api_of(rita)
        assert api.post(address(asked, "/review"), {**APPROVE, "paths": ["no.such"]}).status == 422
        assert api.post(address(asked, "/review"), {**APPROVE, "excludedEntryIds": [2**31 - 1]}).status == 422

    def test_entries_that_are_left_out_are_not_applied(self, about_three, rita, api_of):
        left_out, *kept = about_three.subjects.all()
        body = {**APPROVE, "excludedEntryIds": [left_out.pk]}
        assert api_of(rita).post(address(about_three, "/review"), body).status == 204
        apply_approved_request(about_three.pk)
        entries = api_of(rita).get(address(about_three, "/entries")).json["results"]
        assert {entry["entryId"] for entry in entries} == {subject.pk for subject in kept}
        assert {entry["details"][0]["currentValue"] for entry in entries} == {"Heusser"}
        outcomes = dict(about_three.subjects.values_list("pk", "outcome"))
        assert outcomes == {left_out.pk: "excluded", **{subject.pk: "applied" for subject in kept}}

    def test_a_closed_request_is_not_decided_again(self, asked, rita, api_of):
        api_of(rita).post(address(asked, "/review"), REJECT)
        answer = api_of(rita).post(address(asked, "/review"), APPROVE)
        assert (answer.status, answer.sub_code) == (422, "ChangeRequestNotPending")


class TestReturning:
    def test_it_goes_back_with_a_comment(self, asked, rita, api_of):
        assert api_of(rita).post(address(asked, "/return"), {}).status == 400
        assert api_of(rita).post(address(asked, "/return"), {"comment": "Which passport?"}).status == 204
        read = api_of(rita).get(address(asked)).json
        assert read["status"]["id"] == Status.RETURNED
        [decision] = read["stages"][0]["decisions"]
        assert (decision["verdict"], decision["comment"]) == ("return", "Which passport?")

    def test_only_by_the_group_of_the_stage(self, make_contact, anna, rita, api_of):
        group = Group.objects.create(name="Compliance")
        request = renaming(make_contact(), by=anna, stages=(Stage("Compliance", group_id=group.pk),))
        answer = api_of(rita).post(address(request, "/return"), {"comment": "x"})
        assert (answer.status, answer.sub_code) == (403, "NotAReviewer")


class TestCancelling:
    def test_others_may_not(self, asked, app, rita, make_member, api_of):
        for api in (app, api_of(rita)):
            answer = api.post(address(asked, "/cancel"))
            assert (answer.status, answer.sub_code) == (403, "NotInitiator")
        assert api_of(make_member()).post(address(asked, "/cancel")).status == 404
        assert status_of(asked) == Status.PENDING

    def test_the_initiator_may_and_once(self, asked, about_three, anna, api_of):
        for request in (asked, about_three):
            assert api_of(anna).post(address(request, "/cancel")).status == 204
            assert status_of(request) == Status.CANCELLED
        assert api_of(anna).post(address(asked, "/cancel")).sub_code == "ChangeRequestNotPending"

    def test_of_an_application_only_that_application_may(
        self,
        make_legal_entity,  # noqa: F811
        make_app,
        make_participant,
        contact,
        app,
        anna,
        rita,
        api_of,
    ):
        mine, blind = make_app(), make_app(participants=[make_participant()])
        company = make_legal_entity(contact)
        changes = {company.pk: [Change("name", "Alpöhi Holding AG", "Alpöhi AG")]}
        request = opened(LEGAL_ENTITY_DETAILS, changes, by=Actor(ActorKind.APP, mine.name, application_id=mine.pk))
        for api in (app, api_of(rita), api_of(anna)):
            answer = api.post(address(request, "/cancel"))
            assert (answer.status, answer.sub_code) == (403, "NotInitiator")
        assert api_of(blind).post(address(request, "/cancel")).status == 404
        assert status_of(request) == Status.PENDING
        assert api_of(mine).post(address(request, "/cancel")).status == 204
        assert status_of(request) == Status.CANCELLED
        assert not request.subjects.filter(is_open=True).exists()
        assert api_of(mine).post(address(request, "/cancel")).sub_code == "ChangeRequestNotPending"

    def test_the_initiator_may_without_sight_of_the_subject(self, make_contact, anna, api_of):
        request = renaming(make_contact(), by=anna)
        assert api_of(anna).get(address(request)).status == 404
        assert api_of(anna).post(address(request, "/cancel")).status == 204
