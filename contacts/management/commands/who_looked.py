"""Say who looked at a contact, or what somebody looked at."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from accounts.actor import system_actor
from accounts.models import ClientApplication
from accounts.queries import member_named
from audit.access.models import Access, Door, Looker, Way
from audit.access.queries import accesses_by, accesses_of
from audit.access.recording import looked, recorder
from contacts.models import Contact
from contacts.queries.looked import Line, lines_of
from core.search import id_in, uuid_in

MOST = 1_000
ACTOR = system_actor("who_looked")


class Command(BaseCommand):
    help = "List who looked at a contact, or which contacts somebody looked at, latest first, from the access log."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("contact", nargs="?", help="id or uid of a contact")
        parser.add_argument("--actor", help="member:USERNAME, app:NAME, contact:ID or system")
        parser.add_argument("--since", type=_moment, help="from this moment on, such as 2026-03-01")
        parser.add_argument("--until", type=_moment, help="before this moment")
        parser.add_argument("--way", choices=[way.name.lower() for way in Way], help="only this way")
        parser.add_argument("--limit", type=int, default=MOST, help=f"at most so many rows; {MOST} unless said")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["contact"] and not options["actor"]:
            raise CommandError("Name a contact, or somebody with --actor.")
        rows = _rows_by(options["actor"]) if options["actor"] else None
        if options["contact"]:
            contact_id = _contact_id(options["contact"])
            rows = accesses_of(contact_id) if rows is None else rows.filter(contact_id=contact_id)
        assert rows is not None  # noqa: S101 - one of the two is given
        if options["since"]:
            rows = rows.filter(at__gte=options["since"])
        if options["until"]:
            rows = rows.filter(at__lt=options["until"])
        if options["way"]:
            rows = rows.filter(way=Way[options["way"].upper()])
        lines = lines_of(list(rows[: options["limit"]]), ACTOR)
        for line in lines:
            self.stdout.write(_said(line))
        self.stderr.write(f"{len(lines)} rows.", self.style.SUCCESS)
        # To look at the log is to look at the contacts in it.
        looked(ACTOR, [line.access.contact_id for line in lines], way=Way.AUDITED, door=Door.COMMAND)
        recorder.stop()


def _said(line: Line) -> str:
    row = line.access
    through = f" through {line.application}" if line.application else ""
    who = f"{Looker(row.actor_kind).name.lower()} {line.actor}{through}"
    where = f"{Way(row.way).name.lower()} {Door(row.door).name.lower()}"
    return f"{row.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}  {line.contact}  {who}  {where}  {row.correlation_id}"


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _contact_id(text: str) -> int:
    key = {"uid": uid} if (uid := uuid_in(text)) else {"pk": id_in(text)}
    found: int | None = Contact.objects.filter(**key).values_list("pk", flat=True).first()
    if found is None:
        raise CommandError(f"There is no contact {text}.")
    return found


def _rows_by(text: str) -> QuerySet[Access]:
    kind, _colon, name = text.partition(":")
    if kind == "system":
        return accesses_by(Looker.SYSTEM, 0)
    found: int | None = None
    if kind == "member":
        member = member_named(name)
        found = member.pk if member else None
    elif kind == "app":
        found = ClientApplication.objects.filter(name=name).values_list("pk", flat=True).first()
    elif kind == "contact":
        found = id_in(name)
    if found is None:
        raise CommandError(f"There is no {text}.")
    looker = {"member": Looker.MEMBER, "app": Looker.APP, "contact": Looker.CONTACT}[kind]
    return accesses_by(looker, found)
