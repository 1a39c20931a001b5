"""Malformed bodies give a 400 or 413 ApiError with reason and place, never a 500."""

import pytest

from contactgroups.models import ContactGroup
from core.json import parse_json
from tests.fixtures import details

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(make_contact):
    return f"/v1.0/contacts/{make_contact().pk}/details"


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b'{"details": {"personalInfo', "line 1, column 14"),
        (b'{"details": {}} trailing', "line 1, column 17"),
        (b"{'details': {}}", "line 1, column 2"),
        (b'{"details": {}, "details": {}}', "details"),
        (b'{"details": {"relationship": {"notes": "a", "notes": "b"}}}', "notes"),
        (b'{"details": {"relationship": {"totalWealth": NaN}}}', "NaN"),
        (b'{"details": {"relationship": {"totalWealth": 1e999}}}', "1e999"),
        (b'{"details": {"relationship": {"totalWealth": ' + b"9" * 5000 + b"}}}", "digits"),
        (b'{"details": {"relationship": {"totalWealth": 12345678901234.567}}}', "12345678901234.567"),
        (b'{"details": {"relationship": {"totalWealth": 0.1000000000000000055}}}', "0.1000000000000000055"),
        (b'{"details": {"relationship": {"totalWealth": 9007199254740993}}}', "9007199254740993"),
        (b'{"details": {"relationship": {"totalWealth": 1e-400}}}', "1e-400"),
        (b'{"details": {"relationship": {"totalWealth": 1e-99999999999999999999}}}', "1e-9999"),
        (b'{"details": {"relationship": {"notes": "a\\u0000b"}}}', "NUL"),
        (b'{"details": {"relationship": {"no\\u0000tes": "ab"}}}', "NUL"),
        (b'{"details": {"relationship": {"notes": "\\ud800"}}}', "surrogate"),
        (b'{"details": {"relationship": {"notes": "a\x00b"}}}', "column"),
        (b'{"details": {"relationship": {"notes": "\xff"}}}', "UTF-8"),
        (b"\xff\xfe{\x00}\x00", "The body is UTF-16. Send it in UTF-8."),
        (b"\x1f\x8b\x08", "gzipped"),
        (b'{"details": {}} trailing', "something follows after the end"),
        (b'{"details": {},}', "a comma comes before the closing }: remove it"),
        (b'{"details": {}},', "a comma follows the end: remove it"),
        (b'{"details": {},', "it ends too early"),
        (b"{'details': {}}", "double quotes"),
        (b"{details: {}}", "the name “details” has no double quotes"),
        (b'{"details": None}', "“None” was not expected"),
        (b'{"details": {"a": "one\ntwo"}}', "line break"),
        (b'{"details": {"a": "C:\\dir"}}', "backslash"),
        (b'{"details": \xef\xbb\xbf{}}', "byte order mark in the middle"),
        (b"%7B%22details%22%3A%7B%7D%7D", "percent-encoded"),
        (b'{"details": ' + b'{"a":' * 100 + b"1" + b"}" * 100 + b"}", "64 levels"),
        (b'{"details": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "64 levels"),
    ],
)
def test_a_body_that_is_no_good_json_is_refused(app, path, raw, says):
    for method in ("PATCH", "PUT"):
        answer = app.call(method, path, raw=raw)
        assert (answer.status, answer.json["code"]) == (400, "BadRequest")
        assert says in answer.json["message"]


@pytest.mark.parametrize(
    "number", [b"1e22", b"0.1", b"-0.0", b"1.50", b"5e-324", b"9007199254740992", b"123456789012345"]
)
def test_numbers_that_a_double_holds_are_read(number):
    assert parse_json(number) == float(number)


@pytest.mark.parametrize("body", [[], "text", 7, None, True, {"details": []}, {"details": None}, {"details": "x"}, {}])
def test_a_body_of_the_wrong_shape_is_refused(app, path, body):
    raw = b"null" if body is None else None
    answer = app.patch(path, body, raw=raw)
    assert (answer.status, answer.json["code"]) == (400, "BadRequest")


