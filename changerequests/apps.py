from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _

from accounts.closing import register_closing_handler
from changerequests.kinds import register_kind
from events.kinds import register_event_kind, simple_kind


class ChangeRequestsConfig(AppConfig):
    name = "changerequests"
    verbose_name = _("Change requests")

    def ready(self) -> None:
        from changerequests.checks import check_digest_hour
        from changerequests.policy_kind import PolicyKind
        from changerequests.services.claims import put_down_by_users
        from changerequests.services.policies import POLICY_KIND
        from changerequests.services.withdrawing import cancel_returned_requests

        register_kind(PolicyKind())
        register_closing_handler(cancel_returned_requests)
        register_closing_handler(put_down_by_users)
        register(check_digest_hour)
        register_event_kind(
            simple_kind(POLICY_KIND, subject=POLICY_KIND, type_="policy.changed", words=_("A policy was changed"))
        )
