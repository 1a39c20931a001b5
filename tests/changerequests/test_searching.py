"""The current and the deprecated search of change requests."""

from datetime import UTC, datetime, timedelta

import pytest

from changerequests.models import Status
from tests.requests import make_requests

pytestmark = pytest.mark.django_db
PATH = "/v1.0/contacts/change-requests/search"
START = datetime(2026, 1, 1, tzinfo=UTC)


def make_request(contact, initiator, *, day=0, reviewer=None, **values):
    reviewed_at = START + timedelta(days=day, hours=1) if reviewer else None
    created_at = START + timedelta(days=day)
    return make_requests(
        contact.pk, initiator, created_at=created_at, reviewer=reviewer, reviewed_at=reviewed_at, **values
    )


@pytest.fixture
def head(make_member):
    return make_member("head")


@pytest.fixture
def anna(make_member, head):
    return make_member("anna", manager=head)


@pytest.fixture
def rita(make_member):
    return make_member("rita", sees_all_contacts=True)


@pytest.fixture
def requests(make_contact, anna, head, rita):
    """Four requests: two for anna's contact, one for head's own and one for a contact that only rita sees."""
    annas, heads, nobodys = make_contact(members=[anna]), make_contact(members=[head]), make_contact()
    return [
        make_request(annas, anna, day=0, status=Status.APPROVED, reviewer=rita),
        make_request(annas, anna, day=1, paths=["contactInformation.addresses"]),
        make_request(heads, head, day=2),
        make_request(nobodys, rita, day=3),
    ]


def found(answer):
    assert answer.status == 200, answer.json
    return [row["id"] for row in answer.json["results"]]


def ids(*requests):
    return [request.pk for request in requests]


def test_a_member_finds_requests_about_its_contacts_and_those_below_it(requests, anna, head, rita, api_of):
    assert found(api_of(anna).post(PATH, {})) == ids(requests[1], requests[0])
    assert found(api_of(head).post(PATH, {})) == ids(requests[2], requests[1], requests[0])
    assert found(api_of(head).post(PATH, {"excludeHierarchy": True})) == ids(requests[2])
    assert found(api_of(rita).post(PATH, {})) == ids(*reversed(requests))


def test_counts_tell_of_visible_rows_alone(requests, anna, api_of):
    answer = api_of(anna).post(PATH, {"pageSize": 1})
    assert {name: answer.json[name] for name in ("page", "pageSize", "pageCount", "totalCount")} == {
        "page": 1,
        "pageSize": 1,
        "pageCount": 2,
        "totalCount": 2,
    }


def test_criteria_combine_with_and(requests, rita, anna, api_of):
    api = api_of(rita)
    assert found(api.post(PATH, {"statusId": 2})) == ids(requests[0])
    assert found(api.post(PATH, {"initiatorMemberUids": [str(anna.uid)]})) == ids(requests[1], requests[0])
    assert found(api.post(PATH, {"initiatorMemberUids": [str(anna.uid)], "statusId": 1})) == ids(requests[1])
    assert found(api.post(PATH, {"reviewMemberUids": [str(rita.uid)]})) == ids(requests[0])
    assert found(api.post(PATH, {"contactIds": [requests[2].subject_id]})) == ids(requests[2])
    assert found(api.post(PATH, {"contactIds": []})) == ids(*reversed(requests))
    between = {"createDateFrom": "2026-01-02T00:00:00Z", "createDateTo": "2026-01-03T01:00:00+01:00"}
    assert found(api.post(PATH, between)) == ids(requests[2], requests[1])
    assert found(api.post(PATH, {"reviewDateFrom": "2026-01-01T01:00:00Z"})) == ids(requests[0])


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["personalInformation"], [3, 2, 0]),
        (["personalInformation.lastName"], [3, 2, 0]),
        (["personalInformation.last"], []),
        (["contactInformation.addresses", "personalInformation"], [3, 2, 1, 0]),
        (["contactInformation.addresses.city"], [1]),
        (["contactInformation.nothing.city"], []),
    ],
)
def test_a_path_matches_itself_and_what_is_below_it(requests, rita, api_of, paths, expected):
    assert found(api_of(rita).post(PATH, {"paths": paths})) == ids(*(requests[index] for index in expected))


@pytest.mark.parametrize(
    ("sort_by", "expected"),
    [
        ("Id", [0, 1, 2, 3]),
        ("StatusId", [1, 2, 3, 0]),
        ("CreateDate", [0, 1, 2, 3]),
        ("InitiatorMemberId", [2, 0, 1, 3]),
        ("ContactId", [0, 1, 2, 3]),
        ("ReviewDate", [1, 2, 3, 0]),
        ("ReviewMemberId", [1, 2, 3, 0]),
    ],
)
def test_results_are_sorted_as_asked(requests, rita, api_of, sort_by, expected):
    answer = api_of(rita).post(PATH, {"sortBy": sort_by, "sortOrder": "Ascending"})
    assert found(answer) == ids(*(requests[index] for index in expected))


def test_an_unknown_sort_or_criterion_is_refused(requests, rita, api_of):
    for body in ({"sortBy": "id"}, {"sortOrder": "Up"}, {"colour": "red"}, {"page": -1}, {"pageSize": 201}):
        answer = api_of(rita).post(PATH, body)
        assert (answer.status, answer.places) == (400, set(body))


def test_pages_count_from_one_and_zero_reads_as_one(requests, rita, api_of):
    api = api_of(rita)
    for page in (0, 1):
        answer = api.post(PATH, {"page": page, "pageSize": 3})
        assert (found(answer), answer.json["page"], answer.json["pageCount"]) == (ids(*reversed(requests[1:])), 1, 2)
    assert found(api.post(PATH, {"page": 2, "pageSize": 3})) == ids(requests[0])
    assert found(api.post(PATH, {"page": 2**31 - 1, "pageSize": 200})) == []


class TestInTheNameOfAMember:
    def test_a_member_searches_for_itself_and_those_below_but_nobody_else(self, requests, anna, head, api_of):
        path = "/v1.0/members/{}/contacts/change-requests/search"
        assert found(api_of(head).post(path.format(anna.pk), {})) == ids(requests[1], requests[0])
        assert found(api_of(head).post(path.format(head.pk), {"excludeHierarchy": True})) == ids(requests[2])
        assert api_of(anna).post(path.format(head.pk), {}).status == 404

    def test_an_app_searches_for_any_member_and_people_have_ids(self, requests, anna, app):
        answer = app.post(f"/v1.0/members/{anna.pk}/contacts/change-requests/search", {"initiatorMemberIds": [anna.pk]})
        assert found(answer) == ids(requests[1], requests[0])
        assert answer.json["results"][0]["initiatorMember"] == {"id": anna.pk, "name": "Anna Tester"}
        assert "Deprecation" in answer.headers

    def test_an_unknown_member_is_not_found(self, app):
        assert app.post("/v1.0/members/2147483647/contacts/change-requests/search", {}).status == 404


def test_the_number_of_queries_does_not_grow_with_the_rows(make_contact, anna, rita, api_of, count_queries):
    contact = make_contact(members=[anna])
    api, searched = api_of(anna), []
    for rows in (10, 150):
        make_requests(
            contact.pk,
            anna,
            number=rows,
            status=Status.REJECTED,
            reviewer=rita,
            reviewed_at=START,
            paths=["personalInformation"],
        )
        with count_queries() as queries:
            assert api.post(PATH, {"pageSize": 200, "paths": ["personalInformation"]}).status == 200
        searched.append(len(queries))
    assert searched[0] == searched[1] <= 5
