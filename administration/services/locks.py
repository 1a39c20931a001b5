"""Taking away the lock of a login or an application after too many wrong passwords or secrets."""

from collections.abc import Sequence

from django.db import transaction

from accounts.actor import Actor
from accounts.lockout import Secret, unlock
from accounts.models import ClientApplication, User
from administration.applications import APPLICATION
from administration.rights import LOCKED, RIGHTS
from administration.services.applications import locked_application
from administration.services.rights import locked_rights
from audit.entries import append
from core.documents import Change

UNLOCKED: Sequence[Change] = [Change(LOCKED, True, None)]


@transaction.atomic
def unlock_login(*, actor: Actor, secret: Secret) -> bool:
    """Forget the failures counted for a name, which nobody has to approve: it gives no right. Return whether any were.

    The ledger records it, unless nothing has this name. Locks the login or the application.
    """
    if not unlock(secret):
        return False
    if secret.client_id is not None:
        for pk in ClientApplication.objects.filter(client_id=secret.client_id).values_list("pk", flat=True):
            locked_application(pk)
            append(kind=APPLICATION, subject_id=pk, actor=actor, changes=UNLOCKED)
    else:
        for pk in User.objects.filter(username__iexact=(secret.username or "").strip()).values_list("pk", flat=True):
            locked_rights(pk)
            append(kind=RIGHTS, subject_id=pk, actor=actor, changes=UNLOCKED)
    return True
