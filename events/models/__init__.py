"""The feed of events, and the webhooks that deliver it."""

from events.models.events import Event, Numbering

__all__ = ["Event", "Numbering"]
