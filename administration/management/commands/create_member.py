"""Make a member: a new colleague, or of a login that there is."""

from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group
from django.core.management import CommandError
from django.db.models import Model, QuerySet

from accounts.models import Member, Participant, User
from administration.commands import RightsCommand
from administration.services.colleagues import add_colleague


class Command(RightsCommand):
    help = (
        "Adds a colleague, as the admin does, and mails it a link to set its password. A login that exists already "
        "becomes a member: an installation whose staff has no members needs it, because nobody could ask for rights "
        "there, or approve them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--email", help="Of a new colleague: where the link to set the password goes.")
        parser.add_argument("--first-name")
        parser.add_argument("--last-name")
        parser.add_argument("--manager", metavar="USERNAME")
        parser.add_argument("--role", action="append", metavar="GROUP", help="Repeat for each.")
        parser.add_argument("--participant", action="append", metavar="NAME", help="Repeat for each.")
        parser.add_argument("--sees-all-contacts", action="store_true", help="The member sees the contacts of all.")

    def handle(self, *args: Any, **options: Any) -> None:
        target = _target(options)
        if User.objects.filter(username__iexact=options["username"]).exists():
            unchanged = "It was a member already."
            self.change(options, {**target, "isMember": True}, done="It is a member now.", unchanged=unchanged)
            return
        self.submit(
            lambda actor: add_colleague(actor=actor, username=options["username"], target=target),
            options,
            done="The colleague was added.",
        )


def _target(options: dict[str, Any]) -> dict[str, Any]:
    """Return the paths that the options name. Raises CommandError for a name that does not exist."""
    target: dict[str, Any] = {
        path: options[name]
        for path, name in (("email", "email"), ("firstName", "first_name"), ("lastName", "last_name"))
        if options[name] is not None
    }
    if options["manager"] is not None:
        target["manager"] = _ids(Member.objects.all(), "user__username__iexact", [options["manager"]])[0]
    if options["role"]:
        target["groups"] = _ids(Group.objects.all(), "name", options["role"])
    if options["participant"]:
        target["participants"] = _ids(Participant.objects.all(), "name", options["participant"])
    return target | ({"seesAllContacts": True} if options["sees_all_contacts"] else {})


def _ids(rows: QuerySet[Any], lookup: str, names: Iterable[str]) -> list[int]:
    found: list[int] = []
    for name in names:
        row: Model | None = rows.filter(**{lookup: name}).first()
        if row is None:
            raise CommandError(f"There is no {rows.model._meta.verbose_name} {name}.")
        found.append(row.pk)
    return found
