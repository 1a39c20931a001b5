"""The lock on a request. Always lock its subject first."""

from changerequests.models import ChangeRequest
from changerequests.queries.requests import no_such_request
from core.errors import map_lock_errors


def locked_request(change_request_id: int) -> ChangeRequest:
    """Return the request and lock it until the transaction ends. Raises NotFound; HeldByOthers."""
    requests = ChangeRequest.objects.select_for_update(of=("self",)).with_people()
    with map_lock_errors():
        request = requests.filter(pk=change_request_id).first()
    if request is None:
        raise no_such_request()
    return request
