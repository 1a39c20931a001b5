"""Shapes of the feed."""

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from rest_framework import serializers

from core.serializers import StrictBooleanField, StrictIntegerField, StrictSerializer, criterion
from events.long_poll import MAX_SECONDS
from events.queries.feed import VisibleEvent, known_types

MAX_EVENTS = 1_000
# JavaScript reads whole numbers exactly up to here.
MAX_POSITION = 2**53 - 1
_ENTRIES = uuid5(NAMESPACE_URL, "https://kontor.example/entries")


class PositionField(StrictIntegerField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=MAX_POSITION, **kwargs)


class TypeField(serializers.ChoiceField):
    """A type of events."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=known_types(), **kwargs)


class FeedSerializer(StrictSerializer):
    after = PositionField(required=False, default=0, help_text="The position that was read last: `next` of the answer.")
    limit = StrictIntegerField(required=False, default=100, min_value=1, max_value=MAX_EVENTS)
    types = criterion(TypeField(), help_text="Only events of these types. Repeat the parameter for several.")
    waitSeconds = StrictIntegerField(
        required=False,
        default=0,
        min_value=0,
        max_value=MAX_SECONDS,
        help_text="How long to wait for an event if there is none. The answer may come earlier.",
    )
    fromEnd = StrictBooleanField(
        required=False, default=False, help_text="Return no events, but the end of the feed as `next`."
    )


class EventSubjectSerializer(serializers.Serializer):
    kind = serializers.CharField()
    id = serializers.IntegerField(allow_null=True)
    uId = serializers.UUIDField(allow_null=True)
    name = serializers.CharField(help_text="Of a schema or list: its key. Never the name of a person.")


class EventSerializer(serializers.Serializer):
    position = serializers.IntegerField()
    id = serializers.UUIDField(help_text="The same for everybody, however often it is read.")
    type = serializers.CharField()
    time = serializers.DateTimeField()
    kind = serializers.CharField(help_text="What was changed, as change requests call it.")
    subject = EventSubjectSerializer()
    version = serializers.IntegerField(allow_null=True, help_text="Of contacts and legal entities: since this event.")
    paths = serializers.ListField(child=serializers.CharField(), help_text="What was changed. Events have no values.")
    changeRequestId = serializers.IntegerField(allow_null=True, help_text="The request that was approved, if any.")

    def to_representation(self, event: VisibleEvent) -> dict[str, Any]:
        """Render an event at once: a page has up to a thousand, and going field by field takes as long as reading."""
        uid = event.subject.uid
        return {
            "position": event.position,
            "id": str(uuid5(_ENTRIES, f"{event.entry_id} {event.time.isoformat()}")),
            "type": event.type,
            "time": event.time.isoformat().replace("+00:00", "Z"),
            "kind": event.kind,
            "subject": {
                "kind": event.subject_kind,
                "id": event.subject_id,
                "uId": None if uid is None else str(uid),
                "name": event.subject.name,
            },
            "version": event.version,
            "paths": event.paths,
            "changeRequestId": event.change_request_id,
        }


class EventsSerializer(serializers.Serializer):
    events = EventSerializer(many=True)
    next = serializers.IntegerField(help_text="Where to go on: `after` of the next call.")
    hasMore = serializers.BooleanField(source="has_more", help_text="Whether there are more already.")
