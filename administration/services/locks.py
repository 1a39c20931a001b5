"""Taking away the lock of a login or an application after too many wrong passwords or secrets.

Nobody has to approve it: it gives no right. It is on record, and mailed like rights that are taken away.
"""

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.lockout import Secret, unlock
from accounts.models import ClientApplication
from administration.applications import APPLICATION
from administration.rights import LOCKED, RIGHTS
from administration.services.applications import locked_application
from administration.services.notices import tell_of_unlocking
from administration.services.rights import check_may_change, locked_rights
from audit.entries import append
from core.documents import Change
from core.errors import Forbidden

UNLOCKED: Sequence[Change] = [Change(LOCKED, True, None)]


@transaction.atomic
def unlock_login(*, actor: Actor, user_id: int) -> bool:
    """Forget the wrong passwords counted for a login; return whether there were any.

    A member needs the permission to change the login, and it is not its own. Locks the login. Raises NotFound;
    HeldByOthers; Forbidden, `OwnLogin` among others.
    """
    rights = locked_rights(user_id)
    check_may_change(actor, rights, UNLOCKED)
    if actor.user_id == user_id:
        raise Forbidden(_("You cannot unlock your own login."), sub_code="OwnLogin")
    if not unlock(Secret(username=rights.user.username)):
        return False
    append(kind=RIGHTS, subject_id=user_id, actor=actor, changes=UNLOCKED)
    tell_of_unlocking(actor=actor, user_id=user_id, path=LOCKED)
    return True


@transaction.atomic
def unlock_application(*, actor: Actor, client_id: str) -> bool:
    """Forget the wrong secrets counted for an application; return whether there were any. Locks it."""
    if not unlock(Secret(client_id=client_id)):
        return False
    for pk in ClientApplication.objects.filter(client_id=client_id).values_list("pk", flat=True):
        locked_application(pk)
        append(kind=APPLICATION, subject_id=pk, actor=actor, changes=UNLOCKED)
    return True
