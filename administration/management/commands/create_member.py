"""Make a login a member."""

from argparse import ArgumentParser
from typing import Any

from administration.commands import RightsCommand


class Command(RightsCommand):
    help = (
        "Makes an existing login a member, as the admin does. An installation whose staff has no members needs it: "
        "nobody could ask for rights there, or approve them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--sees-all-contacts", action="store_true", help="The member sees the contacts of all.")

    def handle(self, *args: Any, **options: Any) -> None:
        target = {"isMember": True} | ({"seesAllContacts": True} if options["sees_all_contacts"] else {})
        self.change(options, target, done="It is a member now.", unchanged="It was a member already.")
