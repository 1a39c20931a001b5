"""Remove the second factor of a member or staff user who has lost it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from accounts.second_factor import remove_factor


class Command(BaseCommand):
    help = (
        "Takes the authenticator and the recovery codes of a login away. Where a second factor is required, the login "
        "sets up another one when it is next used."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user = User.objects.filter(username__iexact=username).first()
        if user is None:
            raise CommandError("There is no login with this username.")
        self.stdout.write("Removed." if remove_factor(user) else "There was no second factor.")
