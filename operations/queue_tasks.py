"""Recovery of a worker whose acknowledgement does not reach the queue."""

from typing import Any

from celery import Task
from celery.worker.request import Request


class ReconnectingRequest(Request):
    """Reconnects after a failed acknowledgement, which Celery only logs.

    An unacknowledged message counts against the prefetch limit, which equals the number of processes: after a short
    outage of the queue a worker would stop consuming. A new connection starts with no unacknowledged messages, and the
    queue redelivers the message, which tasks must tolerate anyway.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "connection_errors": ()})


class ReconnectingTask(Task):
    Request = f"{__name__}:ReconnectingRequest"
