"""The secrets of client applications: collecting a new one, while the one before still works, and ending them.

Nobody but its owner gets the secret of an application, and only if somebody else asked for it and another one approved.
"""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from oauth2_provider.generators import generate_client_secret

from accounts.actor import Actor
from accounts.models import ClientApplication, Member
from accounts.permissions import check_member_permission
from accounts.tokens import end_access_tokens_of
from administration.applications import APPLICATION
from administration.services.applications import CHANGE, NewClient, locked_application
from administration.services.notices import tell_of_taking
from audit.entries import append
from audit.queries import latest_entries
from changerequests.models import Decision
from core.documents import Change
from core.errors import Forbidden, UnprocessableEntity


@transaction.atomic
def collect_secret(*, actor: Actor, application_id: int) -> NewClient:
    """Make a new secret and return it, once, to the application's owner.

    The one before works for SECRET_OVERLAP_HOURS more; one before that ends. Locks the application. Raises NotFound;
    Forbidden `NotOwner` for everybody else, and for an owner who asked for this or approved it; UnprocessableEntity
    `NoSecretDue`.
    """
    application = locked_application(application_id).application
    if actor.member_id is None or application.owner_id != actor.member_id:
        raise Forbidden(_("Only the owner of the application collects its secret."), sub_code="NotOwner")
    if not application.is_secret_due:
        raise UnprocessableEntity(
            _("There is no secret to collect. Somebody else has to request a new one."), sub_code="NoSecretDue"
        )
    if _took_part(actor.member_id, application_id):
        raise Forbidden(
            _("You requested this secret or approved it. The application needs another owner."), sub_code="NotOwner"
        )
    if application.secret_collected_at is not None:
        application.previous_secret, application.previous_holder_id = (
            application.client_secret,
            application.secret_holder_id,
        )
        application.previous_secret_until = timezone.now() + timedelta(hours=settings.SECRET_OVERLAP_HOURS)
    secret = generate_client_secret()
    application.client_secret, application.is_secret_due = secret, False
    application.secret_holder_id, application.secret_collected_at = actor.member_id, timezone.now()
    application.save(update_fields=["is_secret_due", *_PRESENT, *_PREVIOUS])
    collected = [Change("isSecretDue", True, False)]
    append(kind=APPLICATION, subject_id=application_id, actor=actor, changes=collected)
    return NewClient(application, secret)


@transaction.atomic
def end_secret(*, actor: Actor, application_id: int, is_previous: bool) -> bool:
    """End the present secret of an application, or the one before, and its access tokens.

    Takes effect at once, and is mailed to the owner. Returns whether there was one. Locks the application. Raises
    NotFound; Forbidden unless the actor owns the application or may change it.
    """
    application = locked_application(application_id).application
    if actor.is_member and application.owner_id != actor.member_id:
        check_member_permission(actor, CHANGE)
    if not (application.has_previous_secret if is_previous else application.secret_collected_at is not None):
        return False
    if is_previous:
        _forget_previous(application)
    else:
        application.client_secret = generate_client_secret()
        application.secret_holder_id = application.secret_collected_at = None
    application.save(update_fields=_PREVIOUS if is_previous else _PRESENT)
    end_access_tokens_of(application_id)
    path = "previousSecret" if is_previous else "secret"
    append(kind=APPLICATION, subject_id=application_id, actor=actor, changes=[Change(path, True, False)])
    owner = Member.objects.filter(pk=application.owner_id or 0)
    tell_of_taking(
        actor=actor,
        kind=APPLICATION,
        subject_id=application_id,
        paths=[path],
        concerned=owner.values_list("user", flat=True),
    )
    return True


_PRESENT = ["client_secret", "secret_holder", "secret_collected_at"]
_PREVIOUS = ["previous_secret", "previous_holder", "previous_secret_until"]


def _forget_previous(application: ClientApplication) -> None:
    application.previous_secret = ""
    application.previous_holder_id = application.previous_secret_until = None


def _took_part(member_id: int, application_id: int) -> bool:
    """Return whether a member asked for the secret that is due, or approved it."""
    entry = latest_entries(kind=APPLICATION, subject_id=application_id, path="isSecretDue").first()
    if entry is None:
        return False
    approvals = Decision.objects.filter(revision__request=entry.change_request_id or 0, member=member_id)
    return entry.initiator_member_id == member_id or approvals.exists()
