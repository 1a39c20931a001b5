"""Searching and reading requests of all kinds."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.actor import member_actor
from changerequests.kinds import request_kind
from changerequests.models import Absence, ChangeRequest, Verdict
from changerequests.policies import Stage
from changerequests.services.deciding import decide
from changerequests.services.policies import POLICIES, POLICY_KIND
from contacts.models import CONTACT_DETAILS
from core.documents import Change
from legalentities.models import LEGAL_ENTITY_DETAILS, LegalEntity
from tests.changerequests.requesting import LAST_NAME, SEARCH, address, opened, renaming
from tests.changerequests.reviewing import QUEUE
from tests.fixtures import without_triggers
from tests.legalentities.conftest import make_legal_entity, policy  # noqa: F401 - fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
TODAY = timezone.now().astimezone(UTC).date()


@pytest.fixture
def about_contact(contact, anna):
    return renaming(contact, by=anna, comment="As on the passport")


@pytest.fixture
def about_company(make_legal_entity, contact, anna):  # noqa: F811
    company = make_legal_entity(contact)
    return opened(LEGAL_ENTITY_DETAILS, {company.pk: [Change("name", "Alpöhi Holding AG", "Alpöhi AG")]}, by=anna)


@pytest.fixture
def about_policies(anna):
    changes = [Change(f"{CONTACT_DETAILS}.isDigestRequired", False, True)]
    return opened(POLICY_KIND, {POLICIES: changes}, by=anna)


@pytest.fixture
def about_two(make_contact, anna):
    return renaming(make_contact(members=[anna]), make_contact(members=[anna]), by=anna)


@pytest.fixture
def of_each_kind(about_contact, about_company, about_policies):
    return [about_contact, about_company, about_policies]


def found(answer) -> set[int]:
    assert answer.status == 200, answer.json
    return {row["id"] for row in answer.json["results"]}


def ids(*requests: ChangeRequest) -> set[int]:
    return {request.pk for request in requests}


class TestSearching:
    def test_who_sees_nothing_finds_nothing(self, of_each_kind, make_member, api_of):
        assert found(api_of(make_member()).post(SEARCH, {})) == set()

    def test_a_reviewer_finds_all_kinds_in_one_search_latest_first(self, of_each_kind, rita, api_of):
        answer = api_of(rita).post(SEARCH, {})
        assert [row["id"] for row in answer.json["results"]] == [request.pk for request in reversed(of_each_kind)]
        assert {row["kind"] for row in answer.json["results"]} == {CONTACT_DETAILS, LEGAL_ENTITY_DETAILS, POLICY_KIND}
        assert (answer.json["page"], answer.json["totalCount"]) == (1, 3)

    def test_a_member_finds_what_is_about_its_subjects(self, of_each_kind, about_contact, about_company, anna, api_of):
        assert found(api_of(anna).post(SEARCH, {})) == ids(about_contact, about_company)

    def test_a_member_who_may_ask_for_policies_finds_those(self, of_each_kind, about_policies, make_member, api_of):
        asking = make_member(permissions=["change_policies"])
        assert found(api_of(asking).post(SEARCH, {})) == ids(about_policies)

    def test_an_application_finds_what_it_sees(
        self, of_each_kind, about_contact, about_company, make_app, make_participant, app, api_of
    ):
        assert found(app.post(SEARCH, {})) == ids(about_contact, about_company)
        assert found(api_of(make_app(participants=[make_participant()])).post(SEARCH, {})) == set()

    def test_a_request_about_several_subjects_is_found_by_who_sees_all_of_them(
        self, about_two, make_member, make_contact, rita, anna, api_of
    ):
        assert found(api_of(rita).post(SEARCH, {})) == found(api_of(anna).post(SEARCH, {})) == ids(about_two)
        partner = make_member()
        contact = make_contact(members=[partner])
        mixed = renaming(contact, make_contact(), by=anna)
        assert mixed.pk not in found(api_of(partner).post(SEARCH, {}))

    def test_a_row_has_the_shape_of_the_contract(self, about_contact, contact, anna, rita, api_of):
        [row] = api_of(rita).post(f"{SEARCH}?language=de", {}).json["results"]
        assert row == {
            "id": about_contact.pk,
            "uId": str(about_contact.uid),
            "kind": CONTACT_DETAILS,
            "subject": {"kind": CONTACT_DETAILS, "id": contact.pk, "uId": str(contact.uid), "name": "Johanna Spyri"},
            "subjectCount": 1,
            "status": {"id": 1, "name": "Pendent"},
            "isOutdated": False,
            "createDate": about_contact.created_at.isoformat().replace("+00:00", "Z"),
            "dueDate": None,
            "initiator": {"kind": "member", "uId": str(anna.uid), "name": "Anna Tester"},
            "initiatorComment": "As on the passport",
            "revision": 1,
            "claimedBy": None,
        }

    def test_several_subjects_are_counted(self, about_two, rita, api_of):
        [row] = api_of(rita).post(SEARCH, {}).json["results"]
        assert row["subject"] == {"kind": CONTACT_DETAILS, "id": None, "uId": None, "name": "2 entries"}
        assert (row["subjectCount"], row["isOutdated"]) == (2, False)

    def test_an_outdated_request_says_so(self, about_contact, contact, app, rita, api_of):
        app.patch(f"/v1.0/contacts/{contact.pk}/details", {"details": {"personalInformation": {"lastName": "Other"}}})
        [row] = api_of(rita).post(SEARCH, {}).json["results"]
        assert row["isOutdated"] is True


class TestCriteria:
    def test_kinds(self, of_each_kind, about_company, about_policies, rita, api_of):
        answer = api_of(rita).post(SEARCH, {"kinds": [LEGAL_ENTITY_DETAILS, POLICY_KIND]})
        assert found(answer) == ids(about_company, about_policies)

    def test_an_unknown_kind_is_refused(self, rita, api_of):
        answer = api_of(rita).post(SEARCH, {"kinds": [CONTACT_DETAILS, "nonsense"]})
        assert (answer.status, answer.places) == (400, {"kinds[1]"})

    def test_an_unknown_criterion_is_refused(self, rita, api_of):
        assert api_of(rita).post(SEARCH, {"sortOrder": "Ascending"}).status == 400

    def test_null_and_an_empty_list_are_no_criterion(self, of_each_kind, rita, api_of):
        names = ("kinds", "statusIds", "initiatorMemberUids", "isOverdue", "createDateFrom", "createDateTo")
        assert found(api_of(rita).post(SEARCH, dict.fromkeys(names))) == ids(*of_each_kind)
        assert found(api_of(rita).post(SEARCH, {name: [] for name in names[:3]})) == ids(*of_each_kind)

    def test_statuses(self, about_contact, about_company, rita, api_of):
        decide(actor=member_actor(rita), change_request_id=about_contact.pk, verdict=Verdict.REJECT)
        decide(actor=member_actor(rita), change_request_id=about_company.pk, verdict=Verdict.RETURN)
        api = api_of(rita)
        assert found(api.post(SEARCH, {"statusIds": [3]})) == ids(about_contact)
        assert found(api.post(SEARCH, {"statusIds": [5]})) == ids(about_company)
        assert found(api.post(SEARCH, {"statusIds": [1]})) == set()

    def test_initiators_and_dates(self, of_each_kind, anna, rita, api_of):
        api = api_of(rita)
        assert found(api.post(SEARCH, {"initiatorMemberUids": [str(rita.uid)]})) == set()
        assert found(api.post(SEARCH, {"initiatorMemberUids": [str(anna.uid)]})) == ids(*of_each_kind)
        moment = of_each_kind[1].created_at.isoformat()
        assert found(api.post(SEARCH, {"createDateFrom": moment})) == ids(*of_each_kind[1:])
        assert found(api.post(SEARCH, {"createDateTo": moment})) == ids(*of_each_kind[:2])

    def test_overdue(self, make_contact, anna, rita, api_of):
        soon = renaming(make_contact(), by=anna, stages=(Stage("Review", hours=1),))
        late = renaming(make_contact(), by=anna, stages=(Stage("Review", hours=1),))
        ever = renaming(make_contact(), by=anna)
        ChangeRequest.objects.filter(pk=late.pk).update(due_at=timezone.now() - timedelta(hours=1))
        assert found(api_of(rita).post(SEARCH, {"isOverdue": True})) == ids(late)
        assert found(api_of(rita).post(SEARCH, {"isOverdue": False})) == ids(soon, ever)
        decide(actor=member_actor(rita), change_request_id=late.pk, verdict=Verdict.REJECT)
        assert found(api_of(rita).post(SEARCH, {"isOverdue": True})) == set()


class TestMineToDecide:
    MINE = {"isMineToDecide": True}

    def test_not_without_the_permission_and_not_for_applications(self, of_each_kind, make_member, app, api_of):
        colleague = make_member(sees_all_contacts=True)
        assert found(api_of(colleague).post(SEARCH, self.MINE)) == set()
        assert found(app.post(SEARCH, self.MINE)) == set()

    def test_what_a_reviewer_sees_of_others_is(self, of_each_kind, rita, api_of):
        assert found(api_of(rita).post(SEARCH, self.MINE)) == ids(*of_each_kind)

    def test_permissions_may_come_from_a_group(self, about_contact, make_member, rita, api_of):
        reviewers = Group.objects.create(name="Reviewers")
        reviewers.permissions.set(rita.user.user_permissions.all())
        grouped = make_member(sees_all_contacts=True)
        grouped.user.groups.add(reviewers)
        assert found(api_of(grouped).post(SEARCH, self.MINE)) == ids(about_contact)

    def test_own_requests_and_decided_ones_are_not(self, make_contact, make_member, rita, anna, api_of):
        two = (Stage("Review", approvals=2),)
        own = renaming(make_contact(), by=rita)
        half = renaming(make_contact(), by=anna, stages=two)
        done = renaming(make_contact(), by=anna)
        assert found(api_of(rita).post(SEARCH, self.MINE)) == ids(half, done)
        decide(actor=member_actor(rita), change_request_id=half.pk, verdict=Verdict.APPROVE)
        decide(actor=member_actor(rita), change_request_id=done.pk, verdict=Verdict.RETURN)
        assert found(api_of(rita).post(SEARCH, self.MINE)) == set()
        other = make_member(reviews=True, sees_all_contacts=True)
        assert found(api_of(other).post(SEARCH, self.MINE)) == ids(own, half)

    def test_only_those_that_wait_for_a_group_of_the_member_are(self, make_contact, rita, anna, api_of):
        group = Group.objects.create(name="Compliance")
        request = renaming(make_contact(), by=anna, stages=(Stage("Compliance", group_id=group.pk),))
        assert found(api_of(rita).post(SEARCH, self.MINE)) == set()
        rita.user.groups.add(group)
        assert found(api_of(rita).post(SEARCH, self.MINE)) == ids(request)

    def test_a_substitute_finds_what_it_is_lent_sight_of(self, about_contact, make_member, rita, api_of):
        substitute = make_member(reviews=True)
        assert found(api_of(substitute).post(SEARCH, self.MINE)) == set()
        Absence.objects.create(member=rita, substitute=substitute, starts_on=TODAY, ends_on=TODAY)
        assert found(api_of(substitute).post(SEARCH, self.MINE)) == ids(about_contact)
        assert found(api_of(substitute).post(SEARCH, {})) == set()

    def test_not_what_a_represented_member_asked_for_or_decided(
        self, about_contact, make_member, make_contact, rita, anna, api_of
    ):
        substitute = make_member(reviews=True, sees_all_contacts=True)
        Absence.objects.create(member=anna, substitute=substitute, starts_on=TODAY, ends_on=TODAY)
        assert found(api_of(substitute).post(SEARCH, self.MINE)) == set()
        other = make_member()
        half = renaming(make_contact(), by=other, stages=(Stage("Review", approvals=2),))
        assert found(api_of(substitute).post(SEARCH, self.MINE)) == ids(half)
        decide(actor=member_actor(rita), change_request_id=half.pk, verdict=Verdict.APPROVE)
        assert found(api_of(substitute).post(SEARCH, self.MINE)) == ids(half)
        Absence.objects.create(member=rita, substitute=substitute, starts_on=TODAY, ends_on=TODAY)
        assert found(api_of(substitute).post(SEARCH, self.MINE)) == set()


class TestListing:
    @pytest.mark.parametrize("with_documents", [True, False])
    def test_a_list_shows_what_the_page_shows(self, of_each_kind, with_documents):
        for request in of_each_kind:
            kind = request_kind(request.kind)
            listed = kind.listed([request.subject_id], with_documents=with_documents)
            if listed is not None:
                view = kind.subjects([request.subject_id])[request.subject_id]
                document = view.document if with_documents else {}
                assert list(listed) == [(kind.key, view.id, view.uid, view.name, document)]

    def test_a_subject_without_a_name_is_listed_by_its_uid(self, about_company, rita, api_of):
        company = LegalEntity.objects.get(pk=about_company.subject_id)
        with without_triggers():
            LegalEntity.objects.filter(pk=company.pk).update(details={})
        [row] = api_of(rita).post(SEARCH, {}).json["results"]
        assert row["subject"]["name"] == row["subject"]["uId"] == str(company.uid)


class TestReading:
    def test_what_the_caller_does_not_see_is_not_found(self, of_each_kind, about_two, make_member, api_of):
        api = api_of(make_member())
        for request in (*of_each_kind, about_two):
            assert api.get(address(request)).status == 404
            assert api.get(address(request, "/entries")).status == 404
        assert api.get("/v1.0/change-requests/2147483648").status == 404

    def test_an_application_does_not_see_policies(self, about_policies, app):
        assert app.get(address(about_policies)).status == 404

    def test_a_substitute_reads_what_it_is_lent_sight_of(self, about_contact, make_member, rita, api_of):
        substitute = make_member(reviews=True)
        Absence.objects.create(member=rita, substitute=substitute, starts_on=TODAY, ends_on=TODAY)
        assert api_of(substitute).get(address(about_contact)).status == 200

    def test_a_request_is_shown_with_stages_decisions_and_values_of_today(
        self, make_contact, make_member, anna, rita, app, api_of
    ):
        contact = make_contact()
        stages = (Stage("First", approvals=2, hours=24), Stage("Second"))
        request = renaming(contact, by=anna, stages=stages)
        decide(actor=member_actor(rita), change_request_id=request.pk, verdict=Verdict.APPROVE, comment="Seen it")
        app.patch(f"/v1.0/contacts/{contact.pk}/details", {"details": {"personalInformation": {"lastName": "Other"}}})
        read = api_of(rita).get(f"{address(request)}?language=de").json
        first, second = read["stages"]
        assert (first["name"], first["approvalsNeeded"], second["name"], second["decisions"]) == (
            "First",
            2,
            "Second",
            [],
        )
        assert (first["dueDate"], second["dueDate"]) == (read["dueDate"], None)
        [decision] = first["decisions"]
        assert datetime.fromisoformat(decision.pop("decidedAt")) <= timezone.now()
        assert decision == {
            "member": {"uId": str(rita.uid), "name": "Rita Tester"},
            "onBehalfOf": None,
            "verdict": "approve",
            "comment": "Seen it",
            "paths": None,
        }
        assert read["details"] == [
            {
                "path": LAST_NAME,
                "label": "Nachname",
                "originalValue": "Spyri",
                "currentValue": "Other",
                "targetValue": "Heusser",
                "isApprovalRequired": True,
            }
        ]
        assert (read["isOutdated"], len(read["digest"])) == (True, 64)

    def test_values_that_are_no_text_are_json(self, about_policies, rita, api_of):
        [change] = api_of(rita).get(address(about_policies)).json["details"]
        assert (change["originalValue"], change["targetValue"], change["currentValue"]) == ("false", "true", "false")

    def test_a_legal_entity_is_named(self, about_company, rita, api_of):
        read = api_of(rita).get(address(about_company)).json
        assert read["subject"]["name"] == "Alpöhi Holding AG"
        assert read["subject"]["kind"] == read["kind"] == LEGAL_ENTITY_DETAILS
        assert read["details"][0]["targetValue"] == "Alpöhi AG"

    def test_a_decided_request_is_not_due_or_outdated(self, make_contact, anna, rita, api_of):
        request = renaming(make_contact(), by=anna, stages=(Stage("Review", hours=1),))
        decide(actor=member_actor(rita), change_request_id=request.pk, verdict=Verdict.APPROVE)
        read = api_of(rita).get(address(request)).json
        assert (read["status"]["id"], read["dueDate"], read["isOutdated"]) == (2, None, False)
        assert read["details"][0]["currentValue"] == "Heusser"

    def test_details_of_several_subjects_are_in_the_entries(self, about_two, rita, api_of):
        read = api_of(rita).get(address(about_two)).json
        assert (read["details"], read["subjectCount"], read["subject"]["id"]) == ([], 2, None)


class TestEntries:
    def test_each_names_its_subject_and_whether_it_is_outdated(self, about_two, app, rita, api_of):
        first, second = about_two.subjects.all()
        body = {"details": {"personalInformation": {"lastName": "Other"}}}
        app.patch(f"/v1.0/contacts/{second.subject_id}/details", body)
        page = api_of(rita).get(address(about_two, "/entries")).json
        assert (page["page"], page["pageSize"], page["pageCount"], page["totalCount"]) == (1, 20, 1, 2)
        one, other = page["results"]
        assert (one["entryId"], other["entryId"]) == (first.pk, second.pk)
        assert (one["isOutdated"], other["isOutdated"]) == (False, True)
        assert (one["subject"]["id"], one["subject"]["kind"]) == (first.subject_id, CONTACT_DETAILS)
        assert (one["details"][0]["currentValue"], other["details"][0]["currentValue"]) == ("Spyri", "Other")

    def test_they_are_paged(self, about_two, rita, api_of):
        _first, second = about_two.subjects.all()
        page = api_of(rita).get(address(about_two, "/entries?page=2&pageSize=1")).json
        assert ([entry["entryId"] for entry in page["results"]], page["pageCount"]) == ([second.pk], 2)
        assert api_of(rita).get(address(about_two, "/entries?page=x")).status == 400
        assert api_of(rita).get(address(about_two, "/entries?sortOrder=Ascending")).status == 400

    def test_a_request_about_one_subject_has_one(self, about_contact, contact, rita, api_of):
        [entry] = api_of(rita).get(address(about_contact, "/entries")).json["results"]
        assert entry["subject"]["id"] == contact.pk


class TestBudgets:
    """Statements besides those that find the token."""

    @pytest.fixture
    def statements(self, count_queries):
        def measured(call) -> int:
            call()
            with count_queries() as queries:
                assert call().status == 200
            return len([query for query in queries if "oauth2_provider_accesstoken" not in query["sql"]])

        return measured

    def test_a_search_of_three_kinds_takes_five_and_more_rows_take_no_more(
        self, of_each_kind, about_two, make_contact, anna, rita, app, api_of, statements
    ):
        for api in (api_of(rita), app):
            few = statements(lambda api=api: api.post(SEARCH, {"pageSize": 200}))
            assert few <= 5
        for _number in range(5):
            renaming(make_contact(), by=anna)
            renaming(make_contact(), make_contact(), by=anna)
        assert statements(lambda: api_of(rita).post(SEARCH, {"pageSize": 200})) <= 5

    def test_what_is_mine_to_decide_takes_one_more_for_those_who_are_away(self, of_each_kind, rita, api_of, statements):
        api = api_of(rita)
        one_kind = {"isMineToDecide": True, "kinds": [CONTACT_DETAILS]}
        assert statements(lambda: api.post(SEARCH, one_kind)) == 4
        assert statements(lambda: api.post(SEARCH, {"isMineToDecide": True})) == 5

    def test_kinds_whose_subjects_are_rows_share_a_statement(self, of_each_kind, rita, api_of, statements):
        api = api_of(rita)
        one, two = (
            statements(lambda kinds=kinds: api.post(SEARCH, {"kinds": kinds}))
            for kinds in ([CONTACT_DETAILS], [CONTACT_DETAILS, LEGAL_ENTITY_DETAILS])
        )
        assert one == two == 3

    def test_the_queue_of_all_kinds_takes_thirteen_with_those_of_the_session_and_of_the_bell(
        self, of_each_kind, about_two, rita, admin_of, count_queries
    ):
        browser = admin_of(rita)
        browser.get(QUEUE)
        with count_queries() as queries:
            assert browser.get(QUEUE).context["cl"].result_count == len(of_each_kind) + 1
        assert len(queries) <= 13

    def test_entries_take_as_many_for_twenty_as_for_two(self, about_two, make_contact, anna, rita, api_of, statements):
        many = renaming(*(make_contact() for _number in range(20)), by=anna)
        api = api_of(rita)
        few, more = (
            statements(lambda request=request: api.get(address(request, "/entries?pageSize=200")))
            for request in (about_two, many)
        )
        assert few == more <= 5
        assert statements(lambda: api.get(address(about_two))) == statements(lambda: api.get(address(many)))
