"""Object-level access: every operation on objects of another participant, member and contact.

Uses the table of operations of `test_permissions.py`, so that new operations are covered. For every kind of caller the
response is 404 and nothing changes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import pytest

from importexport.exports.running import run_export
from importexport.models import ExportKind
from tests.importexport.importing import array, counts, faults, synced
from tests.security.conftest import PICTURE, nothing_changes, state
from tests.test_permissions import APP, CONTACT, OPERATIONS, REVIEWER, Operation

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

KIND_OF_CALLER = {"app": APP, "member": REVIEWER, "contact": CONTACT}

# Operations whose path has no object id; their results are tested further down.
WITHOUT_OBJECT = {
    "GET /v1.0/contacts/change-requests/statuses",
    "POST /v1.0/contacts/change-requests/search",
    "POST /v1.0/change-requests/search",
    "POST /v1.0/contacts",
    "POST /v1.0/contacts/anonymize",
    "POST /v1.0/contact-groups/search",
    "POST /v1.0/contacts/search",
    # `tests/matching` has which contacts are named.
    "POST /v1.0/contacts/duplicates/search",
    "POST /v1.0/legalentities",
    "POST /v1.1/legalentities",
    "POST /graphql",
    "POST /v1.0/contacts/export",
    "POST /v1.0/legal-entities/export",
    "POST /v1.0/contacts/import",
    "POST /v1.0/contacts/import/sync",
    "POST /v1.0/legal-entities/import",
    "POST /v1.0/legal-entities/import/sync",
    # Schemas and lists have no owner.
    "GET /v1.0/schemas/{key}",
    "PUT /v1.0/schemas/{key}",
    "GET /v1.0/schemas/{key}/json-schema",
    "GET /v1.0/schemas/{key}/layout",
    "POST /v1.0/schemas/{key}/fields",
    "POST /v1.0/lists/{listKey}/search",
    "POST /v1.0/lists/search",
    # `tests/events` has which events and webhooks an application sees.
    "GET /v1.0/events",
    "GET /v1.0/webhooks",
    "POST /v1.0/webhooks",
}
# An application may query any member, and gets only contacts that it sees.
OPEN_TO_APPS = {
    "POST /v1.0/members/{memberId}/contacts/change-requests/search",
    "GET /v1.0/contact-groups/{contactGroupId}/identities/{identityId}/access",
    "GET /v1.0/contact-groups/identities/{identityId}/{entityType}/{entityId}/access",
}
BODIES = {"PUT /v1.0/contacts/{contactId}/profile-picture": {"imageContentBase64": PICTURE}}
WITH_OBJECT = [operation for operation in OPERATIONS if str(operation) not in WITHOUT_OBJECT]


def address(operation: Operation, of: Any) -> str:
    """Return the operation's path for the objects of a world."""
    kind = ExportKind.LEGAL_ENTITIES if "legal-entities" in operation.path else ExportKind.CONTACTS
    return operation.path.format(
        contactId=of.contact.pk,
        changeRequestId=of.request.pk,
        memberId=of.member.pk,
        contactGroupId=of.group.pk,
        legalEntityId=of.legal_entity.pk,
        identityId=of.identity_id,
        exportJobId=of.exports[kind].pk,
        statusId=of.job.pk,
        webhookId=of.webhook.uid,
        entityType="Account",
        entityId=of.account_id,
        system="crm",
        externalId=of.external_id,
    )


@pytest.fixture
def callers(ours, api_of):
    return {kind: api_of(getattr(ours, kind)) for kind in KIND_OF_CALLER}


def test_the_operations_that_name_no_object_are_known():
    assert {str(operation) for operation in OPERATIONS if "{" not in operation.path} <= WITHOUT_OBJECT
    assert {str(operation) for operation in OPERATIONS} >= WITHOUT_OBJECT | OPEN_TO_APPS


def test_what_belongs_to_others_is_not_found_and_not_changed(callers, theirs, ours, case):
    for operation, (kind, api) in product(WITH_OBJECT, callers.items()):
        if KIND_OF_CALLER[kind] not in operation.open_to or (kind == "app" and str(operation) in OPEN_TO_APPS):
            continue
        body = BODIES.get(str(operation), operation.body)
        with case(operation, kind):
            with nothing_changes():
                answer = api.call(
                    operation.method,
                    address(operation, theirs),
                    body,
                    raw=operation.raw,
                    content_type=operation.content_type,
                )
            assert (answer.status, answer.json["code"]) == (404, "NotFound"), answer.json
            assert "theirs" not in str(answer.json)


