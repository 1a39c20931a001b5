from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from core.erasure import register_eraser


class ImportExportConfig(AppConfig):
    name = "importexport"
    verbose_name = _("Import and export")

    def ready(self) -> None:
        register_eraser("importexport.exports.erasure.erase_exports")
        register_eraser("importexport.imports.erasure.erase_imports")
