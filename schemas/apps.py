from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _

from changerequests.kinds import register_kind


class SchemasConfig(AppConfig):
    name = "schemas"
    verbose_name = _("Schemas")

    def ready(self) -> None:
        from schemas.checks import check_phone_region
        from schemas.kinds import ListKind, SchemaKind

        register(check_phone_region)
        register_kind(SchemaKind())
        register_kind(ListKind())
