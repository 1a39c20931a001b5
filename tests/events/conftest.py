from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.api import Api
from tests.events.receivers import Receiver

OF_CONTACTS = ["contact.created", "contact.changed", "contact.entered", "contact.left"]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """A receiver on loopback, to which webhooks may send."""
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def subscribe(receiver: Receiver) -> Callable[..., tuple[str, str]]:
    """Have an application's events of contacts sent to the receiver; returns the webhook's path and its secret."""

    def subscribe(api: Api, **body: object) -> tuple[str, str]:
        answer = api.post("/v1.0/webhooks", {"url": receiver.url, "types": OF_CONTACTS, **body})
        assert answer.status == 201, answer.json
        return f"/v1.0/webhooks/{answer.json['id']}", answer.json["secret"]

    return subscribe
