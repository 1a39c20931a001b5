"""What each door changes, or why it needs no second person. Add a line for every new door: a test asks for it."""

from dataclasses import dataclass
from enum import StrEnum


class Exemption(StrEnum):
    """Why a door asks nobody else."""

    READS = "reads"
    OWN_DATA = "own data"
    TAKES_AWAY = "takes away"
    MAKES_A_REQUEST = "makes a request"
    DECIDES = "decides requests"
    SHELL = "shell"
    TECHNICAL = "technical"


@dataclass(frozen=True, slots=True)
class Door:
    """A way in: the kinds of what it changes, in the words of the policies, or why it is exempt."""

    kinds: tuple[str, ...] = ()
    exemption: Exemption | None = None
    note: str = ""


def _changes(*kinds: str, note: str = "") -> Door:
    return Door(kinds=kinds, note=note)


def _exempt(exemption: Exemption, note: str = "") -> Door:
    return Door(exemption=exemption, note=note)


_READS = _exempt(Exemption.READS)
_DECIDES = _exempt(Exemption.DECIDES)
_OWN_LOGIN = _exempt(Exemption.OWN_DATA, "one's own login")
_OWN_REQUEST = _exempt(Exemption.OWN_DATA, "one's own request")
_REQUEST_TALK = _exempt(Exemption.TECHNICAL, "adds to a request, changes nothing of it")
_ADVICE = _exempt(Exemption.TECHNICAL, "says who has it open or shall decide it; bars nobody")
_OWN_FILTERS = _exempt(Exemption.OWN_DATA, "one's own filters of a list")
_OWN_ABSENCE = _exempt(Exemption.OWN_DATA, "one's own absence; that of others with a permission of its own")
_KEYS = _exempt(Exemption.TECHNICAL, "an address counts once its key has come back")
_LINK = _exempt(Exemption.TECHNICAL, "mails a link to the login's own address")
_WEBHOOKS = _changes("configuration", note="applications only")
_OWN_WEBHOOK = _exempt(Exemption.OWN_DATA, "the application's own webhook")
_SENDS_AGAIN = _exempt(Exemption.TECHNICAL, "sends what the application may see to the URL that was approved")
_SHELL = _exempt(Exemption.SHELL)
_TECHNICAL = _exempt(Exemption.TECHNICAL)
_BROKEN_GLASS = _changes("break-glass", note="acts at once, for a reason that is reviewed afterwards")
_RIGHTS = _changes("rights", note="taking away at once")
_APPLICATIONS = _changes("application", note="taking away at once")
_RIGHTS_OF_GROUPS = _changes("group-rights", note="taking away at once")
_TOLD_APART = _exempt(Exemption.TECHNICAL, "what a list of possible duplicates shows; changes no contact")
_UPLOAD = _exempt(Exemption.TECHNICAL, "stores files; the sync imports them")
_OR_BREAK_GLASS = "with --break-glass at once, and reviewed afterwards"
_DIRECTORY = _exempt(Exemption.MAKES_A_REQUEST, "an application with the scope scim; taking away at once")
_REFUSES = _exempt(Exemption.SHELL, "refuses once there are people")
_REST_AT_ONCE = "each part of an entry by its own kind; what need not wait takes effect at once"
_OF_CONTACTS = ("contact-details", "contact-access", "contact-identity", "contact-creation")
_OF_COMPANIES = ("legal-entity", "contact-group", "legal-entity-creation")

