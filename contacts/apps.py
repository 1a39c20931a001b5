from functools import partial

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from audit.documents import register_document_table, register_subject_kinds
from changerequests.kinds import register_kind
from core.anonymization import register_anonymization_handler
from events.kinds import register_event_kind
from schemas.document_sources import register_document_source
from schemas.names import register_schema_name
from schemas.publications import register_publication_handler
from schemas.usage_checks import register_usage_check


class ContactsConfig(AppConfig):
    name = "contacts"
    verbose_name = _("Contacts")

    def ready(self) -> None:
        from accounts.addresses import register_client_logins
        from accounts.usernames import register_name_holder
        from administration.configuration import register_sort
        from changerequests.services.erasure import erase_requests
        from contacts.events import CONTACT_EVENTS
        from contacts.kinds.access import ContactAccessKind
        from contacts.kinds.anonymization import AnonymizationKind
        from contacts.kinds.creation import ContactCreationKind
        from contacts.kinds.details import ContactDetailsKind
        from contacts.kinds.identity import ContactIdentityKind
        from contacts.models import CONTACT_DETAILS, CONTACT_KINDS, CONTACT_SCHEMA, KINDS_OF_PAIRS, Contact
        from contacts.queries.contacts import has_username
        from contacts.queries.documents import is_list_item_used, stored_contacts
        from contacts.services.anonymization import erase_contacts, erase_requests_about_pairs
        from contacts.services.logins import ContactLogins
        from contacts.services.search_keys import follow_definition
        from contacts.systems import SystemSort

        register_kind(ContactDetailsKind())
        register_kind(ContactAccessKind())
        register_kind(AnonymizationKind())
        register_kind(ContactIdentityKind())
        register_kind(ContactCreationKind())
        register_document_table(CONTACT_DETAILS, Contact._meta.db_table)
        register_subject_kinds("contact", CONTACT_KINDS)
        register_sort(SystemSort())
        register_name_holder(has_username)
        register_client_logins(ContactLogins())
        register_usage_check(is_list_item_used)
        register_document_source("contact", stored_contacts)
        register_schema_name("contact", _("Contact"))
        register_publication_handler(CONTACT_SCHEMA, follow_definition)
        # Handlers run in reverse: the ledger records the erasure before requests may lose their values.
        for kind in CONTACT_KINDS:
            erased = erase_requests_about_pairs if kind in KINDS_OF_PAIRS else erase_requests
            register_anonymization_handler(partial(erased, kind))
        register_anonymization_handler(erase_contacts)
        for event_kind in CONTACT_EVENTS:
            register_event_kind(event_kind)
