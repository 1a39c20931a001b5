"""Who sees a request: an actor itself, and a member also through those whose substitute it is today."""

from collections.abc import Iterator
from functools import reduce
from operator import or_

from accounts.actor import Actor, member_actor
from changerequests.models import ChangeRequest, ChangeRequestQuerySet
from changerequests.queries.requests import no_such_request
from changerequests.queries.revisions import current_substitutions


def sights_of(actor: Actor) -> Iterator[Actor]:
    """Yield the actor and then, found by one query, the absent members whose sight it is lent."""
    yield actor
    if actor.member_id is not None:
        for absence in current_substitutions(actor.member_id):
            yield member_actor(absence.member)


def seen_requests(actor: Actor) -> ChangeRequestQuerySet:
    """Return all requests that the actor sees."""
    return reduce(or_, [ChangeRequest.objects.visible_to(sight) for sight in sights_of(actor)])


def seen_request(*, actor: Actor, change_request_id: int) -> tuple[ChangeRequest, Actor]:
    """Return the request with its people, and the actor whose sight it is seen by. Raises NotFound."""
    for sight in sights_of(actor):
        found = ChangeRequest.objects.visible_to(sight).with_people().filter(pk=change_request_id).first()
        if found is not None:
            return found, sight
    raise no_such_request()
