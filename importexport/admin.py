"""Where Django looks for this app's admin."""

from importexport.exports.admin import ExportJobAdmin
from importexport.imports.admin import ImportJobAdmin

__all__ = ["ExportJobAdmin", "ImportJobAdmin"]
