"""Verifies the whole ledger over and over, some seals at a time."""

import structlog
from django.db import transaction
from django.utils import timezone

from proof.alarms import raise_alarm
from proof.models import Seal, Watch
from proof.verification.running import verify_between

# The entries of one turn, but for the last seal's.
ENTRIES = 20_000
# How many findings the log names.
_NAMED = 100

log = structlog.get_logger("kontor.proof")


def verify_next() -> int:
    """Verify the next seals and their entries; after the last, begin anew. Returns the number of findings.

    They are logged and counted, and raise an alarm if there are more than in the round before. Does nothing if somebody
    else has verified the same meanwhile.
    """
    watch, _created = Watch.objects.get_or_create(pk=1)
    until = _until(watch.seal)
    if until == watch.seal:
        return 0
    findings = [str(finding) for finding in verify_between(watch.seal, until).findings]
    is_last = not Seal.objects.filter(number__gt=until).exists()
    total = watch.findings + len(findings)
    turn = {"seal": 0, "findings": 0, "found": total} if is_last else {"seal": until, "findings": total}
    with transaction.atomic():
        moved = Watch.objects.filter(pk=1, seal=watch.seal, verified_at=watch.verified_at)
        if not moved.update(**turn, verified_at=timezone.now()):
            return 0
        # Not again in each round.
        if watch.findings <= watch.found < total:
            raise_alarm(findings)
    for finding in findings[:_NAMED]:
        log.error("ledger_was_changed", finding=finding)
    return len(findings)


def _until(after: int) -> int:
    """Return the last seal of this turn."""
    seals = Seal.objects.filter(number__gte=after).order_by("number").values_list("number", "last")
    until, first = after, None
    for number, last in seals.iterator(chunk_size=500):
        first = last if first is None and number == after else first or 0
        if number > after:
            until = number
            if last - first >= ENTRIES:
                break
    return until