def test_an_empty_body_lacks_what_is_required(app, path):
    assert app.patch(path, raw=b"").places == {"details"}


def test_unknown_properties_are_named(app, path):
    answer = app.patch(path, {"details": {}, "force": True, "comment": 7})
    assert answer.status == 400
    assert answer.places == {"force", "comment"}


def test_an_escaped_backslash_before_u0000_is_text(app, path):
    answer = app.patch(path, raw=b'{"details": {"relationship": {"notes": "a\\\\u0000b"}}}')
    assert answer.status == 200
    assert app.get(path).json["details"]["relationship"]["notes"] == "a\\u0000b"


def test_a_megabyte_of_text_is_against_the_schema_and_ten_are_too_many(app, path):
    one = app.patch(path, {"details": {"personalInformation": {"lastName": "x" * 1_000_000}}})
    assert (one.status, one.places) == (422, {"personalInformation.lastName"})
    assert len(str(one.json)) < 2_000
    ten = app.patch(path, {"details": {"personalInformation": {"lastName": "x" * 11_000_000}}})
    assert (ten.status, ten.json["code"]) == (413, "BadRequest")


@pytest.mark.parametrize("identity", ["0", "2147483648", "99999999999999999999", "-1", "abc", "1e3", "%00"])
def test_an_id_that_cannot_be_is_not_found(app, identity):
    for path in (f"/v1.0/contacts/{identity}/details", f"/v1.1/contacts/1/change-requests/{identity}"):
        answer = app.get(path)
        assert (answer.status, answer.json["code"]) == (404, "NotFound")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"page": "1"}, "page"),
        ({"page": True}, "page"),
        ({"page": 2**31}, "page"),
        ({"page": -1}, "page"),
        ({"page": 1.5}, "page"),
        ({"pageSize": 10**12}, "pageSize"),
        ({"statusId": "Pending"}, "statusId"),
        ({"contactIds": 7}, "contactIds"),
        ({"contactIds": [2**31]}, "contactIds[0]"),
        ({"contactIds": [1, "2"]}, "contactIds[1]"),
        ({"initiatorMemberUids": ["not-a-uid"]}, "initiatorMemberUids[0]"),
        ({"initiatorMemberUids": [7]}, "initiatorMemberUids[0]"),
        ({"createDateFrom": "yesterday"}, "createDateFrom"),
        ({"createDateFrom": 20260101}, "createDateFrom"),
        ({"createDateFrom": "9999-12-31T23:59:59-23:59"}, "createDateFrom"),
        ({"excludeHierarchy": "yes"}, "excludeHierarchy"),
        ({"sortBy": "password"}, "sortBy"),
        ({"sortOrder": "ascending"}, "sortOrder"),
        ({"paths": [7]}, "paths[0]"),
        ({"paths": {"a": 1}}, "paths"),
        ({"unknown": None}, "unknown"),
    ],
)
def test_a_criterion_of_the_wrong_type_is_named(app, body, place):
    answer = app.post("/v1.0/contacts/change-requests/search", body)
    assert (answer.status, answer.json["code"]) == (400, "BadRequest")
    assert answer.places == {place}


def test_a_whole_number_may_be_written_with_a_point(app):
    answer = app.post(
        "/v1.0/contacts/change-requests/search", raw=b'{"page": 1.0, "pageSize": 2e0, "contactIds": [7.0]}'
    )
    assert (answer.status, answer.json["page"], answer.json["pageSize"]) == (200, 1, 2)


def searches(contact):
    history = f"contacts/{contact.pk}/details/change-history/search"
    yield "/v1.0/change-requests/search", {"kinds", "statusIds", "initiatorMemberUids"}, {"isMineToDecide", "isOverdue"}
    yield (
        "/v1.0/contacts/change-requests/search",
        {"initiatorMemberUids", "contactIds", "reviewMemberUids", "paths"},
        {"excludeHierarchy", "sortOrder", "sortBy", "statusId"},
    )
    yield f"/v1.0/{history}", {"initiatorPersonIds", "paths"}, {"sortOrder", "sortBy"}
    yield f"/v1.1/{history}", {"initiatorPersonUids", "paths"}, {"sortOrder", "sortBy"}
    yield "/v1.0/contact-groups/search", {"contactIds", "contactGroupIds", "externalIds"}, {"name"}


