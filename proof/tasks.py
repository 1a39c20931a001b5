"""Tasks of proof."""

from celery import shared_task

from proof.sealing import seal_ledger
from proof.watching import verify_next


@shared_task
def seal() -> int:
    """Seal what was numbered since the last seal; return how many seals were made. Beat sends this every minute."""
    return seal_ledger()


@shared_task
def verify_some() -> int:
    """Verify some more of the ledger; return the number of findings. Beat sends this every ten minutes."""
    return verify_next()
