"""Create the first people of an installation."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from administration.bootstrap import Person, create_first_people
from core.errors import ApiError

# Rights need one who asks, one whom they are about, and one who decides.
ENOUGH_PEOPLE = 3


class Command(BaseCommand):
    help = (
        "Creates the first people of an installation, who may do everything but nothing alone, and prints a link for "
        "each: on its page that person chooses a password, once. Refuses once there are people."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--person",
            nargs=4,
            action="append",
            required=True,
            metavar=("USERNAME", "EMAIL", "FIRST_NAME", "LAST_NAME"),
            help="Repeat for each: at least two, better three.",
        )
        parser.add_argument("--base-url", default="", help="Put before each link: https://kontor.example")

    def handle(self, *args: Any, **options: Any) -> None:
        people = [Person(*found) for found in options["person"]]
        try:
            created = create_first_people(people)
        except ApiError as error:
            faults = [f"  {place}: {text}" for place, texts in (error.properties or {}).items() for text in texts]
            raise CommandError("\n".join([str(error), *faults])) from error
        for member, link in created:
            self.stdout.write(f"{member.user.username}: {options['base_url'].rstrip('/')}{link}")
        hours = settings.PASSWORD_RESET_TIMEOUT // 3600
        self.stderr.write(f"Hand each link to its person alone. It works once, within {hours} hours.")
        if len(created) < ENOUGH_PEOPLE:
            self.stderr.write(
                "With two people nobody can decide about the rights of one of the two. Ask for a third one first."
            )
