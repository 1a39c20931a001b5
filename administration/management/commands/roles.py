"""`manage.py roles`: the roles that Kontor ships with, in words."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import Group
from django.utils import translation

from administration.commands import FourEyesCommand, refused
from administration.permissions import by_area
from administration.roles import ROLES
from administration.services.roles import create_roles
from core.errors import ApiError


class Command(FourEyesCommand):
    help = "Lists the roles that Kontor ships with, and what they may do; --create makes the groups that are missing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--create", action="store_true", help="Create the roles for which there is no group.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["create"]:
            self._create(options)
            return
        existing = {name.casefold() for name in Group.objects.values_list("name", flat=True)}
        with translation.override("en"):
            for role in ROLES:
                self.stdout.write(self.style.MIGRATE_HEADING(role.name))
                self.stdout.write(f"  {role.text}")
                for area, permissions in by_area(role.permissions):
                    self.stdout.write(f"  {area}: {'; '.join(words for _name, words in permissions)}")
                if role.name.casefold() not in existing:
                    self.stdout.write("  There is no group of this name.")

    def _create(self, options: dict[str, Any]) -> None:
        try:
            created = create_roles(actor=self.actor(options))
        except ApiError as error:
            raise refused(error) from error
        if not created:
            self.stdout.write("All of them exist already.")
        for outcome in created:
            name = Group.objects.get(pk=outcome.subject_id).name
            if outcome.request is None:
                self.stdout.write(f"{name}: created.")
            else:
                self.stdout.write(f"{name}: created; change request {outcome.request.pk} is pending review.")
