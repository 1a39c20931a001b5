"""Make a login a member."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from accounts.models import User
from administration.commands import FourEyesCommand
from administration.services.rights import change_rights
from core.errors import ApiError


class Command(FourEyesCommand):
    help = (
        "Makes an existing login a member, as the admin does. An installation whose staff has no members needs it: "
        "nobody could ask for rights there, or approve them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("username")
        parser.add_argument("--sees-all-contacts", action="store_true", help="The member sees the contacts of all.")

    def handle(self, *args: Any, username: str, sees_all_contacts: bool, **options: Any) -> None:
        user = User.objects.filter(username__iexact=username).first()
        if user is None:
            raise CommandError("There is no login with this username.")
        target = {"isMember": True} | ({"seesAllContacts": True} if sees_all_contacts else {})
        try:
            outcome = change_rights(actor=self.actor(options), user_id=user.pk, target=target)
        except ApiError as error:
            raise CommandError(str(error)) from error
        if outcome.request is not None:
            self.say_that_it_waits(outcome.request)
        else:
            self.stdout.write("It is a member now." if outcome.made else "It was a member already.")