OPERATIONS = {
    # contacts
    "POST /v1.0/contacts": _changes("contact-creation"),
    "PATCH /v1.0/contacts/{contactId}/details": _changes("contact-details"),
    "PUT /v1.0/contacts/{contactId}/details": _changes("contact-details"),
    "PUT /v1.0/contacts/{contactId}/username": _changes("contact-identity"),
    "POST /v1.0/contacts/{contactId}/external-connections": _changes("contact-identity"),
    "PUT /v1.0/contacts/{contactId}/profile-picture": _changes("contact-identity"),
    "DELETE /v1.0/contacts/{contactId}/profile-picture": _changes("contact-identity"),
    "POST /v1.0/contacts/{contactId}/communication-verification/verify": _KEYS,
    "POST /v1.0/contacts/{contactId}/communication-verification/resend": _KEYS,
    "POST /v1.0/contacts/{contactId}/communication-verification/discontinue": _KEYS,
    "POST /v1.0/contacts/anonymize": _changes("anonymization"),
    "POST /v1.0/contacts/{contactId}/merge": _changes("merge"),
    "POST /v1.0/contacts/{contactId}/unmerge": _changes("unmerge"),
    "POST /v1.0/contacts/{contactId}/details/change-history/search": _READS,
    "POST /v1.1/contacts/{contactId}/details/change-history/search": _READS,
    # change requests
    "POST /v1.0/contacts/change-requests/search": _READS,
    "POST /v1.0/members/{memberId}/contacts/change-requests/search": _READS,
    "POST /v1.0/change-requests/search": _READS,
    "PUT /v1.0/contacts/{contactId}/change-requests/{changeRequestId}": _OWN_REQUEST,
    "POST /v1.0/contacts/{contactId}/change-requests/{changeRequestId}/cancel": _OWN_REQUEST,
    "POST /v1.0/contacts/{contactId}/change-requests/{changeRequestId}/return": _DECIDES,
    "POST /v1.0/contacts/{contactId}/change-requests/{changeRequestId}/review": _DECIDES,
    "POST /v1.0/change-requests/{changeRequestId}/cancel": _OWN_REQUEST,
    "POST /v1.0/change-requests/{changeRequestId}/return": _DECIDES,
    "POST /v1.0/change-requests/{changeRequestId}/review": _DECIDES,
    "POST /v1.0/change-requests/{changeRequestId}/claim": _ADVICE,
    "DELETE /v1.0/change-requests/{changeRequestId}/claim": _ADVICE,
    "POST /v1.0/change-requests/{changeRequestId}/comments": _REQUEST_TALK,
    "POST /v1.0/change-requests/{changeRequestId}/attachments": _REQUEST_TALK,
    # groups and companies
    "POST /v1.0/contact-groups/search": _READS,
    "POST /v1.0/contacts/search": _READS,
    "POST /v1.0/contacts/duplicates/search": _READS,
    "POST /v2.0/contacts/{contactId}/contactgroups": _changes("contact-group"),
    "PUT /v1.0/contactgroups/{contactGroupId}": _changes("contact-group"),
    "DELETE /v1.0/contactgroups/{contactGroupId}": _changes("contact-group"),
    "POST /v1.0/legalentities": _changes("legal-entity-creation"),
    "POST /v1.1/legalentities": _changes("legal-entity-creation"),
    "PUT /v1.0/legalentities/{legalEntityId}/details": _changes("legal-entity"),
    # jobs
    "POST /v1.0/contacts/import": _UPLOAD,
    "POST /v1.0/contacts/import/sync": _changes(*_OF_CONTACTS, note=_REST_AT_ONCE),
    "POST /v1.0/legal-entities/import": _UPLOAD,
    "POST /v1.0/legal-entities/import/sync": _changes(*_OF_COMPANIES, note=_REST_AT_ONCE),
    "POST /v1.0/contacts/export": _changes("export"),
    "POST /v1.0/legal-entities/export": _changes("export"),
    # schemas and lists
    "PUT /v1.0/schemas/{key}": _changes("schema"),
    "POST /v1.0/schemas/{key}/fields": _READS,
    "POST /v1.0/lists/search": _READS,
    "POST /v1.0/lists/{listKey}/search": _READS,
    "POST /graphql": _READS,
    # webhooks
    "POST /v1.0/webhooks": _WEBHOOKS,
    "DELETE /v1.0/webhooks/{webhookId}": _WEBHOOKS,
    "POST /v1.0/webhooks/{webhookId}/replay": _OWN_WEBHOOK,
    "POST /v1.0/webhooks/{webhookId}/rotate-secret": _OWN_WEBHOOK,
    "POST /v1.0/webhooks/{webhookId}/test": _OWN_WEBHOOK,
    # logins
    "POST /connect/token": _OWN_LOGIN,
    "POST /connect/revoke": _OWN_LOGIN,
    "POST /connect/introspect": _READS,
    "POST /connect/authorize": _OWN_LOGIN,
    "PUT /connect/authorize": _OWN_LOGIN,
    "POST /connect/login": _OWN_LOGIN,
    "PUT /connect/login": _OWN_LOGIN,
    "POST /connect/logout": _OWN_LOGIN,
    "POST /connect/sso/{name}/logout": _exempt(
        Exemption.TAKES_AWAY, "a provider ends the sessions of who logged out there"
    ),
    "POST /connect/set-password/{uidb64}/{token}": _OWN_LOGIN,
    "PUT /connect/set-password/{uidb64}/{token}": _OWN_LOGIN,
    "POST /connect/change-password": _OWN_LOGIN,
    "PUT /connect/change-password": _OWN_LOGIN,
    "POST /connect/forgotten-password": _LINK,
    "PUT /connect/forgotten-password": _LINK,
    "POST /connect/second-factor": _OWN_LOGIN,
    "POST /connect/second-factor/setup": _OWN_LOGIN,
    # the directory
    "POST /scim/v2/Users": _DIRECTORY,
    "PUT /scim/v2/Users/{pk}": _DIRECTORY,
    "PATCH /scim/v2/Users/{pk}": _DIRECTORY,
    "DELETE /scim/v2/Users/{pk}": _exempt(Exemption.TAKES_AWAY),
    "POST /scim/v2/Groups": _DIRECTORY,
    "PUT /scim/v2/Groups/{pk}": _DIRECTORY,
    "PATCH /scim/v2/Groups/{pk}": _DIRECTORY,
    "DELETE /scim/v2/Groups/{pk}": _exempt(Exemption.TAKES_AWAY),
    "POST /scim/v2/.search": _READS,
    "POST /scim/v2/Bulk": _READS,
    # the rest
    "POST /language/setlang/": _OWN_LOGIN,
    "POST /": _READS,
    "PUT /": _READS,
    "PATCH /": _READS,
    "DELETE /": _READS,
}

