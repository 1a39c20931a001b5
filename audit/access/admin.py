"""Recording who looked in the admin."""

from collections.abc import Iterable

from django.http import HttpRequest

from accounts.admin_actor import actor_of
from audit.access.models import Door, Way
from audit.access.recording import looked


def looked_in_admin(request: HttpRequest, contact_ids: Iterable[int], *, way: Way = Way.READ) -> None:
    """Record that a page shows its reader these contacts, like `looked`."""
    looked(actor_of(request), contact_ids, way=way, door=Door.ADMIN)
