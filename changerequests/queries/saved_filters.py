"""What the queue offers to choose from."""

from dataclasses import dataclass

from django.db.models import CharField, Value

from accounts.models import Participant
from changerequests.models import SavedFilter


@dataclass(frozen=True, slots=True)
class Offered:
    """The participants, as choices of their filter, and the member's saved filters, both by name."""

    participants: list[tuple[str, str]]
    saved: list[SavedFilter]


def offered_to(member_id: int | None) -> Offered:
    """Return what the queue offers to a member. One statement, because each one costs a list the same."""
    columns = ("pk", "name", "query")
    participants = Participant.objects.order_by().annotate(query=Value(None, CharField(null=True)))
    saved = SavedFilter.objects.order_by().filter(member=member_id)
    rows = list(participants.values_list(*columns).union(saved.values_list(*columns), all=True).order_by("name", "pk"))
    return Offered(
        participants=[(str(pk), name) for pk, name, query in rows if query is None],
        saved=[SavedFilter(pk=pk, name=name, query=query) for pk, name, query in rows if query is not None],
    )
