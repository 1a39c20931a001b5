"""Every operation x every kind of actor x scope present or missing.

Each row lists the kinds of actor that an operation is open to. The requested objects do not exist or are invisible, so
an open operation returns 404 (or another error of its own), never 401 or 403; a closed one always returns 403.
"""

from dataclasses import dataclass
from itertools import product

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.scopes import ALL_SCOPES
from accounts.views import ActorView
from administration.scim.base import ScimView

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

APP, MEMBER, CLERK, REVIEWER, EDITOR, OFFICER, STEWARD, CONTACT = (
    "app",
    "member",
    "clerk",
    "reviewer",
    "schema editor",
    "data protection officer",
    "data steward",
    "contact",
)
KINDS = (APP, MEMBER, CLERK, REVIEWER, EDITOR, OFFICER, STEWARD, CONTACT)
STAFF = {APP, MEMBER, CLERK, REVIEWER, EDITOR, OFFICER, STEWARD}
MEMBERS = STAFF - {APP}
ALL = set(KINDS)
# A member without permissions reads what it sees, and changes nothing.
WRITERS = {APP, CLERK}
WRITERS_OR_CONTACTS = WRITERS | {CONTACT}


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    scope: str
    open_to: set[str]
    body: object = None
    # Another scope that also opens a part of the operation.
    or_scope: str = ""
    # Sent instead of the body if it is not JSON.
    raw: bytes | None = None
    content_type: str = "application/json"

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


