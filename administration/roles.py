"""The roles that Kontor ships with: groups of permissions. An institution changes them as it needs."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from administration.permissions import WORDS

if TYPE_CHECKING:
    from django.utils.functional import Promise


@dataclass(frozen=True, slots=True)
class Role:
    name: str
    text: "str | Promise"
    permissions: frozenset[str]


_LOOK = frozenset(
    {
        "contacts.view_contact",
        "contacts.view_externalsystem",
        "contactgroups.view_contactgroup",
        "legalentities.view_legalentity",
        "changerequests.view_changerequest",
        "changerequests.view_holiday",
        "accounts.view_member",
        "accounts.view_participant",
        "matching.view_pair",
    }
)
_SEE_EVERYTHING = frozenset(name for name in WORDS if name.partition(".")[2].startswith("view_"))

RELATIONSHIP_MANAGER = Role(
    "Relationship manager",
    _(
        "Serves the clients that it sees: creates contacts and companies, changes their details and groups, and "
        "exports. What requires approval goes to a reviewer."
    ),
    _LOOK
    | {
        "contacts.add_contact",
        "contacts.change_contact_details",
        "contacts.merge_contact",
        "matching.change_pair",
        "contactgroups.add_contactgroup",
        "contactgroups.change_contactgroup",
        "legalentities.add_legalentity",
        "legalentities.change_legalentity",
        "importexport.view_exportjob",
        "importexport.add_exportjob",
    },
)
REVIEWER = Role(
    "Reviewer",
    _("Decides what others request about the clients that it sees. Changes nothing itself."),
    _LOOK | {"changerequests.review_changerequest"},
)
DATA_STEWARD = Role(
    "Data steward",
    _(
        "Maintains the data as a whole: schemas and lists, imports and exports, who sees which client, and "
        "anonymization. Much of it goes to a reviewer."
    ),
    _LOOK
    | {
        "contacts.change_contact",
        "contacts.merge_contact",
        "contacts.anonymize_contact",
        "matching.change_pair",
        "matching.add_pair",
        "contactgroups.delete_contactgroup",
        "importexport.view_importjob",
        "importexport.add_importjob",
        "importexport.view_exportjob",
        "importexport.add_exportjob",
        "schemas.view_schema",
        "schemas.change_schema",
        "schemas.view_schemaversion",
        "schemas.view_list",
        "schemas.view_listitem",
        "schemas.add_listitem",
        "schemas.change_listitem",
        "schemas.delete_listitem",
    },
)
AUDITOR = Role(
    "Auditor",
    _("Sees everything: clients, requests, policies, users and their rights. Changes and decides nothing."),
    _SEE_EVERYTHING,
)
ADMINISTRATOR = Role(
    "Administrator",
    _(
        "Manages members, participants, client applications, external systems, webhooks, absences, holidays and "
        "policies. Rights, and the logins of staff, are for superusers. Gives no access to contacts."
    ),
    frozenset(name for name in WORDS if name.partition(".")[0] in ("accounts", "auth", "events"))
    | {
        "changerequests.view_changerequest",
        "changerequests.view_policyversion",
        "changerequests.change_policies",
        "changerequests.view_absence",
        "changerequests.add_absence",
        "changerequests.change_absence",
        "changerequests.delete_absence",
        "changerequests.view_holiday",
        "changerequests.add_holiday",
        "changerequests.change_holiday",
        "contacts.view_externalsystem",
        "contacts.add_externalsystem",
        "contacts.change_externalsystem",
    },
)
ROLES = (RELATIONSHIP_MANAGER, REVIEWER, DATA_STEWARD, AUDITOR, ADMINISTRATOR)


def text_of(name: str, permissions: Collection[str]) -> str:
    """Return what a shipped role may do; an empty text for another group, and for a role that was changed."""
    shipped = next((role for role in ROLES if role.name == name), None)
    return str(shipped.text) if shipped is not None and shipped.permissions == set(permissions) else ""
