from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from core.erasure import register_eraser


class ChangeRequestsConfig(AppConfig):
    name = "changerequests"
    verbose_name = _("Change requests")

    def ready(self) -> None:
        register_eraser("changerequests.services.erase_change_requests")
