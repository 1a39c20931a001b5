"""Encrypt the keys of authenticators with the first of today's keys."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.sealing import UnreadableSecretError
from accounts.second_factor import seal_again


class Command(BaseCommand):
    help = (
        "Encrypts the keys of all authenticators with the first of AUTHENTICATOR_KEYS, or with SECRET_KEY if there are "
        "none. After that no other key is needed to read them."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = seal_again()
        except UnreadableSecretError as error:
            raise CommandError(
                "One key cannot be read: its key is missing in AUTHENTICATOR_KEYS, or in SECRET_KEY_FALLBACKS."
            ) from error
        self.stdout.write(f"{done} encrypted again.")
