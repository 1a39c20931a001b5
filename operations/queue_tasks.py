"""What a worker does when the queue does not hear that a message is done with."""

from typing import Any

from celery import Task
from celery.worker.request import Request


class ReconnectingRequest(Request):
    """Connects anew where Celery would but write a line of the log.

    A message that the queue did not hear the end of counts as under way for ever, and a worker takes no more messages
    than it has processes: after a few seconds in which the queue was silent it would wait for good. A new connection
    begins with none under way, and the queue gives the message out once more, as it may every message.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "connection_errors": ()})


class ReconnectingTask(Task):
    Request = f"{__name__}:ReconnectingRequest"
