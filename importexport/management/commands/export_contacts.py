"""Export contacts as CSV."""

from importexport.exports.commands import ExportCommand
from importexport.models import ExportKind


class Command(ExportCommand):
    help = "Writes all contacts, or those that a GraphQL query chooses, as CSV."
    kind = ExportKind.CONTACTS
