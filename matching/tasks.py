"""Background tasks of duplicates."""

from celery import shared_task

from matching.services import make_keys


@shared_task
def make_matching_keys() -> None:
    """Make the blocking keys of contacts that were written since. Beat runs this every ten seconds."""
    make_keys()