def test_what_is_the_callers_own_is_found(callers, ours, case):
    """Otherwise the test above could pass for the wrong reason."""
    for operation, (kind, api) in product(WITH_OBJECT, callers.items()):
        if operation.method != "GET" or KIND_OF_CALLER[kind] not in operation.open_to:
            continue
        # Jobs are the member's who asked for them.
        is_another_ones = kind != "member" and ("exportJobId" in operation.path or "statusId" in operation.path)
        with case(operation, kind):
            assert api.get(address(operation, ours)).status == (404 if is_another_ones else 200)


# ---- a child under another parent's address


NESTED = [
    ("GET", "/v1.0/contacts/{mine}/change-requests/{their_request}", None),
    ("GET", "/v1.1/contacts/{mine}/change-requests/{their_request}", None),
    ("POST", "/v1.0/contacts/{mine}/change-requests/{their_request}/cancel", None),
    ("POST", "/v1.0/contacts/{mine}/change-requests/{their_request}/review", {"isApproved": True}),
    ("GET", "/v1.0/contacts/{theirs}/change-requests/{my_request}", None),
    ("POST", "/v1.0/contacts/{theirs}/change-requests/{my_request}/review", {"isApproved": True}),
    ("GET", "/v1.0/contacts/{mine}/legalentities/{their_entity}/details", None),
    ("GET", "/v1.0/contacts/{theirs}/legalentities/{my_entity}/details", None),
    ("GET", "/v1.0/contact-groups/{my_group}/contacts/{theirs}/access", None),
    ("GET", "/v1.0/contact-groups/contacts/{theirs}/Account/{mine}/access", None),
    ("GET", "/v1.0/contact-groups/{my_group}/identities/{their_identity}/access", None),
]


def test_ids_of_mixed_parents_are_not_found(callers, ours, theirs, case):
    for method, path, body in NESTED:
        asked = path.format(
            mine=ours.contact.pk,
            theirs=theirs.contact.pk,
            my_request=ours.request.pk,
            their_request=theirs.request.pk,
            my_entity=ours.legal_entity.pk,
            their_entity=theirs.legal_entity.pk,
            my_group=ours.group.pk,
            their_identity=theirs.identity_id,
        )
        with case(method, path), nothing_changes():
            assert callers["member"].call(method, asked, body).status == 404


def test_two_parents_that_one_sees_do_not_mix_either(make_contact, ours, callers, api_of):
    """Requests, entities and keys of one's own contact are not found under one's other contact."""
    other = make_contact(members=[ours.member], participants=[ours.participant])
    member = callers["member"]
    with nothing_changes():
        for path in (
            f"/v1.1/contacts/{other.pk}/change-requests/{ours.request.pk}",
            f"/v1.0/contacts/{other.pk}/legalentities/{ours.legal_entity.pk}/details",
        ):
            assert member.get(path).status == 404
        review = f"/v1.0/contacts/{other.pk}/change-requests/{ours.request.pk}/review"
        assert member.post(review, {"isApproved": True}).status == 404
        access = member.get(f"/v1.0/contact-groups/contacts/{other.pk}/Account/{ours.account_id}/access")
        assert access.json == {"hasAccess": False}


def test_an_item_of_another_list_is_no_access_policy_and_no_type(callers, ours, contact_type, policy):
    """All lists share one sequence of item ids, so an item must be checked to belong to the given list."""
    group = f"/v1.0/contactgroups/{ours.group.pk}"
    with nothing_changes():
        as_policy = {"contacts": [{"contactId": ours.contact.pk, "accessPolicyId": contact_type.pk}]}
        assert callers["member"].put(group, as_policy).sub_code == "UnknownAccessPolicies"
        created = {"contactTypeId": policy(), "username": "new.person", "details": {}}
        assert callers["member"].post("/v1.0/contacts", created).status == 422


