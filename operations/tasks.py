"""What shows that the scheduler and a worker do their work: a task that the one sends and the other does."""

import time

from celery import shared_task
from django.core.cache import cache

BEAT_KEY = "operations.beat"
BEAT_SECONDS = 30


# The module's former name: during an upgrade messages are sent and received by both versions.
@shared_task(name="config.operations.tasks.note_beat", ignore_result=True, expires=BEAT_SECONDS)
def note_beat() -> None:
    """Note the time; beat sends it twice a minute, and `manage.py doctor` looks how long ago that was."""
    cache.set(BEAT_KEY, time.time(), timeout=None)
