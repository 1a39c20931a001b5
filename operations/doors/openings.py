"""What each permission opens: operations as their views say, pages by Django's rule or the table here."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cache

from django.contrib import admin

from administration.openings import Openings
from administration.permissions import WORDS
from audit.permissions import MAY_SEE_WHO_LOOKED
from changerequests.permissions import POLICY_PERMISSION, REVIEW_PERMISSION
from contacts.permissions import MAY_ANONYMIZE, MAY_CHANGE_DETAILS, MAY_MERGE
from events.services.webhooks import MAY_CHANGE as MAY_CHANGE_WEBHOOKS
from importexport.permissions import MAY_EXPORT
from legalentities.permissions import MAY_CHANGE as MAY_CHANGE_LEGAL_ENTITIES
from matching.permissions import MAY_DISTINGUISH, MAY_SEARCH
from operations.doors import inventory

MAY_CHANGE_SCHEMAS = "schemas.change_schema"
# Pages that ask for another permission than Django does, and pages that Django does not know.
PAGES = {
    "contacts_contact_edit": MAY_CHANGE_DETAILS,
    "contacts_contact_connections_add": MAY_CHANGE_DETAILS,
    "contacts_contact_channels_act": MAY_CHANGE_DETAILS,
    "contacts_contact_picture_change": MAY_CHANGE_DETAILS,
    "contacts_contact_anonymize": MAY_ANONYMIZE,
    "contacts_contact_looked": MAY_SEE_WHO_LOOKED,
    "contacts_contact_merge": MAY_MERGE,
    "contacts_contact_unmerge": MAY_MERGE,
    "legalentities_legalentity_edit": MAY_CHANGE_LEGAL_ENTITIES,
    "audit_entry_changelist": "changerequests.view_changerequest",
    "changerequests_changerequest_change": REVIEW_PERMISSION,
    "changerequests_changerequest_claim": REVIEW_PERMISSION,
    "changerequests_changerequest_assign": REVIEW_PERMISSION,
    "changerequests_changerequest: approve_selected": REVIEW_PERMISSION,
    "changerequests_changerequest: reject_selected": REVIEW_PERMISSION,
    "changerequests_policy_edit": POLICY_PERMISSION,
    # For absences that have not begun.
    "changerequests_absence_delete": "changerequests.delete_absence",
    "accounts_user_password_link": "accounts.change_user",
    "accounts_user_unlock": "accounts.change_user",
    "events_webhook_remove": MAY_CHANGE_WEBHOOKS,
    "events_webhook_replay": MAY_CHANGE_WEBHOOKS,
    "events_webhook_test": MAY_CHANGE_WEBHOOKS,
    "importexport_exportjob_start": MAY_EXPORT,
    "matching_pair: distinguish_selected": MAY_DISTINGUISH,
    "matching_pair_search": MAY_SEARCH,
    "schemas_schema_check": MAY_CHANGE_SCHEMAS,
    "schemas_schema_draft": MAY_CHANGE_SCHEMAS,
    "schemas_schema_again": MAY_CHANGE_SCHEMAS,
    "schemas_schemaversion_change": MAY_CHANGE_SCHEMAS,
}
ACTIONS = ("add", "change", "delete")


def page_permission(page: str) -> str | None:
    """Return the permission that a page of the admin asks for; None for one that asks for none, or for a superuser."""
    return PAGES.get(page) or _of_django(page)


def _of_django(page: str) -> str | None:
    app_label, _bar, rest = page.partition("_")
    model, _bar, action = rest.rpartition("_")
    permission = f"{app_label}.{'view' if action == 'changelist' else action}_{model}"
    return permission if action in (*ACTIONS, "changelist") and permission in WORDS else None


@cache
def openings() -> Mapping[str, Openings]:
    """Return what each permission opens, in the order of the routes and of the admin."""
    operations, pages = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for operation, permission in inventory.member_permissions():
        operations[permission].append(operation)
    lists = {f"{model._meta.app_label}_{model._meta.model_name}_changelist" for model in admin.site._registry}
    for page in sorted(inventory.admin_pages() | lists | PAGES.keys()):
        asked = page_permission(page)
        if asked is not None:
            pages[asked].append(page)
    return {name: Openings(operations[name], pages[name]) for name in operations.keys() | pages.keys()}
