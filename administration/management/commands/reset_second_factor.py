"""Remove the second factor of a member or staff user who has lost it."""

from typing import Any

from administration.commands import RightsCommand


class Command(RightsCommand):
    help = (
        "Takes the authenticator and the recovery codes of a login away. Where a second factor is required, the login "
        "sets up another one when it is next used: so, once there are people, somebody else approves it first."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.change(options, {"secondFactor": None}, done="Removed.", unchanged="There was no second factor.")
