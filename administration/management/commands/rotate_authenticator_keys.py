"""Encrypt with the first of today's keys what is stored encrypted."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import second_factor
from accounts.sealing import UnreadableSecretError
from events.services import webhooks


class Command(BaseCommand):
    help = (
        "Encrypts the keys of all authenticators and the secrets of all webhooks with the first of AUTHENTICATOR_KEYS, "
        "or with SECRET_KEY if there are none. After that no other key is needed to read them."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = second_factor.seal_again() + webhooks.seal_again()
        except UnreadableSecretError as error:
            raise CommandError(
                "One cannot be read: its key is missing in AUTHENTICATOR_KEYS, or in SECRET_KEY_FALLBACKS."
            ) from error
        self.stdout.write(f"{done} encrypted again.")
