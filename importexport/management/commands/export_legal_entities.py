"""Export legal entities as CSV."""

from importexport.exports.commands import ExportCommand
from importexport.models import ExportKind


class Command(ExportCommand):
    help = "Writes all legal entities, or those that a GraphQL query chooses, as CSV."
    kind = ExportKind.LEGAL_ENTITIES
