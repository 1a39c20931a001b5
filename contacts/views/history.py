"""API views for the change history of a contact."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import ANYONE, Access
from accounts.views import ActorView
from audit.access.recording import looked
from audit.models import Entry, EntryQuerySet
from audit.queries import searched_entries
from contacts.models import CONTACT_DETAILS
from contacts.queries.contacts import check_visible
from contacts.serializers import contacts as shapes
from contacts.views.tags import READ, TAGS
from core.paging import ordered, paginate
from core.replica import on_replica


class HistorySearchV10View(ActorView):
    access = {"POST": Access(READ, ANYONE)}
    successor = "/v1.1/contacts/{contactId}/details/change-history/search"

    @extend_schema(
        operation_id="searchChangeHistoryV10",
        tags=TAGS,
        request=shapes.HistoryCriteriaV10Serializer,
        responses={200: shapes.PagedChangeSetsV10Serializer},
    )
    def post(self, request: Request, contactId: int) -> Response:
        """Search the change history of a contact (deprecated).

        People have numeric ids here. Use v1.1 instead.
        """
        criteria = self.body(shapes.HistoryCriteriaV10Serializer)
        return _history_page(self, contactId, criteria, shapes.ChangeSetV10Serializer)


class HistorySearchView(ActorView):
    access = {"GET": Access(READ, ANYONE), "POST": Access(READ, ANYONE)}
    query_parameters = frozenset(shapes.HistoryCriteriaSerializer().fields)

    @extend_schema(
        operation_id="searchChangeHistory",
        tags=TAGS,
        request=shapes.HistoryCriteriaSerializer,
        responses={200: shapes.PagedChangeSetsSerializer},
    )
    def post(self, request: Request, contactId: int) -> Response:
        """Search the change history of a contact.

        Changes are grouped by submission, latest first. The execution date is when they took effect, not when they were
        requested. Sort by contactChangeSetId, executionDate or initiatorPersonId. `comment` came with the change;
        contacts read only their own.
        """
        return _history_page(self, contactId, self.body(shapes.HistoryCriteriaSerializer), shapes.ChangeSetSerializer)

    @extend_schema(
        operation_id="listChangeHistory",
        tags=TAGS,
        parameters=[shapes.HistoryCriteriaSerializer],
        responses={200: shapes.PagedChangeSetsSerializer},
    )
    def get(self, request: Request, contactId: int) -> Response:
        """Search the change history of a contact by query parameters.

        The same search as POST. Repeat `paths` and `initiatorPersonUids` for several values. The criteria may also be
        sent as the body of a POST; naming some in the body and some in the query is refused.
        """
        criteria = self.criteria(shapes.HistoryCriteriaSerializer)
        return _history_page(self, contactId, criteria, shapes.ChangeSetSerializer)


@on_replica
def _history_page(
    view: ActorView, contact_id: int, criteria: Mapping[str, Any], shape: type[shapes.ChangeSetSerializer]
) -> Response:
    contact_id = check_visible(actor=view.actor, contact_id=contact_id)
    looked(view.actor, [contact_id])
    history = ordered(
        searched_entries(kind=CONTACT_DETAILS, subject_id=contact_id, criteria=criteria),
        criteria,
        columns=shapes.HISTORY_COLUMNS,
        default="contactChangeSetId",
    )

    def render(entry: Entry) -> dict[str, Any]:
        row = shape().to_representation(entry)
        if view.actor.is_contact and entry.initiator_contact_id != view.actor.contact_id:
            row["comment"] = None
        return row

    return Response(paginate(history, criteria, render=render, shown=EntryQuerySet.with_people))
