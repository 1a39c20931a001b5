from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from changerequests.kinds import register_kind
from events.kinds import register_event_kind
from proof.alarms import register_alarm


class AdministrationConfig(AppConfig):
    name = "administration"
    verbose_name = _("Administration")

    def ready(self) -> None:
        from accounts.sso.handlers import register_sign_in_handler
        from administration.configuration import register_sort
        from administration.events import ADMINISTRATION_EVENTS
        from administration.holidays import HolidaySort
        from administration.kinds.applications import ApplicationKind
        from administration.kinds.break_glass import BreakGlassKind
        from administration.kinds.configuration import ConfigurationKind
        from administration.kinds.rights import GroupRightsKind, RightsKind
        from administration.participants import ParticipantSort
        from administration.services.notices import tell_of_changed_ledger
        from administration.services.single_sign_on import follow_provider_groups
        from administration.webhooks.sort import WebhookSort

        register_kind(BreakGlassKind())
        register_kind(RightsKind())
        register_kind(GroupRightsKind())
        register_kind(ApplicationKind())
        register_kind(ConfigurationKind())
        register_alarm(tell_of_changed_ledger)
        register_sort(ParticipantSort())
        register_sort(HolidaySort())
        register_sort(WebhookSort())
        register_sign_in_handler(follow_provider_groups)
        for event_kind in ADMINISTRATION_EVENTS:
            register_event_kind(event_kind)
