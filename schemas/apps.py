from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from changerequests.kinds import register_kind


class SchemasConfig(AppConfig):
    name = "schemas"
    verbose_name = _("Schemas")

    def ready(self) -> None:
        from schemas.kinds import ListKind, SchemaKind

        register_kind(SchemaKind())
        register_kind(ListKind())
