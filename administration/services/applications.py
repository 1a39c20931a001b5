"""Client applications. Giving may wait for somebody else; taking away takes effect at once.

Nobody but its owner gets the secret of an application, and only if somebody else asked for it and another one approved.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from oauth2_provider.generators import generate_client_secret

from accounts.actor import Actor
from accounts.models import ClientApplication, Member, Participant
from accounts.permissions import check_member_permission
from accounts.scopes import ALL_SCOPES, checked_scopes
from administration.applications import APPLICATION, split, with_sight
from administration.outcomes import Outcome
from administration.queries.applications import NOTHING, applications_with_documents, document_of_application
from administration.services.notices import tell_of_secret, tell_of_taking
from audit.entries import append
from audit.queries import latest_entries
from changerequests.models import ChangeRequest, Decision
from changerequests.services.submitting import approved_by, request_if_required
from core.documents import Change, Document, changes_between
from core.errors import Forbidden, NotFound, UnprocessableEntity, map_lock_errors
from core.text import one_line

ADD, CHANGE = "accounts.add_clientapplication", "accounts.change_clientapplication"
MAX_NAME = 255


@dataclass(frozen=True)
class NewClient:
    """A new application and its secret, which is stored as a hash and cannot be read again."""

    application: ClientApplication
    client_secret: str


@dataclass(frozen=True, slots=True)
class LockedApplication:
    """A client application, locked until the transaction ends, and its document."""

    application: ClientApplication
    document: Document


def locked_application(application_id: int) -> LockedApplication:
    """Lock the application and return it with its document. Raises NotFound; HeldByOthers."""
    with map_lock_errors():
        locked = ClientApplication.objects.select_for_update().filter(pk=application_id).first()
    if locked is None:
        raise NotFound(_("There is no client application with this id that you can see."))
    application = applications_with_documents(ClientApplication.objects.filter(pk=application_id)).get()
    return LockedApplication(application, document_of_application(application))


@transaction.atomic
def create_client_application(
    *, actor: Actor, name: str, scopes: Iterable[str], participants: Iterable[Participant] = ()
) -> NewClient:
    """Register an application that acts for itself (client credentials) at once, with its secret. For the system.

    Raise Forbidden for a member, who registers it with `register_application`; UnprocessableEntity: UnknownScope,
    ClientNameNotUnique.
    """
    if actor.is_member:
        raise Forbidden(_("Somebody else has to approve a new client application."))
    name = one_line(name)
    _check_name_free(name)
    secret = generate_client_secret()
    application = _created(name, secret)
    application.allowed_scopes = " ".join(checked_scopes(scopes))
    application.save(update_fields=["allowed_scopes"])
    application.participants.set(participants)
    document = document_of_application(
        applications_with_documents(ClientApplication.objects.all()).get(pk=application.pk)
    )
    append(kind=APPLICATION, subject_id=application.pk, actor=actor, changes=changes_between(NOTHING, document))
    return NewClient(application, secret)


@transaction.atomic
def register_application(*, actor: Actor, name: str, target: Mapping[str, Any], comment: str | None = None) -> Outcome:
    """Register an application that may do nothing and has a secret that nobody knows.

    Its scopes, participants and owner, and that the owner may collect a secret, are a change, which may wait. Raises
    Forbidden; UnprocessableEntity: ValidationFailed, ClientNameNotUnique, OwnerAsks.
    """
    if actor.is_member:
        check_member_permission(actor, ADD)
    name = one_line(name)
    _check(_name_faults(name))
    _check_name_free(name)
    application = _created(name, generate_client_secret())
    append(kind=APPLICATION, subject_id=application.pk, actor=actor, changes=[Change("name", None, name)])
    return change_application(
        actor=actor, application_id=application.pk, target={**target, "isSecretDue": True}, comment=comment
    )


@transaction.atomic
def change_application(
    *, actor: Actor, application_id: int, target: Mapping[str, Any], comment: str | None = None
) -> Outcome:
    """Change an application. `target` has the paths that may change.

    What takes away takes effect at once, and is mailed to the owner and to those who look after rights. What gives
    becomes a request where the policy says so. Locks the application. Raises NotFound; Forbidden; UnprocessableEntity:
    ValidationFailed, ClientNameNotUnique, OwnerAsks, PendingChangeRequestExists.
    """
    locked = locked_application(application_id)
    wanted = checked_application(locked, target)
    check_may_change_application(actor, locked, changes_between(locked.document, wanted))
    taking, giving = split(locked.document, wanted)
    if taking:
        write_application(actor=actor, locked=locked, changes=taking, comment=comment)
        owner = Member.objects.filter(pk=locked.document["owner"] or 0)
        tell_of_taking(
            actor=actor,
            kind=APPLICATION,
            subject_id=application_id,
            paths=[change.path for change in taking],
            concerned=owner.values_list("user", flat=True),
        )
        locked = locked_application(application_id)
    request = request_if_required(
        kind=APPLICATION, subject_id=application_id, subject=locked, changes=giving, actor=actor, comment=comment
    )
    if request is None and giving:
        write_application(actor=actor, locked=locked, changes=giving, comment=comment)
    return Outcome(application_id, [*taking, *giving] if request is None else taking, request)


@transaction.atomic
def collect_secret(*, actor: Actor, application_id: int) -> NewClient:
    """Make a new secret and return it, once, to the application's owner.

    It takes the place of the one before. Locks the application. Raises NotFound; Forbidden `NotOwner` for everybody
    else, and for an owner who asked for this or approved it; UnprocessableEntity `NoSecretDue`.
    """
    locked = locked_application(application_id)
    application = locked.application
    if actor.member_id is None or application.owner_id != actor.member_id:
        raise Forbidden(_("Only the owner of the application collects its secret."), sub_code="NotOwner")
    if not application.is_secret_due:
        raise UnprocessableEntity(
            _("No secret waits to be collected. Somebody else has to ask for a new one."), sub_code="NoSecretDue"
        )
    if _took_part(actor.member_id, application_id):
        raise Forbidden(
            _("You asked for this secret or approved it. The application needs another owner."), sub_code="NotOwner"
        )
    secret = generate_client_secret()
    application.client_secret, application.is_secret_due = secret, False
    application.secret_holder_id = actor.member_id
    application.save(update_fields=["client_secret", "is_secret_due", "secret_holder"])
    collected = [Change("isSecretDue", True, False)]
    append(kind=APPLICATION, subject_id=application_id, actor=actor, changes=collected)
    return NewClient(application, secret)


def _took_part(member_id: int, application_id: int) -> bool:
    """Return whether a member asked for the secret that is due, or approved it."""
    entry = latest_entries(kind=APPLICATION, subject_id=application_id, path="isSecretDue").first()
    if entry is None:
        return False
    approvals = Decision.objects.filter(revision__request=entry.change_request_id or 0, member=member_id)
    return entry.initiator_member_id == member_id or approvals.exists()


def write_application(
    *,
    actor: Actor,
    locked: LockedApplication,
    changes: Sequence[Change],
    comment: str | None = None,
    request: ChangeRequest | None = None,
) -> None:
    """Write changes of a locked application and the entry that records them; tell its owner of a secret that is due."""
    values = {change.path: change.target for change in changes}
    application = locked.application
    columns: dict[str, Any] = {}
    if "name" in values:
        columns["name"] = values["name"]
    if "scopes" in values:
        columns["allowed_scopes"] = " ".join(values["scopes"] or [])
    if "owner" in values:
        columns["owner_id"] = values["owner"]
    if "isSecretDue" in values:
        columns["is_secret_due"] = bool(values["isSecretDue"])
    for name, value in columns.items():
        setattr(application, name, value)
    if columns:
        application.save(update_fields=list(columns))
    if "participants" in values:
        application.participants.set(values["participants"] or [])
    append(
        kind=APPLICATION,
        subject_id=application.pk,
        actor=actor,
        changes=changes,
        **({"comment": comment} if request is None else approved_by(request)),
    )
    if application.is_secret_due and application.owner is not None and not {"isSecretDue", "owner"}.isdisjoint(values):
        tell_of_secret(owner=application.owner.user_id, application_id=application.pk)


def check_may_change_application(actor: Actor, locked: LockedApplication, changes: Sequence[Change]) -> None:
    """Raise Forbidden unless the actor has the permission; UnprocessableEntity `OwnerAsks`.

    Nobody asks for a secret that itself would collect.
    """
    if not actor.is_member:
        return
    is_new = not locked.document["scopes"] and not locked.document["participants"] and locked.document["owner"] is None
    if not (is_new and actor.has_perm(ADD)):
        check_member_permission(actor, CHANGE)
    target = {**locked.document, **{change.path: change.target for change in changes}}
    gives_secret = any(change.path in ("owner", "isSecretDue") and change.target for change in changes)
    if gives_secret and target["owner"] == actor.member_id:
        text = _("The owner collects the secret, so somebody else has to ask for it.")
        raise UnprocessableEntity(text, sub_code="OwnerAsks", properties={"owner": [text]})


def checked_application(locked: LockedApplication, target: Mapping[str, Any]) -> Document:
    """Return the whole document that a change leads to.

    Raises UnprocessableEntity `ValidationFailed` with the faults by path, ClientNameNotUnique.
    """
    document = {**locked.document, **target}
    faults = {path: [_("There is no such field.")] for path in target if path not in NOTHING}
    if document["name"] != locked.document["name"]:
        document["name"] = one_line(document["name"]) if isinstance(document["name"], str) else ""
        faults |= _name_faults(document["name"])
    if not isinstance(document["isSecretDue"], bool):
        faults["isSecretDue"] = [_("Expected true or false.")]
    known = Participant.objects.values_list("pk", flat=True)
    for path, choices in (("scopes", ALL_SCOPES), ("participants", known)):
        if not isinstance(document[path], list):
            faults[path] = [_("Expected a list.")]
        elif missing := [str(value) for value in document[path] if value not in choices]:
            faults[path] = [_("There is no %(id)s.") % {"id": ", ".join(missing)}]
    owner = document["owner"]
    if owner is not None and not Member.objects.filter(pk=owner, user__is_active=True).exists():
        faults["owner"] = [_("The owner has to be a member whose login is active.")]
    elif owner is None and document["isSecretDue"] is True:
        faults["owner"] = [_("Without an owner nobody could collect the secret.")]
    _check(faults)
    if document["name"] != locked.document["name"]:
        _check_name_free(document["name"])
    lists = {path: sorted(set(document[path])) for path in ("scopes", "participants")}
    return with_sight({**document, **lists})


def _created(name: str, secret: str) -> ClientApplication:
    """Create an application without scopes, which may do nothing."""
    return ClientApplication.objects.create(
        name=name,
        client_type=ClientApplication.CLIENT_CONFIDENTIAL,
        authorization_grant_type=ClientApplication.GRANT_CLIENT_CREDENTIALS,
        client_secret=secret,
        allowed_scopes="",
    )


def _name_faults(name: str) -> dict[str, list[str]]:
    if name and len(name) <= MAX_NAME:
        return {}
    return {"name": [_("Expected a text of at most %(limit)s characters.") % {"limit": MAX_NAME}]}


def _check_name_free(name: str) -> None:
    if ClientApplication.objects.filter(name=name).exists():
        raise UnprocessableEntity(
            _("There is a client application named %(name)s already.") % {"name": name}, sub_code="ClientNameNotUnique"
        )


def _check(faults: Mapping[str, Sequence[str]]) -> None:
    if faults:
        raise UnprocessableEntity(
            _("This client application is not well formed."), sub_code="ValidationFailed", properties=faults
        )