ADMIN_PAGES = {
    # contacts
    "contacts_contact_add": _changes("contact-creation"),
    "contacts_contact_change": _changes("contact-access"),
    "contacts_contact_edit": _changes("contact-details"),
    "contacts_contact_changes": _READS,
    "contacts_contact_looked": _READS,
    "contacts_contact_as-of": _READS,
    "contacts_contact_requests": _READS,
    "contacts_contact_groups": _READS,
    "contacts_contact_choices": _READS,
    "contacts_contact_connections": _READS,
    "contacts_contact_connections_add": _changes("contact-identity"),
    "contacts_contact_channels": _READS,
    "contacts_contact_channels_act": _KEYS,
    "contacts_contact_picture": _READS,
    "contacts_contact_picture_image": _READS,
    "contacts_contact_picture_file": _READS,
    "contacts_contact_picture_change": _changes("contact-identity"),
    "contacts_contact_anonymize": _changes("anonymization"),
    "contacts_contact_merge": _changes("merge"),
    "contacts_contact_unmerge": _changes("unmerge"),
    "contactgroups_contactgroup_add": _changes("contact-group"),
    "contactgroups_contactgroup_change": _changes("contact-group"),
    "contactgroups_contactgroup_delete": _changes("contact-group"),
    "legalentities_legalentity_add": _changes("legal-entity-creation"),
    "legalentities_legalentity_edit": _changes("legal-entity"),
    "legalentities_legalentity_choices": _READS,
    # change requests
    "changerequests_changerequest_change": _DECIDES,
    "changerequests_changerequest: approve_selected": _DECIDES,
    "changerequests_changerequest: reject_selected": _DECIDES,
    "changerequests_changerequest_attach": _REQUEST_TALK,
    "changerequests_changerequest_attachment": _READS,
    "changerequests_changerequest_claim": _ADVICE,
    "changerequests_changerequest_assign": _ADVICE,
    "changerequests_changerequest_comment": _REQUEST_TALK,
    "changerequests_changerequest_save_filter": _OWN_FILTERS,
    "changerequests_changerequest_delete_filter": _OWN_FILTERS,
    "changerequests_policy_edit": _changes("policy"),
    "changerequests_absence_add": _OWN_ABSENCE,
    "changerequests_absence_change": _OWN_ABSENCE,
    # users, rights, applications
    "accounts_user_change": _RIGHTS,
    "accounts_user_password_link": _LINK,
    "accounts_user_unlock": _exempt(Exemption.TAKES_AWAY, "a lock, of somebody else; it is on record"),
    "accounts_member_add": _RIGHTS,
    "accounts_member_change": _changes("rights", "contact-access", note="taking rights away at once"),
    "accounts_member_recertification": _exempt(
        Exemption.TECHNICAL, "records what a manager confirms, changes no right"
    ),
    "auth_group_add": _RIGHTS_OF_GROUPS,
    "auth_group_change": _RIGHTS_OF_GROUPS,
    "auth_group_delete": _exempt(Exemption.TAKES_AWAY),
    "accounts_clientapplication_add": _APPLICATIONS,
    "accounts_clientapplication_change": _APPLICATIONS,
    "accounts_clientapplication_secret": _exempt(Exemption.OWN_DATA, "the secret that others gave the owner"),
    "accounts_clientapplication_end_secret": _exempt(Exemption.TAKES_AWAY),
    "accounts_participant_add": _changes("configuration"),
    "accounts_participant_change": _changes("configuration"),
    "changerequests_holiday_add": _changes("configuration"),
    "changerequests_holiday_change": _changes("configuration"),
    "contacts_externalsystem_add": _changes("configuration"),
    "contacts_externalsystem_change": _changes("configuration"),
    "events_webhook_add": _changes("configuration"),
    "events_webhook_change": _changes("configuration"),
    "events_webhook_remove": _changes("configuration"),
    "events_webhook_replay": _SENDS_AGAIN,
    "events_webhook_test": _SENDS_AGAIN,
    # duplicates
    "matching_pair_change": _TOLD_APART,
    "matching_pair: distinguish_selected": _TOLD_APART,
    "matching_pair_search": _exempt(Exemption.TECHNICAL, "compares contacts, changes none"),
    # schemas and lists
    "schemas_schema_change": _exempt(Exemption.TECHNICAL, "makes a draft"),
    "schemas_schema_check": _exempt(Exemption.TECHNICAL, "checks a draft"),
    "schemas_schema_draft": _changes("schema"),
    "schemas_schema_again": _exempt(Exemption.TECHNICAL, "checks a draft"),
    "schemas_schema_choices": _READS,
    "schemas_schemaversion_change": _exempt(Exemption.TECHNICAL, "makes a draft of an older version"),
    "schemas_list_change": _READS,
    "schemas_listitem_add": _changes("list"),
    "schemas_listitem_change": _changes("list"),
    "schemas_listitem_delete": _changes("list"),
    # jobs
    "importexport_importjob_add": _changes(*_OF_CONTACTS, *_OF_COMPANIES, note=_REST_AT_ONCE),
    "importexport_importjob_change": _READS,
    "importexport_importjob_failures": _READS,
    "importexport_exportjob_start": _changes("export"),
    "importexport_exportjob_download": _READS,
    # the site
    "login": _OWN_LOGIN,
    "logout": _OWN_LOGIN,
    "password_change": _OWN_LOGIN,
    "password_change_done": _READS,
    "index": _READS,
    "app_list": _READS,
    "autocomplete": _READS,
    "search": _READS,
    "jsi18n": _READS,
    "view_on_site": _READS,
    "dashboard-jobs": _READS,
    "finder": _READS,
    "notifications": _READS,
    "notifications-read": _exempt(Exemption.OWN_DATA, "which of one's own notifications are read"),
    "notifications-digest": _exempt(Exemption.OWN_DATA, "whether one gets the daily digest"),
}

