"""Tasks of proof."""

from celery import shared_task

from proof.sealing import seal_ledger


@shared_task
def seal() -> int:
    """Seal what was numbered since the last seal; return how many seals were made. Beat sends this every minute."""
    return seal_ledger()
