"""For the same act, a member needs the same permission over the API as in the admin.

Each row names an operation, the permission of the act, and the page of the admin that does the same. Pages also ask for
a permission to look at what they are about; the API does not, because members read what they see.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from importexport.models import ExportKind
from operations.doors import inventory
from operations.doors.declarations import OPERATIONS as DOORS
from operations.doors.declarations import Exemption
from schemas.queries import current_schema
from tests.security.conftest import nothing_changes
from tests.security.test_objects_of_others import BODIES, address
from tests.test_permissions import APP, MEMBER, OPERATIONS

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

DETAILS = "change_contact_details"
REVIEW = "review_changerequest"
IMPORT, EXPORT = "add_importjob", "add_exportjob"


@dataclass(frozen=True)
class Way:
    """An operation and the page of the admin that does the same."""

    operation: str
    right: str
    page: str
    # What the page asks for as well, to look at what it is about.
    sight: str | None = None
    form: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.operation}, {self.page}"


VERIFICATION = "/v1.0/contacts/{contactId}/communication-verification"
REQUEST = "/v1.0/contacts/{contactId}/change-requests/{changeRequestId}"
ANY_REQUEST = "/v1.0/change-requests/{changeRequestId}"
CHANNEL = {"kind": "email", "action": "resend"}
APPROVE, RETURN = {"decision": "approve"}, {"decision": "return", "comment": "Amend it."}
CONTACT_PAGE = "contacts_contact"
GROUP_PAGE = "contactgroups_contactgroup"
REVIEW_PAGE = "changerequests_changerequest_change"
CLAIM_PAGE = "changerequests_changerequest_claim"
WAYS = [
    # contacts
    Way("POST /v1.0/contacts", "add_contact", f"{CONTACT_PAGE}_add"),
    Way("PATCH /v1.0/contacts/{contactId}/details", DETAILS, f"{CONTACT_PAGE}_edit", "view_contact"),
    Way("PUT /v1.0/contacts/{contactId}/details", DETAILS, f"{CONTACT_PAGE}_edit", "view_contact"),
    # The admin does not change usernames: details are what is nearest.
    Way("PUT /v1.0/contacts/{contactId}/username", DETAILS, f"{CONTACT_PAGE}_edit", "view_contact"),
    Way(
        "POST /v1.0/contacts/{contactId}/external-connections",
        DETAILS,
        f"{CONTACT_PAGE}_connections_add",
        "view_contact",
        {"system": "CRM", "external_id": "7"},
    ),
    Way("PUT /v1.0/contacts/{contactId}/profile-picture", DETAILS, f"{CONTACT_PAGE}_picture_change", "view_contact"),
    Way(
        "DELETE /v1.0/contacts/{contactId}/profile-picture",
        DETAILS,
        f"{CONTACT_PAGE}_picture_change",
        "view_contact",
        {"remove": "on"},
    ),
    Way(f"POST {VERIFICATION}/verify", DETAILS, f"{CONTACT_PAGE}_channels_act", "view_contact", CHANNEL),
    Way(f"POST {VERIFICATION}/resend", DETAILS, f"{CONTACT_PAGE}_channels_act", "view_contact", CHANNEL),
    Way(
        f"POST {VERIFICATION}/discontinue",
        DETAILS,
        f"{CONTACT_PAGE}_channels_act",
        "view_contact",
        {**CHANNEL, "action": "discontinue"},
    ),
    Way("POST /v1.0/contacts/{contactId}/merge", "merge_contact", f"{CONTACT_PAGE}_merge", "view_contact"),
    Way("POST /v1.0/contacts/{contactId}/unmerge", "merge_contact", f"{CONTACT_PAGE}_unmerge", "view_contact"),
    Way("POST /v1.0/contacts/anonymize", "anonymize_contact", f"{CONTACT_PAGE}_anonymize", "view_contact"),
    # change requests
    Way(f"POST {REQUEST}/review", REVIEW, REVIEW_PAGE, form=APPROVE),
    Way(f"POST {REQUEST}/return", REVIEW, REVIEW_PAGE, form=RETURN),
    Way(f"POST {ANY_REQUEST}/review", REVIEW, REVIEW_PAGE, form=APPROVE),
    Way(f"POST {ANY_REQUEST}/return", REVIEW, REVIEW_PAGE, form=RETURN),
    Way(f"POST {ANY_REQUEST}/claim", REVIEW, CLAIM_PAGE, form={"take_over": ""}),
    Way(f"DELETE {ANY_REQUEST}/claim", REVIEW, CLAIM_PAGE, form={"release": ""}),
    # groups and companies
    Way("POST /v2.0/contacts/{contactId}/contactgroups", "add_contactgroup", f"{GROUP_PAGE}_add"),
    Way("PUT /v1.0/contactgroups/{contactGroupId}", "change_contactgroup", f"{GROUP_PAGE}_change"),
    Way(
        "DELETE /v1.0/contactgroups/{contactGroupId}",
        "delete_contactgroup",
        f"{GROUP_PAGE}_delete",
        form={"post": "yes"},
    ),
    Way("POST /v1.0/legalentities", "add_legalentity", "legalentities_legalentity_add"),
    Way("POST /v1.1/legalentities", "add_legalentity", "legalentities_legalentity_add"),
    Way("PUT /v1.0/legalentities/{legalEntityId}/details", "change_legalentity", "legalentities_legalentity_edit"),
    # jobs
    Way("POST /v1.0/contacts/import", IMPORT, "importexport_importjob_add"),
    Way("POST /v1.0/contacts/import/sync", IMPORT, "importexport_importjob_add"),
    Way("POST /v1.0/legal-entities/import", IMPORT, "importexport_importjob_add"),
    Way("POST /v1.0/legal-entities/import/sync", IMPORT, "importexport_importjob_add"),
    Way("POST /v1.0/contacts/export", EXPORT, "importexport_exportjob_start", "view_contact"),
    Way("POST /v1.0/legal-entities/export", EXPORT, "importexport_exportjob_start", "view_legalentity"),
    # schemas
    Way("PUT /v1.0/schemas/{key}", "change_schema", "schemas_schema_change"),
]
# Operations that ask members for no permission, besides those that read.
EXEMPT = {
    f"PUT {REQUEST}": "one's own request",
    f"POST {REQUEST}/cancel": "one's own request",
    f"POST {ANY_REQUEST}/cancel": "one's own request",
    f"POST {ANY_REQUEST}/comments": "who sees a request may comment on it; the admin has no page for it",
    f"POST {ANY_REQUEST}/attachments": "the initiator and reviewers; the admin has no page for it",
}
# Pages without a subject.
NEW = (f"{CONTACT_PAGE}_add", f"{GROUP_PAGE}_add", "legalentities_legalentity_add", "importexport_importjob_add")
REFUSED = {403, 404}
# Logins ask for a password, not for permissions, and SCIM is open to applications only.
OUTSIDE = ("/connect/", "/language/", "/scim/")


def is_reading(operation: str) -> bool:
    return operation.startswith("GET ") or DOORS[operation].exemption is Exemption.READS


def test_every_operation_is_in_the_table_or_exempt() -> None:
    of_applications = {str(operation) for operation in OPERATIONS if operation.open_to == {APP}}
    existing = {str(operation) for operation in OPERATIONS} - of_applications | inventory.operations() - of_applications
    asked = {name for name in existing if not is_reading(name) and not name.partition(" ")[2].startswith(OUTSIDE)}
    known = [way.operation for way in WAYS] + list(EXEMPT)
    assert (asked, len(known)) == (set(known), len(set(known)))


def test_a_member_without_permissions_reads_and_writes_nothing_else() -> None:
    """What the table of kinds of actors says of it, which is attempted there."""
    free = {str(operation) for operation in OPERATIONS if MEMBER in operation.open_to}
    assert {name for name in free if not is_reading(name)} == EXEMPT.keys()


class Clerk:
    """A member who sees everything, with the permissions of the case."""

    def __init__(self, member: Any, api: Any, browser: Any, world: Any) -> None:
        self.member, self.api, self.browser, self.world = member, api, browser, world

    def may(self, *codenames: str | None) -> None:
        self.member.user.user_permissions.set(Permission.objects.filter(codename__in=codenames))

    def over_the_api(self, way: Way) -> int:
        """Return the status of the operation about the world."""
        operation = next(one for one in OPERATIONS if str(one) == way.operation)
        path = "/v1.0/schemas/contact" if "{key}" in way.operation else address(operation, self.world)
        body = BODIES.get(way.operation, operation.body)
        if way.right == "anonymize_contact":
            body = {"contactIds": [self.world.contact.pk]}
        if way.right == "merge_contact":
            body = {"losingContactId": self.world.contact.pk}
        answer = self.api.call(operation.method, path, body, raw=operation.raw, content_type=operation.content_type)
        return int(answer.status)

    def in_the_admin(self, way: Way) -> int:
        """Return the status of the page to which the form of the act is sent."""
        schema = current_schema("contact")
        subject, form = {
            "contacts": (self.world.contact.pk, {}),
            "changerequests": (self.world.request.pk, {}),
            "contactgroups": (self.world.group.pk, {}),
            "legalentities": (self.world.legal_entity.pk, {}),
            "importexport": (ExportKind.LEGAL_ENTITIES if "legal" in way.operation else ExportKind.CONTACTS, {}),
            "schemas": (schema.schema_id, {"definition": "{}", "base": schema.version_id}),
        }[way.page.partition("_")[0]]
        address = reverse(f"admin:{way.page}", args=[] if way.page in NEW else [subject])
        return int(self.browser.post(address, way.form | form).status_code)


@pytest.fixture
def clerk(make_member: Any, api_of: Any, admin_of: Any, ours: Any) -> Clerk:
    member = make_member(permissions=[], sees_all_contacts=True)
    return Clerk(member, api_of(member), admin_of(member), ours)


def test_who_has_the_permission_of_the_admin_does_it_by_both_ways(clerk: Clerk, case: Any) -> None:
    for way in WAYS:
        with case(way, "over the API"):
            clerk.may(way.right)
            assert clerk.over_the_api(way) not in {401, *REFUSED}
        with case(way, "in the admin"):
            clerk.may(way.right, way.sight)
            assert clerk.in_the_admin(way) not in REFUSED


def test_who_has_every_other_permission_does_it_by_neither(clerk: Clerk, case: Any) -> None:
    every = {right for way in WAYS for right in (way.right, way.sight)} | {"view_changerequest", "view_contactgroup"}
    for way in WAYS:
        with case(way), nothing_changes():
            clerk.may(*every - {way.right})
            assert clerk.over_the_api(way) == 403
            assert clerk.in_the_admin(way) in REFUSED