# A shell on the host is outside of the promise; the ledger has what commands do, in their own names.
COMMANDS = {
    "bootstrap": _exempt(Exemption.SHELL, "before there are people"),
    "policies": _changes("policy"),
    "roles": _changes("group-rights", note=_OR_BREAK_GLASS),
    "create_member": _changes("rights", note=_OR_BREAK_GLASS),
    "doctor": _READS,
    "doors": _READS,
    "check_details": _READS,
    "export_proof": _READS,
    "verify": _READS,
    "recertification": _READS,
    "who_looked": _READS,
    "access_log": _exempt(Exemption.SHELL, "with --drop-old as the owner of the tables, beyond the retention alone"),
    "anonymize_contacts": _changes("anonymization", note=_OR_BREAK_GLASS),
    "create_client_app": _BROKEN_GLASS,
    "export_contacts": _SHELL,
    "export_legal_entities": _SHELL,
    "grant_privileges": _SHELL,
    "import_contacts": _changes(*_OF_CONTACTS, note=f"{_REST_AT_ONCE}; {_OR_BREAK_GLASS}"),
    "import_legal_entities": _changes(*_OF_COMPANIES, note=f"{_REST_AT_ONCE}; {_OR_BREAK_GLASS}"),
    "issue_token": _BROKEN_GLASS,
    "link_entities": _changes("contact-group", note=_OR_BREAK_GLASS),
    "load_schemas": _changes("schema", "list", note=f"what is not there yet at once; {_OR_BREAK_GLASS}"),
    "reset_second_factor": _changes("rights", note=_OR_BREAK_GLASS),
    "unlock_login": _exempt(Exemption.TAKES_AWAY, "a lock; it is on record"),
    "rotate_authenticator_keys": _TECHNICAL,
    "find_duplicates": _TECHNICAL,
    "seal": _TECHNICAL,
    "search_indexes": _TECHNICAL,
    "web": _TECHNICAL,
    "worker": _TECHNICAL,
    "beat": _TECHNICAL,
    # Not in production.
    "load_demo": _SHELL,
    "runstack": _SHELL,
    "take_screenshots": _SHELL,
    # Those of Django and of libraries.
    "changepassword": _REFUSES,
    "createapplication": _REFUSES,
    "createsuperuser": _REFUSES,
    "axes: *": _SHELL,
    "django.contrib.contenttypes: *": _SHELL,
    "django.contrib.sessions: *": _SHELL,
    "django.contrib.staticfiles: *": _SHELL,
    "django.core: *": _SHELL,
    "drf_spectacular: *": _SHELL,
    "oauth2_provider: *": _SHELL,
    "pgtrigger: *": _SHELL,
    "rest_framework: *": _SHELL,
}