FORM = "multipart/form-data; boundary=X"
# An empty file.
NO_IMPORT = b'--X\r\nContent-Disposition: form-data; name="files"; filename="a.json"\r\n\r\n \r\n--X--\r\n'
NO_ATTACHMENT = b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n \r\n--X--\r\n'
ANY_REQUEST = "/v1.0/change-requests/{changeRequestId}"
REQUEST = "contacts/{contactId}/change-requests/{changeRequestId}"
VERIFICATION = "/v1.0/contacts/{contactId}/communication-verification"
LEGAL_ENTITY = "legalentities/{legalEntityId}/details"
DETAILS = {"details": {}}
GROUP, ENTITY = "/v1.0/contact-groups/{contactGroupId}", "{entityType}/{entityId}"
WEBHOOK = "/v1.0/webhooks/{webhookId}"
OPERATIONS = [
    # ContactChangeRequest
    Operation("GET", f"/v1.0/{REQUEST}", "change-requests.read", STAFF),
    Operation("GET", f"/v1.1/{REQUEST}", "change-requests.read", STAFF),
    Operation("GET", "/v1.0/contacts/change-requests/statuses", "change-requests.read", STAFF),
    Operation("GET", "/v1.0/contacts/{contactId}/pending-change-request/check", "change-requests.read", STAFF),
    Operation("GET", "/v1.1/contacts/{contactId}/pending-change-request/check", "change-requests.read", STAFF),
    Operation("POST", "/v1.0/members/{memberId}/contacts/change-requests/search", "change-requests.read", STAFF, {}),
    Operation("POST", "/v1.0/contacts/change-requests/search", "change-requests.read", STAFF, {}),
    Operation("POST", f"/v1.0/{REQUEST}/cancel", "change-requests.write", MEMBERS),
    Operation("PUT", f"/v1.0/{REQUEST}", "change-requests.write", MEMBERS, {"details": {}}),
    Operation("POST", f"/v1.0/{REQUEST}/review", "change-requests.write", {REVIEWER}, {"isApproved": True}),
    Operation("POST", f"/v1.0/{REQUEST}/return", "change-requests.write", {REVIEWER}, {"comment": "Amend it."}),
    # ChangeRequest
    Operation("POST", "/v1.0/change-requests/search", "change-requests.read", STAFF, {}),
    Operation("GET", ANY_REQUEST, "change-requests.read", STAFF),
    Operation("POST", f"{ANY_REQUEST}/claim", "change-requests.write", {REVIEWER}, {"takeOver": False}),
    Operation("DELETE", f"{ANY_REQUEST}/claim", "change-requests.write", {REVIEWER}),
    Operation("GET", f"{ANY_REQUEST}/entries", "change-requests.read", STAFF),
    Operation("POST", f"{ANY_REQUEST}/review", "change-requests.write", {REVIEWER}, {"isApproved": True}),
    Operation("POST", f"{ANY_REQUEST}/return", "change-requests.write", {REVIEWER}, {"comment": "x"}),
    Operation("POST", f"{ANY_REQUEST}/cancel", "change-requests.write", STAFF),
    Operation("GET", f"{ANY_REQUEST}/comments", "change-requests.read", STAFF),
    Operation("POST", f"{ANY_REQUEST}/comments", "change-requests.write", MEMBERS, {"text": "x"}),
    Operation("GET", f"{ANY_REQUEST}/attachments", "change-requests.read", STAFF),
    Operation(
        "POST", f"{ANY_REQUEST}/attachments", "change-requests.write", MEMBERS, raw=NO_ATTACHMENT, content_type=FORM
    ),
    # ContactManagement
    Operation("POST", "/v1.0/contacts", "contacts.write", WRITERS, {"contactTypeId": 1, **DETAILS}),
    Operation("POST", "/v1.0/contacts/duplicates/search", "contacts.read", STAFF, DETAILS),
    Operation("GET", "/v1.0/contacts/{contactId}", "contacts.read", ALL),
    Operation("GET", "/v1.0/contacts/{contactId}/details", "contacts.read", ALL),
    Operation("PATCH", "/v1.0/contacts/{contactId}/details", "contacts.write", WRITERS_OR_CONTACTS, DETAILS),
    Operation("PUT", "/v1.0/contacts/{contactId}/details", "contacts.write", WRITERS_OR_CONTACTS, DETAILS),
    Operation("POST", "/v1.0/contacts/{contactId}/details/change-history/search", "contacts.read", ALL, {}),
    Operation("POST", "/v1.1/contacts/{contactId}/details/change-history/search", "contacts.read", ALL, {}),
    Operation("GET", "/v1.1/contacts/{contactId}/details/change-history/search", "contacts.read", ALL),
    Operation("GET", "/v1.0/contacts/{contactId}/username", "contacts.read", ALL),
    Operation("PUT", "/v1.0/contacts/{contactId}/username", "contacts.write", WRITERS_OR_CONTACTS, {"username": "x"}),
    Operation("GET", "/v1.0/contacts/{contactId}/external-connections", "contacts.read", STAFF),
    Operation(
        "POST", "/v1.0/contacts/{contactId}/external-connections", "contacts.write", WRITERS, {"externalId": "x"}
    ),
    Operation("GET", "/v1.0/contacts/external-connections/{system}/{externalId}", "contacts.read", STAFF),
    Operation("GET", "/v1.0/contacts/{contactId}/profile-picture", "contacts.read", ALL),
    Operation(
        "PUT",
        "/v1.0/contacts/{contactId}/profile-picture",
        "contacts.write",
        WRITERS_OR_CONTACTS,
        {"imageContentBase64": "AAAA"},
    ),
    Operation("DELETE", "/v1.0/contacts/{contactId}/profile-picture", "contacts.write", WRITERS_OR_CONTACTS),
    Operation(
        "POST", f"{VERIFICATION}/verify", "contacts.write", WRITERS_OR_CONTACTS, {"channel": "Email", "key": "1"}
    ),
    Operation("POST", f"{VERIFICATION}/resend", "contacts.write", WRITERS_OR_CONTACTS, {"channel": "Email"}),
    Operation("POST", f"{VERIFICATION}/discontinue", "contacts.write", WRITERS_OR_CONTACTS, {"channel": "Email"}),
    Operation("POST", "/v1.0/contacts/search", "contacts.read", ALL, {"query": "x"}),
    Operation("POST", "/v1.0/contacts/anonymize", "anonymize", {APP, OFFICER}, {"contactIds": [2**31 - 1]}),
    Operation("POST", "/v1.0/contacts/{contactId}/merge", "contacts.write", {APP, STEWARD}, {"losingContactId": 1}),
    Operation("POST", "/v1.0/contacts/{contactId}/unmerge", "contacts.write", {APP, STEWARD}, {"losingContactId": 1}),
    # ContactGroupManagement
    Operation("GET", "/v2.0/contacts/{contactId}/contactgroups", "groups.read", ALL),
    Operation("POST", "/v2.0/contacts/{contactId}/contactgroups", "groups.write", WRITERS, {}),
    Operation("GET", "/v1.0/contactgroups/{contactGroupId}", "groups.read", ALL),
    Operation("PUT", "/v1.0/contactgroups/{contactGroupId}", "groups.write", WRITERS, {}),
    Operation("DELETE", "/v1.0/contactgroups/{contactGroupId}", "groups.write", WRITERS),
    Operation("POST", "/v1.0/contact-groups/search", "groups.read", ALL, {}),
    # ContactGroupAccess
    Operation("GET", f"{GROUP}/contacts/{{contactId}}/access", "groups.read", ALL),
    Operation("GET", f"{GROUP}/identities/{{identityId}}/access", "groups.read", STAFF),
    Operation("GET", f"/v1.0/contact-groups/contacts/{{contactId}}/{ENTITY}/access", "groups.read", ALL),
    Operation("GET", f"/v1.0/contact-groups/identities/{{identityId}}/{ENTITY}/access", "groups.read", STAFF),
    # LegalEntity
    Operation("POST", "/v1.0/legalentities", "legal-entities.write", WRITERS_OR_CONTACTS, DETAILS),
    Operation("POST", "/v1.1/legalentities", "legal-entities.write", WRITERS_OR_CONTACTS, DETAILS),
    Operation("GET", f"/v1.0/{LEGAL_ENTITY}", "legal-entities.read", ALL),
    Operation("PUT", f"/v1.0/{LEGAL_ENTITY}", "legal-entities.write", WRITERS_OR_CONTACTS, DETAILS),
    Operation("GET", f"/v1.0/contacts/{{contactId}}/{LEGAL_ENTITY}", "legal-entities.read", ALL),
    # GraphQL
    Operation("POST", "/graphql", "contacts.read", ALL, {"query": "{ __typename }"}, or_scope="legal-entities.read"),
    # ExportManagement
    Operation("POST", "/v1.0/contacts/export", "exports", WRITERS),
    Operation("GET", "/v1.0/contacts/export/{exportJobId}", "exports", STAFF),
    Operation("POST", "/v1.0/legal-entities/export", "exports", WRITERS),
    Operation("GET", "/v1.0/legal-entities/export/{exportJobId}", "exports", STAFF),
    # ImportManagement
    Operation("POST", "/v1.0/contacts/import", "imports", WRITERS, raw=NO_IMPORT, content_type=FORM),
    Operation("POST", "/v1.0/contacts/import/sync", "imports", WRITERS),
    Operation("POST", "/v1.0/legal-entities/import", "imports", WRITERS, raw=NO_IMPORT, content_type=FORM),
    Operation("POST", "/v1.0/legal-entities/import/sync", "imports", WRITERS),
    Operation("GET", "/v1.0/import/sync/{statusId}/status", "imports", STAFF),
    Operation("GET", "/v1.0/import/sync/{statusId}/duplicates", "imports", STAFF),
    # SchemaManagement
    Operation("GET", "/v1.0/schemas/{key}", "schemas.read", ALL),
    Operation("PUT", "/v1.0/schemas/{key}", "schemas.write", {APP, EDITOR}, {"schema": "{}", "concurrencyToken": 1}),
    Operation("GET", "/v1.0/schemas/{key}/json-schema", "schemas.read", ALL),
    Operation("GET", "/v1.0/schemas/{key}/layout", "schemas.read", ALL),
    Operation("POST", "/v1.0/schemas/{key}/fields", "schemas.read", ALL, {}),
    Operation("POST", "/v1.0/lists/{listKey}/search", "schemas.read", ALL, {}),
    Operation("POST", "/v1.0/lists/search", "schemas.read", ALL, {}),
    # Events
    Operation("GET", "/v1.0/events", "events.read", {APP}),
    Operation("GET", "/v1.0/webhooks", "webhooks", {APP}),
    Operation("POST", "/v1.0/webhooks", "webhooks", {APP}, {"url": "https://127.0.0.1/"}),
    Operation("DELETE", WEBHOOK, "webhooks", {APP}),
    Operation("POST", f"{WEBHOOK}/replay", "webhooks", {APP}, {"after": 0}),
    Operation("POST", f"{WEBHOOK}/rotate-secret", "webhooks", {APP}),
    Operation("POST", f"{WEBHOOK}/test", "webhooks", {APP}),
    Operation("GET", f"{WEBHOOK}/deliveries", "webhooks", {APP}),
]


