"""Operations reject properties that they do not define, including read-only ones."""

from itertools import product

import pytest

from tests.security.conftest import nothing_changes
from tests.security.test_objects_of_others import address
from tests.test_permissions import CONTACT, OPERATIONS, REVIEWER

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

WITH_BODY = [operation for operation in OPERATIONS if isinstance(operation.body, dict)]
# What answers show, or what columns are called: the things that somebody would try.
ATTEMPTS = {
    "id": 1,
    "uid": "00000000-0000-4000-8000-000000000000",
    "version": 99,
    "status": 2,
    "participants": [1],
    "member_ids": [1],
    "isApprovalRequired": False,
    "initiator_member": 1,
    "reviewMemberId": 1,
    "sees_all_contacts": True,
    "anonymized_at": None,
    "__proto__": {"isAdmin": True},
    "user": {"is_superuser": True},
}


@pytest.fixture
def callers(ours, api_of):
    return {REVIEWER: api_of(ours.member), CONTACT: api_of(ours.contact), "app": api_of(ours.app)}


def test_every_writing_operation_refuses_what_it_does_not_name(callers, ours, case):
    for operation, (kind, api) in product(WITH_BODY, callers.items()):
        if kind not in operation.open_to:
            continue
        path = address(operation, ours) if "{key}" not in operation.path and "{listKey}" not in operation.path else ""
        path = path or operation.path.format(key="contact", listKey="country")
        known = set(operation.body)
        attempts = {name: value for name, value in ATTEMPTS.items() if name not in known}
        with case(operation, kind):
            with nothing_changes():
                answer = api.call(operation.method, path, {**operation.body, **attempts})
            if (answer.status, answer.json["code"]) == (403, "Forbidden"):
                continue  # a right that this caller lacks: another one's answer counts
            assert (answer.status, answer.json["code"]) == (400, "BadRequest"), answer.json
            assert answer.places >= attempts.keys()


@pytest.mark.parametrize(
    ("method", "path", "body", "place"),
    [
        (
            "PUT",
            "/v1.0/contactgroups/{group}",
            {"contacts": [{"contactId": 1, "accessPolicyId": 1, "name": "x"}]},
            "contacts[0].name",
        ),
        (
            "POST",
            "/v2.0/contacts/{contact}/contactgroups",
            {"contacts": [{"contactId": 1, "accessPolicyId": 1, "group": 2}]},
            "contacts[0].group",
        ),
        (
            "POST",
            "/v1.1/legalentities",
            {"details": {}, "contacts": [{"contactId": 1, "accessPolicyId": 1, "id": 2}]},
            "contacts[0].id",
        ),
    ],
)
def test_nested_properties_are_refused_by_their_place(method, path, body, place, callers, ours):
    with nothing_changes():
        answer = callers["app"].call(method, path.format(group=ours.group.pk, contact=ours.contact.pk), body)
    assert answer.status == 400
    assert answer.places == {place}


def test_details_are_closed_at_every_level(callers, ours, case):
    """The schema alone says what a document may hold: 422, naming the path."""
    path = f"/v1.0/contacts/{ours.contact.pk}/details"
    documents = [
        {"id": 1},
        {"uid": "x"},
        {"version": 7},
        {"username": "root"},
        {"personalInformation": {"isAdmin": True}},
        {"contactInformation": {"addresses": [{"street": "x", "owner": 1}]}},
    ]
    for document, (kind, api) in product(documents, callers.items()):
        with case(document, kind), nothing_changes():
            assert api.patch(path, {"details": document}).status == 422


def test_graphql_takes_no_property_beside_the_query(callers):
    for extra in ({"extensions": {}}, {"id": "x"}, {"scopes": ["anonymize"]}):
        answer = callers["app"].post("/graphql", {"query": "{ __typename }", **extra})
        assert (answer.status, answer.places) == (400, set(extra))
    mutation = callers["app"].post("/graphql", {"query": "mutation { contacts { id } }"}).json
    assert mutation["errors"][0]["extensions"]["code"] == "BadRequest"


def test_a_form_of_the_admin_sets_what_it_shows_and_no_more(ours, admin_of, make_member):
    """Columns that are no field of the form are ignored by it, as forms do."""
    browser = admin_of(make_member("boss", is_superuser=True))
    sent = {"name": "x", "purpose": "service", "allowed_scopes": ["exports"], "client_secret": "known"}
    sent |= {"skip_authorization": "on", "authorization_grant_type": "password", "client_type": "public", "user": "1"}
    sent |= {"previous_secret": "known", "secret_holder": "1", "public_keys": "[]"}
    before = {name: getattr(ours.app, name) for name in sent if hasattr(ours.app, name)}
    assert browser.post(f"/admin/accounts/clientapplication/{ours.app.pk}/change/", sent).status_code == 302
    ours.app.refresh_from_db()
    for name in sent.keys() - {"name", "purpose", "allowed_scopes", "user"}:
        assert getattr(ours.app, name) == before.get(name, getattr(ours.app, name)), name
    assert ours.app.user is None