_APPLIES_APPROVED = _exempt(Exemption.TECHNICAL, "applies what was approved")
_STARTED = _exempt(Exemption.TECHNICAL, "carries out a job that a door above has started")
_SENDS = _exempt(Exemption.TECHNICAL, "numbers what has happened and sends it")

TASKS = {
    "changerequests.tasks.apply_approved": _APPLIES_APPROVED,
    "changerequests.tasks.apply_unapplied": _APPLIES_APPROVED,
    "administration.tasks.send_notice": _TECHNICAL,
    "administration.tasks.send_due_notices": _TECHNICAL,
    "changerequests.tasks.send_deadline_mails": _TECHNICAL,
    "changerequests.tasks.send_due_outcomes": _TECHNICAL,
    "changerequests.tasks.send_digest": _TECHNICAL,
    "changerequests.tasks.send_due_digests": _TECHNICAL,
    "changerequests.tasks.send_outcome": _TECHNICAL,
    "changerequests.tasks.tidy_notifications": _TECHNICAL,
    "changerequests.tasks.watch_deadlines": _TECHNICAL,
    "contacts.tasks.send_due_keys": _TECHNICAL,
    "contacts.tasks.send_key": _TECHNICAL,
    "contacts.tasks.delete_obsolete_files": _TECHNICAL,
    "contacts.tasks.update_search_keys": _TECHNICAL,
    "contacts.tasks.erase_refused": _exempt(Exemption.TECHNICAL, "erases what was refused long ago"),
    "accounts.tasks.clean_up": _TECHNICAL,
    "audit.tasks.keep_access_log": _exempt(Exemption.TECHNICAL, "drops months of the access log beyond its retention"),
    "config.operations.tasks.note_beat": _TECHNICAL,
    "events.tasks.deliver_due": _SENDS,
    "events.tasks.tidy_deliveries": _TECHNICAL,
    "importexport.exports.tasks.expire_exports": _TECHNICAL,
    "importexport.exports.tasks.resume_exports": _STARTED,
    "importexport.exports.tasks.run_export": _STARTED,
    "importexport.imports.tasks.resume_imports": _STARTED,
    "importexport.imports.tasks.run_import": _STARTED,
    "importexport.imports.tasks.tidy_imports": _TECHNICAL,
    "importexport.graphql.tasks.update_search_indexes": _TECHNICAL,
    "matching.tasks.make_matching_keys": _TECHNICAL,
    "matching.tasks.search_due_duplicates": _TECHNICAL,
    "matching.tasks.search_duplicates": _TECHNICAL,
    "proof.tasks.seal": _TECHNICAL,
    "proof.tasks.verify_some": _READS,
    "schemas.tasks.check_draft": _STARTED,
    "schemas.tasks.resume_checks": _STARTED,
    "schemas.tasks.forget_old_drafts": _TECHNICAL,
}
