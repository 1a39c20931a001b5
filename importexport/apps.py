from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from changerequests.kinds import register_kind
from core.anonymization import register_anonymization_handler


class ImportExportConfig(AppConfig):
    name = "importexport"
    verbose_name = _("Import and export")

    def ready(self) -> None:
        from importexport.exports.anonymization import erase_exports
        from importexport.exports.approval_kind import ExportRequestKind
        from importexport.imports.anonymization import erase_imports

        register_kind(ExportRequestKind())
        register_anonymization_handler(erase_exports)
        register_anonymization_handler(erase_imports)
