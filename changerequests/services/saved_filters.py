"""Saving and deleting the filters of a member. Everybody has its own only."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from changerequests.models import SavedFilter
from core.errors import NotFound, UnprocessableEntity
from core.text import one_line

# So many fit above the list.
MOST_SAVED = 20
LONGEST_NAME, LONGEST_QUERY = 60, 2000


@transaction.atomic
def save_filter(*, actor: Actor, name: str, query: str) -> SavedFilter:
    """Save filters under a name; those that had it before are replaced. `query` is clean (`SavedFilterAdmin`).

    Locks the member's filter of this name. Raises UnprocessableEntity without a name or filters, and for too many.
    """
    name = one_line(name)
    if not name or len(name) > LONGEST_NAME:
        raise UnprocessableEntity(_("Give the filters a name of up to %(most)d characters.") % {"most": LONGEST_NAME})
    if not query or len(query) > LONGEST_QUERY:
        raise UnprocessableEntity(_("There are no filters to save, or too many."))
    own = SavedFilter.objects.filter(member=actor.member_id)
    if own.exclude(name=name).count() >= MOST_SAVED:
        raise UnprocessableEntity(_("You have saved %(most)d filters. Delete one first.") % {"most": MOST_SAVED})
    saved, _is_new = own.update_or_create(member_id=actor.member_id or 0, name=name, defaults={"query": query})
    return saved


def delete_filter(*, actor: Actor, filter_id: int) -> None:
    """Delete a filter of the member's own. Raises NotFound, also for that of another."""
    deleted, _rows = SavedFilter.objects.filter(member=actor.member_id, pk=filter_id).delete()
    if not deleted:
        raise NotFound
