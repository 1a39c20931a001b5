"""Import the model admins so that Django registers them."""

from importexport.exports.admin import ExportJobAdmin
from importexport.imports.admin import ImportJobAdmin

__all__ = ["ExportJobAdmin", "ImportJobAdmin"]