@pytest.mark.parametrize("kind", ["app", "member"])
def test_contacts_of_others_cannot_be_drawn_into_ones_own(kind, callers, ours, theirs, policy):
    """A reference to an invisible contact gives the same response as one to a missing contact."""
    api = callers[kind]
    for contact_id in (theirs.contact.pk, 2**31 - 1):
        drawn = [{"contactId": contact_id, "accessPolicyId": policy()}]
        with nothing_changes():
            answers = [
                api.put(f"/v1.0/contactgroups/{ours.group.pk}", {"contacts": drawn}),
                api.post(f"/v2.0/contacts/{ours.contact.pk}/contactgroups", {"contacts": drawn}),
                api.post("/v1.1/legalentities", {"details": {"name": "x"}, "contacts": drawn}),
                api.post("/v1.0/contacts/anonymize", {"contactIds": [ours.contact.pk, contact_id]}),
            ]
        assert {(answer.status, answer.sub_code) for answer in answers} == {(422, "UnknownContacts")}
    with nothing_changes():
        by_uid = api.post("/v1.0/contacts/anonymize", {"contactUIds": [str(theirs.contact.uid)]})
    assert by_uid.sub_code == "UnknownContacts"


# ---- searches: neither rows nor totals


def criteria(of: Any) -> list[dict[str, Any]]:
    return [
        {},
        {"contactIds": [of.contact.pk]},
        {"initiatorMemberUids": [str(of.request.initiator_member.uid)]},
        {"reviewMemberUids": [str(of.identity_id)]},
        {"paths": ["personalInformation.lastName"]},
        {"statusId": 1, "createDateFrom": "2020-01-01T00:00:00Z", "excludeHierarchy": False},
    ]


@pytest.mark.parametrize("kind", ["app", "member"])
def test_a_search_of_change_requests_neither_lists_nor_counts_those_of_others(kind, callers, ours, theirs):
    for asked in criteria(theirs):
        answer = callers[kind].post("/v1.0/contacts/change-requests/search", asked).json
        about = {row["id"] for row in answer["results"]}
        assert about <= {ours.request.pk}, asked
        assert answer["totalCount"] == len(about), asked
    v10 = {"initiatorMemberIds": [theirs.request.initiator_member.pk]}
    answer = callers["app"].post(f"/v1.0/members/{theirs.member.pk}/contacts/change-requests/search", v10).json
    assert (answer["totalCount"], answer["results"]) == (0, [])
    answer = callers[kind].post(f"/v1.0/members/{ours.member.pk}/contacts/change-requests/search", v10).json
    assert (answer["totalCount"], answer["results"]) == (0, [])


@pytest.mark.parametrize("kind", ["app", "member", "contact"])
def test_a_search_of_groups_does_not_list_those_of_others(kind, callers, ours, theirs):
    own = set(ours.contact.group_memberships.values_list("group", flat=True))
    for asked in (
        {"contactIds": [theirs.contact.pk]},
        {"contactIds": [ours.contact.pk, theirs.contact.pk]},
        {"contactGroupIds": [theirs.group.pk, ours.group.pk]},
        {"name": "Group of"},
        {"externalIds": [theirs.group.external_id]},
    ):
        answer = callers[kind].post("/v1.0/contact-groups/search", asked)
        assert {row["groupId"] for row in answer.json["results"]} <= own
        assert "theirs" not in str(answer.json)


def test_a_shared_group_shows_neither_the_others_contact_nor_their_number(callers, ours, theirs, make_group):
    group = make_group(ours.contact, theirs.contact)
    for kind in ("app", "member", "contact"):
        shown = callers[kind].get(f"/v1.0/contactgroups/{group.pk}").json
        assert [row["contactId"] for row in shown["contacts"]] == [ours.contact.pk], kind
    found = callers["member"].post("/v1.0/contact-groups/search", {"contactIds": [theirs.contact.pk]}).json
    assert found["results"] == []


