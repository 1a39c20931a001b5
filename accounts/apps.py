from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from core.erasure import register_eraser


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        register_eraser("accounts.idempotency.erase_answers")
