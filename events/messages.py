"""What is sent to webhooks: a CloudEvent (JSON), signed according to Standard Webhooks. Its `data` is the event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.conf import settings
from standardwebhooks.webhooks import Webhook as Signer

from events.queries.feed import VisibleEvent
from events.serializers import EventSerializer

TEST = "webhook.test"
CONTENT_TYPE = "application/cloudevents+json"


@dataclass(frozen=True, slots=True)
class Message:
    """The body of a call, and the id that it has however often it is sent."""

    id: str
    body: bytes


def message_of(event: VisibleEvent) -> Message:
    data: dict[str, Any] = EventSerializer(event).data
    subject = f"{data['subject']['kind']}/{data['subject']['id']}"
    return _message(data["id"], type_=data["type"], time=data["time"], data=data, subject=subject)


def message_of_test(identity: str, time: datetime) -> Message:
    return _message(identity, type_=TEST, time=time.isoformat(), data={"type": TEST})


def _message(identity: str, *, type_: str, time: str, data: Any, subject: str = "") -> Message:
    event = {
        "specversion": "1.0",
        "id": identity,
        "source": settings.PUBLIC_URL or "urn:kontor",
        "type": type_,
        "time": time,
        "datacontenttype": "application/json",
        "data": data,
    }
    if subject:
        event["subject"] = subject
    return Message(identity, orjson.dumps(event))


def headers_of(message: Message, *, secrets: Sequence[bytes], now: datetime) -> dict[str, str]:
    """Return the headers of a call: signed with each secret, so that a receiver may know one or the other."""
    text = message.body.decode()
    return {
        "Content-Type": CONTENT_TYPE,
        "webhook-id": message.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Signer(secret).sign(message.id, now, text) for secret in secrets),
    }
