from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from core.erasure import register_eraser


class ContactGroupsConfig(AppConfig):
    name = "contactgroups"
    verbose_name = _("Contact groups")

    def ready(self) -> None:
        register_eraser("contactgroups.services.erase_groups")
