"""API operations on the feed, tagged Events."""

from functools import partial

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import APPS, Access
from accounts.views import ActorView
from events import serializers as shapes
from events.long_poll import wait_for_page
from events.queries.feed import Listener, Page, last_position, page_of_events
from events.services.numbering import number_events

READ = "events.read"
TAGS = ["Events"]


class EventsView(ActorView):
    access = {"GET": Access(READ, APPS)}
    query_parameters = frozenset(shapes.FeedSerializer().fields)

    @extend_schema(
        operation_id="listEvents",
        tags=TAGS,
        parameters=[shapes.FeedSerializer],
        responses={200: shapes.EventsSerializer},
    )
    def get(self, request: Request) -> Response:
        """Read what has happened, in order.

        Returns the events after a position, each once, of all changes that took effect: of contacts, their access and
        identity, groups, legal entities, schemas and lists; applications without participants also hear of rights,
        applications, configuration and policies. What commits later comes later, so a reader who goes on from `next`
        misses nothing. A page may be empty and `next` go on nevertheless: the events between are not for this
        application.

        An application with participants hears of the contacts that have one of them: `contact.entered` when a contact
        comes into its sight, `contact.left` when it goes. `resync` says that the application itself sees others from
        now on, so it has to read everything again. Of each kind it hears with the scope that reads it.

        With `waitSeconds` the answer waits until there is an event. Raises `UnknownPosition` if the feed does not reach
        `after`, since the database was restored to an earlier state.
        """
        asked = self.query(shapes.FeedSerializer)
        if asked["fromEnd"]:
            number_events()
            page = Page((), last_position(), False)
        else:
            read = partial(
                page_of_events,
                Listener.of_actor(self.actor),
                after=asked["after"],
                limit=asked["limit"],
                types=asked["types"],
            )
            page = wait_for_page(read, seconds=asked["waitSeconds"])
        return Response(shapes.EventsSerializer(page).data)
