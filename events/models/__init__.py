"""The feed of events, and the webhooks that deliver it."""

from events.models.events import Event, Numbering
from events.models.webhooks import Delivery, Webhook

__all__ = ["Delivery", "Event", "Numbering", "Webhook"]
