"""Recording that a manager has confirmed the rights of the members below it. It changes no right."""

import hashlib
import json
from collections.abc import Iterable, Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.models import User
from administration.queries.recertification import Certified, recertification
from administration.recertification import RECERTIFICATION
from audit.entries import append_all
from core.documents import Change
from core.errors import Forbidden, PreconditionFailed, map_lock_errors


def shown_digest(rows: Iterable[Certified]) -> str:
    """Return the digest of what a page has shown, which is what its manager confirms."""
    text = json.dumps([row.as_json() for row in rows], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@transaction.atomic
def confirm_rights(*, actor: Actor, digest: str) -> Sequence[Certified]:
    """Record that the actor confirms the rights of the members below it, as a page with this digest showed them.

    Locks their logins in the order of their ids. Raises Forbidden for who is nobody's manager; PreconditionFailed if
    they have changed meanwhile; HeldByOthers.
    """
    below = User.objects.filter(member__manager=actor.member_id or 0).order_by("pk")
    with map_lock_errors():
        user_ids = list(below.select_for_update(of=("self",)).values_list("pk", flat=True))
    if not user_ids or actor.user is None:
        raise Forbidden(_("Nobody reports to you, so there is nothing for you to confirm."))
    rows = recertification(moment=timezone.now(), manager=actor.user.username)
    if digest != shown_digest(rows):
        raise PreconditionFailed(_("These rights have changed since you looked at them. Look at them again."))
    confirmed = {row.user_id: [Change("rights", None, row.as_json())] for row in rows}
    append_all(kind=RECERTIFICATION, actor=actor, changes=confirmed)
    return rows
