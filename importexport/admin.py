"""Where Django looks for this app's admin."""

from importexport.exports.admin import ExportJobAdmin

__all__ = ["ExportJobAdmin"]