@pytest.mark.parametrize("kind", ["app", "member", "contact"])
def test_graphql_neither_lists_nor_counts_those_of_others(kind, callers, ours, theirs):
    """Negations, alternatives and nested fields in filters find only the caller's own objects."""
    their_name = '{ personalInformation: { lastName: { contains: "theirs" } } }'
    for where in (
        "",
        f"(where: {{ id: {{ eq: {theirs.contact.pk} }} }})",
        f'(where: {{ uid: {{ eq: "{theirs.contact.uid}" }} }})',
        f"(where: {{ id: {{ neq: {ours.contact.pk} }} }})",
        f'(where: {{ or: [{their_name}, {{ username: {{ startsWith: "person" }} }}] }})',
        f"(where: {their_name})",
    ):
        query = f"{{ contacts{where} {{ totalCount items {{ id name personalInformation {{ lastName }} }} }} }}"
        answer = callers[kind].post("/graphql", {"query": query}).json
        assert "errors" not in answer, (where, answer)
        found = answer["data"]["contacts"]
        assert {row["id"] for row in found["items"]} <= {ours.contact.pk}, where
        assert found["totalCount"] == len(found["items"]), where
        assert "theirs" not in str(answer), where
    for where in ("", f'(where: {{ externalId: {{ eq: "{theirs.legal_entity.external_id}" }} }})'):
        query = f"{{ legalentities{where} {{ totalCount items {{ id name contactGroupId }} }} }}"
        found = callers[kind].post("/graphql", {"query": query}).json["data"]["legalentities"]
        assert {row["id"] for row in found["items"]} <= {ours.legal_entity.pk}
        assert found["totalCount"] == len(found["items"])


# ---- files


@contextmanager
def only_jobs_change() -> Iterator[None]:
    before = state()
    yield
    after = state()
    changed = {table for table in after if after[table] != before[table]}
    assert {table for table in changed if not table.startswith("importexport_")} <= {"contacts_obsoletefile"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["app", "member"])
def test_an_export_holds_ones_own_alone_whatever_its_query_asks_for(kind, callers, ours, theirs):
    aimed = f"{{ contacts(where: {{ id: {{ in: [{theirs.contact.pk}, {ours.contact.pk}] }} }}) {{ items {{ id }} }} }}"
    for query in ("", aimed):
        asked = callers[kind].post("/v1.0/contacts/export", raw=query.encode(), content_type="text/plain")
        run_export(asked.json["exportJobId"])
        content = callers[kind].get(f"/v1.0/contacts/export/{asked.json['exportJobId']}").json.decode()
        assert "person.ours" in content
        assert "theirs" not in content


def test_the_export_of_a_colleague_is_not_found_even_when_one_sees_all_that_is_in_it(ours, make_member, api_of):
    job = ours.exports[ExportKind.CONTACTS]
    manager = make_member("manager", sees_all_contacts=True)
    for who in (manager, ours.request.initiator_member, ours.app):
        assert api_of(who).get(f"/v1.0/contacts/export/{job.pk}").status == 404
    # Nor is it found under the path of the other kind.
    assert api_of(ours.member).get(f"/v1.0/legal-entities/export/{job.pk}").status == 404


def test_the_files_that_others_uploaded_are_not_synced(callers, ours, theirs):
    for name in (theirs.file_name, "no-such-file"):
        with nothing_changes():
            answer = callers["member"].post("/v1.0/contacts/import/sync", {"files": [name]})
        assert (answer.status, answer.sub_code) == (422, "UnknownImportFiles")
    # Nor are their files synced as the caller's own unsynced files.
    assert callers["app"].post("/v1.0/contacts/import/sync").sub_code == "NothingToSync"


def test_an_import_does_not_change_what_its_requester_does_not_see(ours, theirs, make_contact, entry, actor_of):
    from_outside = entry("E-theirs", username="person.stolen")
    assert counts(synced(array(from_outside)))[0] == 1
    with only_jobs_change():
        job = synced(array({**from_outside, "username": "taken.over"}), actor=actor_of(ours.member))
    assert counts(job) == (0, 0, 0, 1)
    assert "person.stolen" not in str(faults(job))


def test_stored_files_have_no_address(anonymous, callers, ours):
    """Pictures and exports are served only by their operations; the storage itself is not served."""
    for name in (ours.exports["contacts"].file_name, ours.contact.picture.file.name):
        for root in ("/", "/media/", "/files/", "/static/", "/static/../"):
            assert anonymous.get(root + name).status == 404
            assert callers["member"].get(root + name).status == 404
