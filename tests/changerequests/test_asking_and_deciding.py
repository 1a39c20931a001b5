"""The life cycle of a change request, through HTTP."""

import pytest

from changerequests.models import ChangeRequest, Status
from tests.fixtures import details
from tests.requests import changes_of

pytestmark = pytest.mark.django_db
NEW_NAME = {"details": {"personalInformation": {"lastName": "Heusser"}}, "comment": "married"}


@pytest.fixture
def anna(make_member):
    return make_member("anna", reviews=True)


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, sees_all_contacts=True)


@pytest.fixture
def contact(make_contact, anna):
    return make_contact(members=[anna])


@pytest.fixture
def request_of_anna(contact, anna, api_of):
    answer = api_of(anna).patch(f"/v1.0/contacts/{contact.pk}/details", NEW_NAME)
    assert answer.json["isApprovalRequired"] is True
    return ChangeRequest.objects.get()


def review(api, request, *, approve, comment=None):
    return api.post(
        f"/v1.0/contacts/{request.subject_id}/change-requests/{request.pk}/review",
        {"isApproved": approve, "comment": comment},
    )


def cancel(api, request):
    return api.post(f"/v1.0/contacts/{request.subject_id}/change-requests/{request.pk}/cancel")


def last_name(contact):
    contact.refresh_from_db()
    return contact.details["personalInformation"]["lastName"]


class TestAsking:
    def test_a_submission_that_needs_approval_waits_whole(self, contact, anna, api_of):
        patch = {"personalInformation": {"lastName": "Heusser"}, "relationship": {"notes": "married"}}
        answer = api_of(anna).patch(f"/v1.0/contacts/{contact.pk}/details", {"details": patch, "comment": "passport"})
        assert answer.json == {"isApprovalRequired": True, "hasPendingEmail": False, "hasPendingMobile": False}
        request = ChangeRequest.objects.get()
        assert (request.status, request.initiator_member, request.initiator_comment) == (1, anna, "passport")
        required = {change["path"]: change["isApprovalRequired"] for change in changes_of(request)}
        assert required == {"personalInformation.lastName": True, "relationship.notes": False}
        contact.refresh_from_db()
        assert (contact.version, contact.entries.count()) == (1, 1)
        assert "relationship" not in contact.details

    def test_a_member_changes_what_needs_no_approval_at_once(self, contact, anna, api_of):
        body = {"details": {"relationship": {"notes": "called"}}}
        assert api_of(anna).patch(f"/v1.0/contacts/{contact.pk}/details", body).json["isApprovalRequired"] is False
        assert contact.entries.first().initiator_member == anna

    def test_an_app_needs_no_approval(self, contact, app):
        assert app.patch(f"/v1.0/contacts/{contact.pk}/details", NEW_NAME).json["isApprovalRequired"] is False
        assert last_name(contact) == "Heusser"

    def test_a_second_request_for_the_same_contact_is_refused_naming_the_first(
        self, request_of_anna, contact, rita, api_of
    ):
        answer = api_of(rita).patch(
            f"/v1.0/contacts/{contact.pk}/details", {"details": {"personalInformation": {"firstName": "Jo"}}}
        )
        assert (answer.status, answer.sub_code) == (422, "PendingChangeRequestExists")
        assert answer.json["properties"] == {"changeRequestId": [str(request_of_anna.pk)]}

    def test_what_needs_no_approval_is_applied_while_a_request_is_pending(self, request_of_anna, contact, anna, api_of):
        body = {"details": {"relationship": {"notes": "called"}}}
        assert api_of(anna).patch(f"/v1.0/contacts/{contact.pk}/details", body).status == 200

    def test_an_invalid_submission_asks_for_nothing(self, contact, anna, api_of):
        body = {"details": {"personalInformation": {"lastName": 7}}}
        assert api_of(anna).patch(f"/v1.0/contacts/{contact.pk}/details", body).status == 422
        assert not ChangeRequest.objects.exists()


