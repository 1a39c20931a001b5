from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from changerequests.kinds import register_kind


class ChangeRequestsConfig(AppConfig):
    name = "changerequests"
    verbose_name = _("Change requests")

    def ready(self) -> None:
        from changerequests.policy_kind import PolicyKind

        register_kind(PolicyKind())
