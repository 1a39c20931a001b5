from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from core.anonymization import register_anonymization_handler


class ChangeRequestsConfig(AppConfig):
    name = "changerequests"
    verbose_name = _("Change requests")

    def ready(self) -> None:
        from changerequests.services import erase_change_requests

        register_anonymization_handler(erase_change_requests)
