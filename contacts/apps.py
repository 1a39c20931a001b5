from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from core.erasure import register_eraser
from schemas.stored import register_documents
from schemas.usage import register_usage_check


class ContactsConfig(AppConfig):
    name = "contacts"
    verbose_name = _("Contacts")

    def ready(self) -> None:
        register_usage_check("contacts.queries.is_list_item_used")
        register_documents("contact", "contacts.queries.stored_contacts")
        register_eraser("contacts.services.anonymization.erase_contacts")