def test_an_empty_array_of_criteria_is_none_and_null_is_absent(app, make_contact, case):
    contact = make_contact()
    ContactGroup.objects.create(name="Family")
    for path, arrays, others in searches(contact):
        absent = app.post(path, {}).json
        assert absent["totalCount"] == (0 if "change-requests" in path else 1)
        for name in arrays:
            with case(path, name):
                assert app.post(path, {name: []}).json == absent
        with case(path, "null"):
            answer = app.post(path, dict.fromkeys({"page", "pageSize"} | arrays | others))
            assert (answer.status, answer.json) == (200, absent)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1.0/contacts/1/change-requests/1/cancel"),
        ("POST", "/v1.0/change-requests/1/cancel"),
        ("DELETE", "/v1.0/contacts/1/profile-picture"),
        ("DELETE", "/v1.0/change-requests/1/claim"),
        ("DELETE", "/v1.0/contactgroups/1"),
    ],
)
def test_a_property_of_a_body_that_there_is_none_of_is_not_ignored(api_of, make_member, method, path):
    root = api_of(make_member(is_superuser=True))
    answer = root.call(method, path, {"comment": "No"})
    assert (answer.status, answer.places) == (400, {"comment"})
    for raw in (b"", b"{}"):
        assert root.call(method, path, raw=raw).status == 404


@pytest.mark.parametrize(
    ("method", "path", "sub_code"),
    [
        ("PUT", "username", "UsernameRequired"),
        ("POST", "external-connections", "ValidationFailed"),
        ("PUT", "profile-picture", "ValidationFailed"),
        ("POST", "communication-verification/verify", "NothingPending"),
    ],
)
def test_what_may_be_null_may_be_absent(app, make_contact, method, path, sub_code):
    body = {"channel": "Email"} if "verify" in path else {}
    names = {"username": "username", "external-connections": "externalId", "profile-picture": "imageContentBase64"}
    address = f"/v1.0/contacts/{make_contact().pk}/{path}"
    for sent in (body, {**body, names.get(path, "key"): None}):
        answer = app.call(method, address, sent)
        assert (answer.status, answer.sub_code) == (422, sub_code)


def test_a_page_far_beyond_the_end_is_empty(app):
    answer = app.post("/v1.0/contacts/change-requests/search", {"page": 2**31 - 1, "pageSize": 200})
    assert (answer.status, answer.json["results"]) == (200, [])


@pytest.mark.parametrize("approval", ["yes", 1, "true", None, []])
def test_an_approval_is_true_or_false_and_nothing_like_it(make_member, api_of, approval):
    answer = api_of(make_member(reviews=True)).post(
        "/v1.0/contacts/1/change-requests/1/review", {"isApproved": approval}
    )
    assert (answer.status, answer.places) == (400, {"isApproved"})


def test_unknown_list_items_and_a_state_of_another_country_are_named(app, path):
    document = details(
        contactInformation={
            "addresses": [
                {"type": "domicile", "city": "Zürich", "country": "CH", "state": "CH-ZH"},
                {"type": "domicile", "city": "Konstanz", "country": "DE", "state": "CH-ZH"},
                {"type": "castle", "city": "Zürich", "country": "XX"},
            ]
        }
    )
    answer = app.put(path, {"details": document})
    assert answer.status == 422
    assert answer.places == {
        "contactInformation.addresses[1].state",
        "contactInformation.addresses[2].type",
        "contactInformation.addresses[2].country",
    }


def test_hostile_keys_in_details_are_named_and_refused(app, path):
    for key in ("__proto__", "a.b", "a" * 10_000, "'; DROP TABLE contacts_contact; --", "{0.__class__}", "%s", ""):
        answer = app.patch(path, {"details": {key: 1}})
        assert (answer.status, answer.sub_code) == (422, "ValidationFailed")
