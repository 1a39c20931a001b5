"""Background tasks of duplicates."""

from celery import shared_task

from core.jobs import send_again
from matching.models import DuplicateSearch
from matching.searching import run_search, start_due_search
from matching.services import make_keys


@shared_task
def make_matching_keys() -> None:
    """Make the blocking keys of contacts that were written since. Beat runs this every ten seconds."""
    make_keys()


@shared_task
def search_duplicates(search_id: str) -> None:
    """Run a search for duplicates. Does nothing if it is running or finished."""
    run_search(search_id)


@shared_task
def search_due_duplicates() -> None:
    """Start the search that is due, and send lost ones again. Beat runs this every minute."""
    search = start_due_search()
    if search is not None:
        search_duplicates.delay(str(search.pk))
    send_again(search_duplicates, DuplicateSearch.objects.all())
