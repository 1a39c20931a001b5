from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from changerequests.kinds import register_kind


class AdministrationConfig(AppConfig):
    name = "administration"
    verbose_name = _("Administration")

    def ready(self) -> None:
        from administration.configuration import register_sort
        from administration.kinds.applications import ApplicationKind
        from administration.kinds.break_glass import BreakGlassKind
        from administration.kinds.configuration import ConfigurationKind
        from administration.kinds.rights import GroupRightsKind, RightsKind
        from administration.participants import ParticipantSort

        register_kind(BreakGlassKind())
        register_kind(RightsKind())
        register_kind(GroupRightsKind())
        register_kind(ApplicationKind())
        register_kind(ConfigurationKind())
        register_sort(ParticipantSort())
