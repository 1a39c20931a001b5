"""Link entities of other systems to contact groups."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from accounts.actor import system_actor
from administration.commands import FourEyesCommand
from contactgroups.linkfile import NotALinkFileError, read_links
from contactgroups.services import link_entities
from core.errors import ApiError


class Command(FourEyesCommand):
    help = (
        "Links accounts, portfolios and portfolio proposals to contact groups: all lines of the file or none. The file "
        "is CSV in UTF-8, with commas, semicolons or tabs and a header row: groupExternalId or groupId, entityType, "
        "entityId. Links that exist stay: running it again changes nothing, and nothing is unlinked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be linked, and link nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rows = read_links(options["file"].read_bytes())
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        except NotALinkFileError as error:
            raise CommandError(f"{error} Nothing was linked.") from error
        try:
            actor = system_actor(self.name) if options["dry_run"] else self.actor(options)
            outcome = link_entities(actor=actor, rows=rows, is_dry_run=options["dry_run"])
        except ApiError as error:
            faults = [f"{place}: {message}" for place, texts in (error.properties or {}).items() for message in texts]
            raise CommandError("\n".join([*faults, str(error)])) from error
        if outcome.change_request is not None:
            self.say_that_it_waits(outcome.change_request)
        added = "Added"
        if options["dry_run"] or outcome.change_request is not None:
            added = "Would be added"
        self.stdout.write(f"{added}: {outcome.added}. There already: {outcome.present}.")