class TestReviewing:
    def test_the_initiator_cannot_review_its_own_request(self, request_of_anna, contact, anna, api_of):
        for approve in (True, False):
            answer = review(api_of(anna), request_of_anna, approve=approve)
            assert (answer.status, answer.sub_code) == (403, "OwnChangeRequest")
        assert last_name(contact) == "Spyri"

    def test_not_even_as_a_superuser(self, make_member, make_contact, api_of):
        root = make_member("root", is_superuser=True, sees_all_contacts=True)
        contact = make_contact()
        api_of(root).patch(f"/v1.0/contacts/{contact.pk}/details", NEW_NAME)
        answer = review(api_of(root), ChangeRequest.objects.get(), approve=True)
        assert (answer.status, answer.sub_code) == (403, "OwnChangeRequest")

    def test_without_the_permission_nobody_reviews(self, request_of_anna, make_member, api_of):
        colleague = make_member(sees_all_contacts=True)
        assert review(api_of(colleague), request_of_anna, approve=True).status == 403

    def test_an_app_does_not_review(self, request_of_anna, app):
        assert review(app, request_of_anna, approve=True).status == 403

    def test_a_reviewer_who_does_not_see_the_contact_finds_nothing(self, request_of_anna, make_member, api_of):
        stranger = make_member(reviews=True)
        assert review(api_of(stranger), request_of_anna, approve=True).status == 404

    def test_approval_makes_the_change_and_the_history_names_the_initiator(
        self, request_of_anna, contact, anna, rita, api_of
    ):
        assert review(api_of(rita), request_of_anna, approve=True, comment="seen the passport").status == 204
        assert last_name(contact) == "Heusser"
        request_of_anna.refresh_from_db()
        assert request_of_anna.status == Status.APPROVED
        assert (request_of_anna.review_member, request_of_anna.review_comment) == (rita, "seen the passport")
        made = contact.entries.first()
        assert (made.initiator_member, made.change_request, made.sequence) == (anna, request_of_anna, 2)

    def test_rejection_changes_nothing(self, request_of_anna, contact, rita, api_of):
        assert review(api_of(rita), request_of_anna, approve=False, comment="no passport").status == 204
        assert last_name(contact) == "Spyri"
        request_of_anna.refresh_from_db()
        assert (request_of_anna.status, list(request_of_anna.entries.all())) == (Status.REJECTED, [])

    @pytest.mark.parametrize("decided", [True, False])
    def test_what_is_decided_stays_decided(self, request_of_anna, rita, anna, api_of, decided):
        review(api_of(rita), request_of_anna, approve=decided)
        again = review(api_of(rita), request_of_anna, approve=not decided)
        assert (again.status, again.sub_code) == (422, "ChangeRequestNotPending")
        assert cancel(api_of(anna), request_of_anna).sub_code == "ChangeRequestNotPending"

    def test_an_outdated_request_cannot_be_approved_and_stays_pending(
        self, request_of_anna, contact, rita, app, api_of
    ):
        app.patch(
            f"/v1.0/contacts/{contact.pk}/details", {"details": {"personalInformation": {"lastName": "Zur Mühlen"}}}
        )
        answer = review(api_of(rita), request_of_anna, approve=True)
        assert (answer.status, answer.sub_code) == (422, "ChangeRequestOutdated")
        assert answer.places == {"personalInformation.lastName"}
        request_of_anna.refresh_from_db()
        assert request_of_anna.is_pending
        assert last_name(contact) == "Zur Mühlen"

    def test_a_change_elsewhere_does_not_make_a_request_outdated(self, request_of_anna, contact, rita, app, api_of):
        app.patch(f"/v1.0/contacts/{contact.pk}/details", {"details": {"relationship": {"notes": "x"}}})
        assert review(api_of(rita), request_of_anna, approve=True).status == 204
        assert last_name(contact) == "Heusser"
        assert contact.details["relationship"] == {"notes": "x"}

    def test_an_approved_email_still_waits_for_its_key(self, make_contact, anna, rita, api_of):
        contact = make_contact(members=[anna])
        patch = {"personalInformation": {"lastName": "Heusser"}, "contactInformation": {"email": "new@example.com"}}
        api_of(anna).patch(f"/v1.0/contacts/{contact.pk}/details", {"details": patch})
        assert review(api_of(rita), ChangeRequest.objects.get(), approve=True).status == 204
        read = api_of(anna).get(f"/v1.0/contacts/{contact.pk}/details").json
        assert (read["hasPendingEmail"], read["details"].get("contactInformation")) == (True, None)

    def test_an_approval_does_not_take_the_email_that_the_username_follows_by_now(
        self, make_contact, anna, rita, api_of, settings
    ):
        email = {"contactInformation": {"email": "b@example.com"}}
        contact = make_contact(details(**email), username="b@example.com", members=[anna])
        patch = {"personalInformation": {"lastName": "Heusser"}, "contactInformation": {"email": None}}
        api_of(anna).patch(f"/v1.0/contacts/{contact.pk}/details", {"details": patch})
        settings.USERNAME_FROM_EMAIL = True
        answer = review(api_of(rita), ChangeRequest.objects.get(), approve=True)
        assert (answer.status, answer.sub_code) == (422, "UsernameRequired")
        contact.refresh_from_db()
        assert (contact.username, contact.version) == ("b@example.com", 1)
        assert ChangeRequest.objects.get().status == Status.PENDING

    def test_a_request_under_another_contacts_address_is_not_found(self, request_of_anna, make_contact, rita, api_of):
        other = make_contact()
        path = f"/v1.0/contacts/{other.pk}/change-requests/{request_of_anna.pk}"
        assert api_of(rita).post(f"{path}/review", {"isApproved": True}).status == 404
        assert api_of(rita).get(path.replace("v1.0", "v1.1")).status == 404


