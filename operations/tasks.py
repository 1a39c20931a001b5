"""The heartbeat task, sent by the scheduler and run by a worker, shows that both work."""

import time

from celery import shared_task
from django.core.cache import cache

BEAT_KEY = "operations.beat"
BEAT_SECONDS = 30


# The module's former name, because both versions exchange messages during an upgrade.
@shared_task(name="config.operations.tasks.note_beat", ignore_result=True, expires=BEAT_SECONDS)
def note_beat() -> None:
    """Store the current time for `manage.py doctor`. Beat sends this task twice a minute."""
    cache.set(BEAT_KEY, time.time(), timeout=None)
