from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from core.anonymization import register_anonymization_handler


class ContactGroupsConfig(AppConfig):
    name = "contactgroups"
    verbose_name = _("Contact groups")

    def ready(self) -> None:
        from contactgroups.services import erase_groups

        register_anonymization_handler(erase_groups)
