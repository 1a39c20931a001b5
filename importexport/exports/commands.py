"""Base class of the export commands."""

import os
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from accounts.actor import system_actor
from audit.access.exports import record_export
from audit.access.models import Door
from core.errors import ApiError
from importexport.exports.running import export_rows
from importexport.exports.selection import Selection
from importexport.models import ExportKind
from importexport.progress import ShownProgress


class ExportCommand(BaseCommand):
    """Writes all rows, as the system actor sees them, to a file or to standard output."""

    kind: ClassVar[ExportKind]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--query", type=Path, metavar="FILE", help="A GraphQL query whose `where` chooses the rows."
        )
        parser.add_argument("--output", type=Path, metavar="FILE", help="Standard output unless said.")

    def handle(self, *args: Any, **options: Any) -> None:
        command = self.__class__.__module__.rpartition(".")[2]
        try:
            query = options["query"].read_text("utf-8").strip() if options["query"] else ""
            with _output(options["output"]) as file, ShownProgress("rows") as progress:
                actor = system_actor(command)
                written = export_rows(Selection(self.kind, query=query), actor=actor, file=file, progress=progress)
                if self.kind == ExportKind.CONTACTS:
                    record_export(actor=actor, contact_ids=written, door=Door.COMMAND)
                file.flush()
        except ApiError as error:
            raise CommandError(str(error)) from error
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"The file cannot be read or written: {error}") from error
        except DatabaseError as error:
            raise CommandError(f"The database did not answer to the end: {error}") from error
        self.stderr.write(f"{len(written)} rows written.", self.style.SUCCESS)


@contextmanager
def _output(target: Path | None) -> Iterator[IO[bytes]]:
    """Yield the output stream. A file is renamed into place only when complete, so that no partial file is used."""
    if target is None:
        yield sys.stdout.buffer
        return
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        unfinished = Path(file.name)
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            unfinished.replace(target)
        except BaseException:
            unfinished.unlink()
            raise
