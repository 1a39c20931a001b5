"""Give the role that runs Kontor its privileges. Run it as the owner of the tables, after every `migrate`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from operations.privileges import grant_privileges, tables_of_others


class Command(BaseCommand):
    help = (
        "Give a role of the database the privileges that Kontor needs at run time, and take all others on its tables "
        "from it. Run it after every migrate, as the owner of the tables. It can be run again at any time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("role", help="the role that runs Kontor, as deploy/roles.sql made it")

    def handle(self, *args: Any, **options: Any) -> None:
        role = options["role"]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT rolsuper OR rolname = current_user OR pg_has_role(oid, current_user, 'MEMBER')"
                " FROM pg_roles WHERE rolname = %s",
                [role],
            )
            found = cursor.fetchone()
        if found is None:
            raise CommandError(f"There is no role {role}. Run deploy/roles.sql first.")
        if found[0]:
            raise CommandError(
                f"{role} is the owner or a superuser, whom privileges do not bind. See docs/four-eyes.md."
            )
        if others := tables_of_others():
            raise CommandError(f"Others own {', '.join(others[:5])}. Run this as the owner of the tables.")
        self.stdout.write(f"{role} has its privileges on {grant_privileges(role)} tables.")
