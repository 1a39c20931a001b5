"""`manage.py seal`: seals what beat would seal within a minute."""

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from proof.models import Seal
from proof.sealing import seal_ledger


class Command(BaseCommand):
    help = "Numbers, chains and seals all entries that were committed, as beat does each minute."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SEAL_KEY_FILES:
            raise CommandError("SEAL_KEY_FILES names no key: nothing is sealed.")
        made = seal_ledger()
        last = Seal.objects.last()
        self.stdout.write(f"{made} made; {last.last if last else 0} entries are sealed by {Seal.objects.count()}.")
