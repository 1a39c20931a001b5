from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _

from changerequests.kinds import register_kind
from events.kinds import register_event_kind


class SchemasConfig(AppConfig):
    name = "schemas"
    verbose_name = _("Schemas")

    def ready(self) -> None:
        from schemas.checks import check_phone_region
        from schemas.events import SCHEMA_EVENTS
        from schemas.kinds import ListKind, SchemaKind

        register(check_phone_region)
        register_kind(SchemaKind())
        register_kind(ListKind())
        for event_kind in SCHEMA_EVENTS:
            register_event_kind(event_kind)
