from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from changerequests.kinds import register_kind
from core.anonymization import register_anonymization_handler


class ContactGroupsConfig(AppConfig):
    name = "contactgroups"
    verbose_name = _("Contact groups")

    def ready(self) -> None:
        from contactgroups.kinds import ContactGroupKind
        from contactgroups.services import erase_groups

        register_kind(ContactGroupKind())
        register_anonymization_handler(erase_groups)
