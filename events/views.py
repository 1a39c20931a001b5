"""API operations on the feed, tagged Events."""

from functools import partial

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import APPS, Access
from accounts.views import ActorView
from core.openapi import SECONDS
from events import serializers as shapes
from events.long_poll import CannotWaitError, wait_for_page
from events.queries.feed import Consumer, Page, last_position, page_of_events
from events.services.numbering import number_events

READ = "events.read"
TAGS = ["Events"]
COME_AGAIN = OpenApiParameter(
    "Retry-After",
    SECONDS,
    OpenApiParameter.HEADER,
    response=["200"],
    description="After how many seconds to come again, since others wait already.",
)


class EventsView(ActorView):
    access = {"GET": Access(READ, APPS)}
    query_parameters = frozenset(shapes.FeedSerializer().fields)

    @extend_schema(
        operation_id="listEvents",
        tags=TAGS,
        parameters=[shapes.FeedSerializer, COME_AGAIN],
        responses={200: shapes.EventsSerializer},
    )
    def get(self, request: Request) -> Response:
        """Read what has happened, in order.

        Returns the events after a position, each once, of all changes that took effect: of contacts, their access and
        identity, groups, legal entities, schemas and lists; applications without participants also those of
        rights, applications, configuration and policies. What commits later comes later, so a reader who goes on from
        `next` misses nothing. A page may be empty and `next` go on nevertheless: the events between are not for this
        application.

        An application with participants receives the events of contacts that have one of them: `contact.entered` when
        a contact becomes visible to it, `contact.left` when it no longer is. `resync` says that what the application
        can see was changed, so it has to read everything again. It receives the events of a kind only with the scope
        that reads it.

        With `waitSeconds` the answer waits until there is an event. One that is empty and comes early has
        `Retry-After`: others wait already, so come again after so many seconds. Raises `UnknownPosition` if the feed
        does not reach `after`, since the database was restored to an earlier state.
        """
        asked = self.query(shapes.FeedSerializer)
        if asked["fromEnd"]:
            number_events()
            return Response(shapes.EventsSerializer(Page((), last_position(), False)).data)
        consumer = Consumer.of_actor(self.actor)
        read = partial(page_of_events, consumer, after=asked["after"], limit=asked["limit"], types=asked["types"])
        try:
            return Response(shapes.EventsSerializer(wait_for_page(read, seconds=asked["waitSeconds"])).data)
        except CannotWaitError as early:
            headers = {"Retry-After": str(early.seconds)}
            return Response(shapes.EventsSerializer(early.page).data, headers=headers)
