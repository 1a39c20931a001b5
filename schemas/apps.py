from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SchemasConfig(AppConfig):
    name = "schemas"
    verbose_name = _("Schemas")