@pytest.fixture
def callers(make_app, make_member, make_contact):
    return {
        APP: make_app(),
        MEMBER: make_member(permissions=[]),
        CLERK: make_member(),
        REVIEWER: make_member(reviews=True, permissions=[]),
        EDITOR: make_member(permissions=["change_schema"]),
        OFFICER: make_member(permissions=["anonymize_contact"]),
        STEWARD: make_member(permissions=["merge_contact"]),
        CONTACT: make_contact(),
    }


def address(operation: Operation) -> str:
    """Return the operation's path with an id that nobody sees."""
    unknown = 2**31 - 1
    return operation.path.format(
        contactId=unknown,
        changeRequestId=unknown,
        memberId=unknown,
        contactGroupId=unknown,
        legalEntityId=unknown,
        identityId="00000000-0000-4000-8000-000000000000",
        exportJobId="00000000-0000-4000-8000-000000000000",
        statusId="00000000-0000-4000-8000-000000000000",
        webhookId="00000000-0000-4000-8000-000000000000",
        entityType="Account",
        entityId=unknown,
        key="no-such-schema",
        listKey="no-such-list",
        system="none",
        externalId="none",
    )


def sent(api, operation: Operation):
    """Return the response to the operation."""
    content = {"raw": operation.raw, "content_type": operation.content_type}
    return api.call(operation.method, address(operation), operation.body, **content)


