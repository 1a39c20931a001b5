"""The lock on a request, which follows that on its subject, and the one on all that are opened."""

from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from accounts.actor import Actor, system_actor
from changerequests.kinds import request_kind
from changerequests.models import ChangeRequest
from changerequests.models.triggers.common import PROPOSING
from changerequests.queries.requests import no_such_request
from core.errors import Forbidden, map_lock_errors


def locked_request(change_request_id: int) -> ChangeRequest:
    """Return the request and lock it until the transaction ends. Raises NotFound; HeldByOthers."""
    requests = ChangeRequest.objects.select_for_update(of=("self",)).with_people()
    with map_lock_errors():
        request = requests.filter(pk=change_request_id).first()
    if request is None:
        raise no_such_request()
    return request


def hold_back_proposals() -> None:
    """Wait for those who are opening or amending a request, and let nobody else begin until the transaction ends.

    So whatever is asked after this about open requests misses none. Few may do so: everybody who asks for something
    waits.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PROPOSING])


def locked_own_request(actor: Actor, change_request_id: int) -> tuple[Any, ChangeRequest]:
    """Lock the subject and the request of an initiator; return both. The subject is None for a request about many.

    Raises NotFound for others who cannot see the request; Forbidden `NotInitiator`; what locking the subject raises.
    """
    request = ChangeRequest.objects.filter(pk=change_request_id).first()
    is_own = request is not None and request.is_asked_by(actor)
    if request is None or not (is_own or ChangeRequest.objects.visible_to(actor).filter(pk=change_request_id).exists()):
        raise no_such_request()
    if not is_own:
        raise Forbidden(_("Only the initiator may do this."), sub_code="NotInitiator")
    return _locked_subject(request), locked_request(change_request_id)


def _locked_subject(request: ChangeRequest) -> Any:
    if request.subject_id is None:
        return None
    # The initiator's own request is its own even if the subject has left its sight.
    return request_kind(request.kind).lock(actor=system_actor("initiator"), subject_id=request.subject_id)
