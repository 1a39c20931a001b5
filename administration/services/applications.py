"""Client applications. Giving may wait for somebody else; taking away takes effect at once.

What is taken away ends the tokens that hold it. Their secrets are in `administration.services.secrets`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from oauth2_provider.generators import generate_client_secret

from accounts.actor import Actor
from accounts.models import APPLICATION_NAME_TAKEN, ClientApplication, Member, Participant
from accounts.permissions import check_member_permission
from accounts.scopes import checked_scopes
from accounts.tokens import end_tokens_of_application
from accounts.usernames import named
from administration.applications import APPLICATION, FOR_ITSELF, NOTHING, name_faults, no_such, normalised, split
from administration.outcomes import Outcome
from administration.queries.applications import applications_with_documents, document_of_application
from administration.services.notices import tell_of_secret, tell_of_taking
from audit.entries import append
from changerequests.models import ChangeRequest
from changerequests.services.submitting import approved_by, request_if_required
from core.documents import Change, Document, changes_between
from core.errors import Forbidden, NotFound, UnprocessableEntity, map_integrity_error, map_lock_errors
from core.text import normalized

ADD, CHANGE = "accounts.add_clientapplication", "accounts.change_clientapplication"


@dataclass(frozen=True)
class NewClient:
    """A new application and its secret, which is stored as a hash and cannot be read again; empty if it has none."""

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
    *,
    actor: Actor,
    name: str,
    scopes: Iterable[str],
    participants: Iterable[Participant] = (),
    target: Mapping[str, Any] | None = None,
) -> NewClient:
    """Register an application at once, with its secret. For the system. `target` has what else it is.

    Raise Forbidden for a member, who registers it with `register_application`; UnprocessableEntity: UnknownScope,
    ClientNameNotUnique, ValidationFailed.
    """
    if actor.is_member:
        raise Forbidden(_("Somebody else has to approve a new client application."))
    name = normalized(name)
    _check(name_faults(name))
    _check_name_free(name)
    secret = generate_client_secret()
    locked = locked_application(_created(name, secret).pk)
    sees = {"scopes": checked_scopes(scopes), "participants": [participant.pk for participant in participants]}
    wanted = checked_application(locked, {**sees, **(target or {})})
    write_rows(locked.application, changes_between(locked.document, wanted), holder_id=None)
    needs_secret = not wanted["isPublic"] and not wanted["publicKeys"]
    if needs_secret:
        locked.application.secret_collected_at = timezone.now()
        locked.application.save(update_fields=["secret_collected_at"])
    append(kind=APPLICATION, subject_id=locked.application.pk, actor=actor, changes=changes_between(NOTHING, wanted))
    return NewClient(locked.application, secret if needs_secret else "")


@transaction.atomic
def register_application(*, actor: Actor, name: str, target: Mapping[str, Any], comment: str | None = None) -> Outcome:
    """Register an application that may do nothing and has a secret that nobody knows.

    All that it gets, and that the owner may collect a secret if it needs one, is a change, which may wait. Raises
    Forbidden; UnprocessableEntity: ValidationFailed, ClientNameNotUnique, OwnerAsks.
    """
    if actor.is_member:
        check_member_permission(actor, ADD)
    name = normalized(name)
    _check(name_faults(name))
    _check_name_free(name)
    application = _created(name, generate_client_secret())
    append(kind=APPLICATION, subject_id=application.pk, actor=actor, changes=[Change("name", None, name)])
    needs_secret = not target.get("isPublic") and not target.get("publicKeys")
    return change_application(
        actor=actor, application_id=application.pk, target={**target, "isSecretDue": needs_secret}, comment=comment
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


def write_application(
    *,
    actor: Actor,
    locked: LockedApplication,
    changes: Sequence[Change],
    comment: str | None = None,
    request: ChangeRequest | None = None,
) -> None:
    """Write changes of a locked application and the entry that records them; tell its owner of a secret that is due.

    Ends the tokens that hold what is no longer there.
    """
    application = locked.application
    write_rows(application, changes, holder_id=actor.member_id if request is None else request.initiator_member_id)
    append(
        kind=APPLICATION,
        subject_id=application.pk,
        actor=actor,
        changes=changes,
        **({"comment": comment} if request is None else approved_by(request)),
    )
    _end_tokens(application.pk, changes)
    paths = {change.path for change in changes}
    if application.is_secret_due and application.owner is not None and not paths.isdisjoint({"isSecretDue", "owner"}):
        tell_of_secret(owner=application.owner.user_id, application_id=application.pk)


def write_rows(application: ClientApplication, changes: Sequence[Change], *, holder_id: int | None) -> None:
    """Write changes of a document to the columns. `holder_id` is the member who asks for new public keys."""
    values = {change.path: change.target for change in changes}
    columns: dict[str, Any] = {}
    for path, column in _COLUMNS.items():
        if path in values:
            columns[column] = values[path]
    for path, column in _WORDS.items():
        if path in values:
            columns[column] = " ".join(values[path] or [])
    if "isPublic" in values:
        columns["client_type"] = _CLIENT_TYPES[bool(values["isPublic"])]
    if "publicKeys" in values:
        known = {key["jwk"]["kid"]: key for key in application.public_keys}
        columns["public_keys"] = [
            known[jwk["kid"]] if known.get(jwk["kid"], {}).get("jwk") == jwk else {"jwk": jwk, "holder": holder_id}
            for jwk in values["publicKeys"] or []
        ]
    for name, value in columns.items():
        setattr(application, name, value)
    if columns:
        with map_integrity_error(APPLICATION_NAME_TAKEN, _name_taken(application.name)):
            application.save(update_fields=list(columns))
    if "participants" in values:
        application.participants.set(values["participants"] or [])


_COLUMNS = {
    "name": "name",
    "grant": "authorization_grant_type",
    "carriesDecisions": "carries_decisions",
    "owner": "owner_id",
    "isSecretDue": "is_secret_due",
}
# Lists that are stored as words.
_WORDS = {"scopes": "allowed_scopes", "redirectUris": "redirect_uris", "origins": "allowed_origins"}
_CLIENT_TYPES = {True: ClientApplication.CLIENT_PUBLIC, False: ClientApplication.CLIENT_CONFIDENTIAL}


def _end_tokens(application_id: int, changes: Sequence[Change]) -> None:
    """End the tokens that hold a scope, or came by a grant, type of client or key, that is no longer there."""
    values = {change.path: change for change in changes}
    removed = {
        path: [item for item in values[path].original or [] if item not in (values[path].target or [])]
        for path in ("scopes", "publicKeys")
        if path in values
    }
    if not values.keys().isdisjoint({"grant", "isPublic"}) or removed.get("publicKeys"):
        end_tokens_of_application(application_id)
    elif removed.get("scopes"):
        end_tokens_of_application(application_id, scopes=removed["scopes"])


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
        text = _("The owner collects the secret, so somebody else has to request it.")
        raise UnprocessableEntity(text, sub_code="OwnerAsks", properties={"owner": [text]})


def checked_application(locked: LockedApplication, target: Mapping[str, Any]) -> Document:
    """Return the whole document that a change leads to.

    Raises UnprocessableEntity `ValidationFailed` with the faults by path, ClientNameNotUnique.
    """
    document = {**locked.document, **target}
    is_renamed = document["name"] != locked.document["name"]
    if is_renamed:
        document["name"] = normalized(document["name"]) if isinstance(document["name"], str) else ""
    document, faults = normalised(document)
    if is_renamed:
        faults |= name_faults(document["name"])
    if "participants" not in faults:
        known = set(Participant.objects.values_list("pk", flat=True))
        faults |= {"participants": [no_such(pk) for pk in document["participants"] if pk not in known]}
    owner = document["owner"]
    if owner is not None and not Member.objects.filter(pk=owner, user__is_active=True).exists():
        faults["owner"] = [_("The owner has to be a member whose login is active.")]
    _check({path: found for path, found in faults.items() if found})
    if is_renamed:
        _check_name_free(document["name"], but_by=locked.application.pk)
    return document


def _created(name: str, secret: str) -> ClientApplication:
    """Create an application without scopes, which may do nothing."""
    with map_integrity_error(APPLICATION_NAME_TAKEN, _name_taken(name)):
        return ClientApplication.objects.create(
            name=name,
            client_type=ClientApplication.CLIENT_CONFIDENTIAL,
            authorization_grant_type=FOR_ITSELF,
            client_secret=secret,
            allowed_scopes="",
        )


def _check_name_free(name: str, *, but_by: int = 0) -> None:
    if named(ClientApplication.objects.exclude(pk=but_by), name, column="name").exists():
        raise _name_taken(name)


def _name_taken(name: str) -> UnprocessableEntity:
    return UnprocessableEntity(
        _("There is a client application named %(name)s already.") % {"name": name}, sub_code="ClientNameNotUnique"
    )


def _check(faults: Mapping[str, Sequence[str]]) -> None:
    if faults:
        raise UnprocessableEntity(
            _("This client application is not valid."), sub_code="ValidationFailed", properties=faults
        )