def test_no_operation_is_open_to_the_world(anonymous, case):
    for operation in OPERATIONS:
        with case(operation):
            answer = sent(anonymous, operation)
            assert (answer.status, answer.json["code"]) == (401, "Unauthorized")


def test_a_token_with_every_other_scope_is_refused(callers, api_of, case):
    for operation, kind in product(OPERATIONS, KINDS):
        others = [scope for scope in ALL_SCOPES if scope not in (operation.scope, operation.or_scope)]
        with case(operation, kind):
            answer = sent(api_of(callers[kind], scopes=others), operation)
            assert (answer.status, answer.json["code"]) == (403, "Forbidden")
            assert operation.scope in answer.json["message"]


def test_with_the_scope_alone_each_kind_of_actor_may_do_what_the_table_says(callers, api_of, case):
    for operation, kind in product(OPERATIONS, KINDS):
        with case(operation, kind):
            answer = sent(api_of(callers[kind], scopes=[operation.scope]), operation)
            if kind in operation.open_to:
                assert answer.status in (200, 202, 404, 422), answer.json
            else:
                assert (answer.status, answer.json["code"]) == (403, "Forbidden")


def test_the_table_names_every_operation_that_there_is():
    def operations(resolver: URLResolver, above: str = "/"):
        for entry in resolver.url_patterns:
            path = above + str(entry.pattern)
            if isinstance(entry, URLResolver):
                yield from operations(entry, path)
            elif isinstance(entry, URLPattern):
                view = getattr(entry.callback, "view_class", None)
                # `tests/administration/test_scim.py` goes through the addresses of SCIM, whose errors look different.
                if view and issubclass(view, ActorView) and not issubclass(view, ScimView):
                    yield from ((method, path) for method in view.access)

    known = {(operation.method, operation.path) for operation in OPERATIONS}
    converters = ("int:", "str:", "path:", "slug:", "uuid:")
    found = set()
    for method, path in operations(get_resolver()):
        for converter in converters:
            path = path.replace(f"<{converter}", "<")
        found.add((method, path.replace("<", "{").replace(">", "}")))
    assert found == known
