from typing import Any

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from core.erasure import register_eraser


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        register_eraser("accounts.idempotency.erase_answers")
        user_logged_in.connect(_begin_session)


def _begin_session(**kwargs: Any) -> None:
    import_string("accounts.sessions.begin")(**kwargs)
