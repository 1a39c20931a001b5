from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.core.checks import Tags, register
from django.utils.translation import gettext_lazy as _

from core.anonymization import register_anonymization_handler


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Accounts")

    def ready(self) -> None:
        from accounts.checks import check_second_factor
        from accounts.idempotency import erase_records
        from accounts.sessions import begin
        from accounts.sso.checks import check_providers

        register_anonymization_handler(erase_records)
        user_logged_in.connect(begin)
        register(check_providers, Tags.security)
        register(check_second_factor, Tags.security, deploy=True)