class TestCancelling:
    def test_only_the_initiator_cancels(self, request_of_anna, rita, api_of):
        answer = cancel(api_of(rita), request_of_anna)
        assert (answer.status, answer.sub_code) == (403, "NotInitiator")

    def test_the_initiator_cancels_and_may_ask_again(self, request_of_anna, contact, anna, api_of):
        assert cancel(api_of(anna), request_of_anna).status == 204
        request_of_anna.refresh_from_db()
        assert request_of_anna.status == Status.CANCELLED
        assert api_of(anna).patch(f"/v1.0/contacts/{contact.pk}/details", NEW_NAME).json["isApprovalRequired"]


class TestReading:
    def test_a_request_is_shown_with_its_changes(self, request_of_anna, contact, anna, api_of):
        read = api_of(anna).get(f"/v1.1/contacts/{contact.pk}/change-requests/{request_of_anna.pk}")
        assert read.json == {
            "id": request_of_anna.pk,
            "uId": str(request_of_anna.uid),
            "contact": {"id": contact.pk, "uId": str(contact.uid), "name": "Johanna Spyri"},
            "status": {"id": 1, "name": "Pending"},
            "createDate": request_of_anna.created_at.isoformat().replace("+00:00", "Z"),
            "initiatorMember": {"uId": str(anna.uid), "name": "Anna Tester"},
            "initiatorComment": "married",
            "reviewDate": None,
            "reviewMember": None,
            "reviewComment": None,
            "details": [
                {
                    "path": "personalInformation.lastName",
                    "originalValue": "Spyri",
                    "targetValue": "Heusser",
                    "isApprovalRequired": True,
                }
            ],
        }

    def test_the_older_sibling_names_people_by_id_and_its_successor(self, request_of_anna, contact, anna, api_of):
        read = api_of(anna).get(f"/v1.0/contacts/{contact.pk}/change-requests/{request_of_anna.pk}")
        assert read.json["initiatorMember"] == {"id": anna.pk, "name": "Anna Tester"}
        assert read.headers["Deprecation"].startswith("@")
        successor = f"</v1.1/contacts/{contact.pk}/change-requests/{request_of_anna.pk}>"
        assert read.headers["Link"] == f'{successor}; rel="successor-version"'

    def test_whether_one_is_pending_can_be_asked(self, request_of_anna, contact, make_contact, rita, api_of):
        check = api_of(rita).get(f"/v1.1/contacts/{contact.pk}/pending-change-request/check").json
        assert check["hasPendingChangeRequest"] is True
        assert check["changeRequest"]["id"] == request_of_anna.pk
        none = api_of(rita).get(f"/v1.1/contacts/{make_contact().pk}/pending-change-request/check").json
        assert none == {"hasPendingChangeRequest": False, "changeRequest": None}

    def test_a_contact_does_not_read_requests_about_itself(self, request_of_anna, contact, api_of):
        assert api_of(contact).get(f"/v1.1/contacts/{contact.pk}/pending-change-request/check").status == 403

    def test_the_details_tell_of_the_pending_request(self, request_of_anna, contact, app):
        assert app.get(f"/v1.0/contacts/{contact.pk}/details").json["hasPendingChangeRequest"] is True

    @pytest.mark.parametrize(("language", "name"), [("en", "Pending"), ("de", "Pendent"), ("fr", "En attente")])
    def test_statuses_are_localized(self, app, language, name):
        statuses = app.get(f"/v1.0/contacts/change-requests/statuses?language={language}").json
        assert statuses["changeRequestStatuses"][0] == {"id": 1, "name": name}
