"""Logins, members and what they may do. Giving may wait for somebody else; taking away takes effect at once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.ends import end_closed_logins
from accounts.models import STANDS_ABOVE, Member, Participant, User
from accounts.permissions import check_member_permission
from accounts.queries import members_below
from accounts.second_factor import OF_STAFF, remove_factor
from accounts.triggers import MEMBERS_ARE_A_TREE
from accounts.usernames import is_name_taken
from administration.outcomes import Outcome
from administration.queries.rights import named_permissions, rights_of, users_with_rights
from administration.rights import GRANTS, OF_MEMBERS, RIGHTS, split
from administration.services.identities import identity_faults, in_order, write_identities
from administration.services.notices import LOOKS_AFTER_RIGHTS, send_password_link, tell_of_taking
from audit.entries import append
from changerequests.models import ChangeRequest
from changerequests.policies import initiator_group_ids
from changerequests.queries.policies import policies_now
from changerequests.services.submitting import approved_by, request_if_required
from core.documents import Change, Document, changes_between, with_values
from core.errors import Forbidden, NotFound, UnprocessableEntity, map_integrity_error, map_lock_errors
from core.text import line_faults, normalized

NAME_TAKEN = "user_username_unique_ignoring_case"
# The columns of a user, by their path; what is null in a document is an empty text there.
TEXTS = {"username": "username", "email": "email", "firstName": "first_name", "lastName": "last_name"}
FLAGS = {"isActive": "is_active", "isStaff": "is_staff", "isSuperuser": "is_superuser"}
MAX_NAME = 150
MEMBER_FLAGS = ("isMember", "seesAllContacts")


@dataclass(frozen=True, slots=True)
class Rights:
    """A user, locked until the transaction ends, and its document."""

    user: User
    document: Document

    @property
    def member_id(self) -> int | None:
        member = getattr(self.user, "member", None)
        return None if member is None else member.pk


def locked_rights(user_id: int) -> Rights:
    """Lock the user and return it with its document. Raises NotFound; HeldByOthers."""
    with map_lock_errors():
        locked = User.objects.select_for_update().filter(pk=user_id).values_list("pk").first()
    if locked is None:
        raise NotFound(_("There is no login with this id that you can see."))
    # Read only now: what the lock waited for may have changed groups and permissions.
    user = users_with_rights(User.objects.select_related("member").filter(pk=user_id)).get()
    return Rights(user, rights_of(user))


@transaction.atomic
def change_rights(*, actor: Actor, user_id: int, target: Mapping[str, Any], comment: str | None = None) -> Outcome:
    """Change what a login is and may do. `target` has the paths that may change.

    What takes away takes effect at once, and is mailed to the person and to those who look after rights. What gives
    becomes a request where the policy says so. Locks the user. Raises NotFound; Forbidden; UnprocessableEntity:
    ValidationFailed, ManagerBelowMember, PendingChangeRequestExists.
    """
    rights = locked_rights(user_id)
    wanted = checked(rights, target)
    check_may_change(actor, rights, changes_between(rights.document, wanted))
    rights, taking, giving = take_away(actor=actor, rights=rights, wanted=wanted, comment=comment)
    request = request_if_required(
        kind=RIGHTS, subject_id=user_id, subject=rights, changes=giving, actor=actor, comment=comment
    )
    if request is None and giving:
        write_rights(actor=actor, rights=rights, changes=giving, comment=comment)
    return Outcome(user_id, [*taking, *giving] if request is None else taking, request)


def take_away(
    *, actor: Actor, rights: Rights, wanted: Document, comment: str | None = None
) -> tuple[Rights, Sequence[Change], Sequence[Change]]:
    """Write and mail what a change of locked rights takes away.

    Return the rights after it, what it took, and what the change gives.
    """
    taking, giving = split(rights.document, wanted, binding_groups=initiator_group_ids(policies_now()[0].values()))
    if taking:
        user_id, paths = rights.user.pk, [change.path for change in taking]
        write_rights(actor=actor, rights=rights, changes=taking, comment=comment)
        tell_of_taking(actor=actor, kind=RIGHTS, subject_id=user_id, paths=paths, concerned=[user_id])
        rights = locked_rights(user_id)
    return rights, taking, giving


@transaction.atomic
def create_login(*, actor: Actor, username: str, target: Mapping[str, Any], comment: str | None = None) -> Outcome:
    """Create a login that cannot be used: inactive, without a password and without rights.

    Everything else, that it is active included, is a change of its rights, which may wait. Nobody sets its password:
    once it is active, a single-use link goes to its address. Raises Forbidden; UnprocessableEntity: ValidationFailed,
    UsernameNotUnique.
    """
    if actor.is_member:
        check_member_permission(actor, "accounts.add_user")
    user = new_login(actor=actor, username=username)
    return change_rights(actor=actor, user_id=user.pk, target={**target, "isActive": True}, comment=comment)


def new_login(*, actor: Actor, username: str) -> User:
    """Insert a login that cannot be used, and its entry. Call it in a transaction.

    Raises UnprocessableEntity: ValidationFailed, UsernameNotUnique.
    """
    user = User(username=normalized(username), is_active=False)
    user.set_unusable_password()
    _check({"username": _username_faults(user.username, None)})
    with map_integrity_error(NAME_TAKEN, username_taken()):
        user.save(force_insert=True)
    append(kind=RIGHTS, subject_id=user.pk, actor=actor, changes=[Change("username", None, user.username)])
    return user


def write_rights(
    *,
    actor: Actor,
    rights: Rights,
    changes: Sequence[Change],
    comment: str | None = None,
    request: ChangeRequest | None = None,
) -> None:
    """Write changes of a locked user, and the entry that records them.

    A login that becomes active without a password or a link to a provider gets a link to set a password. Raises
    UnprocessableEntity `UsernameNotUnique`, `ManagerBelowMember`, `IdentityTaken`.
    """
    values = {change.path: change.target for change in changes}
    user = rights.user
    columns = {TEXTS[path]: value or "" for path, value in values.items() if path in TEXTS}
    columns |= {FLAGS[path]: bool(value) for path, value in values.items() if path in FLAGS}
    if columns:
        for name, value in columns.items():
            setattr(user, name, value)
        with map_integrity_error(NAME_TAKEN, username_taken()):
            user.save(update_fields=list(columns))
    if "secondFactor" in values:
        remove_factor(user)
    if "groups" in values:
        user.groups.set(values["groups"] or [])
    if "permissions" in values:
        user.user_permissions.set(named_permissions(values["permissions"] or []))
    if "identities" in values:
        write_identities(user, values["identities"] or [])
    if not OF_MEMBERS.isdisjoint(values):
        _write_member(user, with_values(rights.document, values), values)
    append(
        kind=RIGHTS,
        subject_id=user.pk,
        actor=actor,
        changes=changes,
        **({"comment": comment} if request is None else approved_by(request)),
    )
    if values.get("isActive") is False:
        end_closed_logins([user.pk])
    if values.get("isActive") and not (user.has_usable_password() or user.identities.exists()):
        send_password_link(user)


def _write_member(user: User, document: Document, values: Mapping[str, Any]) -> None:
    stands_above = UnprocessableEntity(STANDS_ABOVE, sub_code="ManagerBelowMember")
    with map_integrity_error(MEMBERS_ARE_A_TREE, stands_above):
        # Not update_or_create, whose lock would meet that of who puts others below this member: a deadlock.
        columns = {"manager_id": document.get("manager"), "sees_all_contacts": document["seesAllContacts"]}
        if not Member.objects.filter(user=user).update(**columns):
            Member.objects.create(user=user, **columns)
    if "participants" in values:
        Member.objects.get(user=user).participants.set(values["participants"] or [])


def check_may_change(actor: Actor, rights: Rights, changes: Sequence[Change]) -> None:
    """Raise Forbidden unless the actor has the permissions for these changes; the system has all of them.

    Only superusers grant rights, and only they change logins of staff and members: changing a login is enough to take
    it over.
    """
    if not actor.is_member:
        return
    paths = {change.path for change in changes}
    if not paths.isdisjoint(OF_MEMBERS):
        check_member_permission(actor, "accounts.add_member" if "isMember" in paths else "accounts.change_member")
    if paths <= OF_MEMBERS:
        return
    check_member_permission(actor, LOOKS_AFTER_RIGHTS)
    is_superuser = actor.user is not None and actor.user.is_superuser
    if not is_superuser and (_is_of_staff(rights.document) or not paths.isdisjoint(GRANTS)):
        raise Forbidden(_("Only superusers grant rights and change logins of staff."))


def checked(rights: Rights, target: Mapping[str, Any]) -> Document:
    """Return the whole document that a change of some paths leads to, in the form of `rights_of`.

    Raises UnprocessableEntity `ValidationFailed` with the faults by path, `ManagerBelowMember`.
    """
    document = {**rights.document, **_in_form(target)}
    faults: dict[str, list[str]] = {
        path: [_("There is no such field.")] for path in target if path not in rights.document
    }
    for path in (*FLAGS, *MEMBER_FLAGS):
        if not isinstance(document[path], bool):
            faults[path] = [_("Expected true or false.")]
    if document["username"] != rights.document["username"]:
        faults["username"] = _username_faults(document["username"], rights.user)
    faults["email"] = _email_faults(rights, document)
    for path in ("firstName", "lastName"):
        faults[path] = _name_faults(document[path])
    if document["secondFactor"] not in (None, rights.document["secondFactor"]):
        faults["secondFactor"] = [_("Only its owner sets up a second factor.")]
    faults["groups"] = _unknown(document["groups"], Group.objects.values_list("pk", flat=True), int)
    faults["participants"] = _unknown(document["participants"], Participant.objects.values_list("pk", flat=True), int)
    faults["permissions"] = _permission_faults(document["permissions"])
    faults["identities"] = identity_faults(document["identities"], rights.document["identities"], user=rights.user)
    faults |= _member_faults(rights, document)
    _check(faults)
    for path in ("groups", "participants", "permissions"):
        document[path] = sorted(set(document[path]))
    document["identities"] = in_order(document["identities"], "subject")
    return document


def _in_form(target: Mapping[str, Any]) -> Document:
    """Return the values with texts in their one form; an empty one is null."""
    return {
        path: (normalized(value) or None) if path in TEXTS and isinstance(value, str) else value
        for path, value in target.items()
    }


def _name_faults(name: Any) -> list[str]:
    if not isinstance(name, str | None):
        return [_("Expected a text of at most %(limit)s characters.") % {"limit": MAX_NAME}]
    return line_faults(name or "", most=MAX_NAME)


def _username_faults(username: Any, user: User | None) -> list[str]:
    if not isinstance(username, str) or not username:
        return [_("A login needs a username.")]
    if faults := line_faults(username, most=User._meta.get_field("username").max_length or 0):
        return faults
    try:
        User._meta.get_field("username").run_validators(username)
    except ValidationError as error:
        return list(error.messages)
    return [_("A user with this name exists already.")] if is_name_taken(username, but_by=user) else []


def _email_faults(rights: Rights, document: Document) -> list[str]:
    """Return what is wrong with an address that is new, or that somebody of the staff has newly.

    Staff share theirs with nobody: a link to set the password of one login must not reach the owner of another.
    """
    email = document["email"]
    becomes_staff = _is_of_staff(document) and not _is_of_staff(rights.document)
    if email is None or (email == rights.document["email"] and not becomes_staff):
        return []
    try:
        validate_email(email)
    except ValidationError as error:
        return list(error.messages)
    holders = User.objects.filter(email__iexact=email).exclude(pk=rights.user.pk)
    if not _is_of_staff(document):
        holders = holders.filter(OF_STAFF)
    if not holders.exists():
        return []
    return [_("Another login has this address: a link to set the password would reach both.")]


def _is_of_staff(document: Document) -> bool:
    return bool(document["isStaff"] or document["isSuperuser"] or document["isMember"])


def _unknown(values: Any, known: Collection[Any], of: type) -> list[str]:
    if not isinstance(values, list) or not all(type(value) is of for value in values):
        return [_("Expected a list.")]
    missing = set(values) - set(known) if values else set()
    return [_("There is no %(id)s.") % {"id": value} for value in sorted(missing)]


def _permission_faults(names: Any) -> list[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return [_("Expected a list.")]
    known = {f"{one.content_type.app_label}.{one.codename}" for one in named_permissions(names)}
    return [_("There is no %(id)s.") % {"id": name} for name in sorted(set(names) - known)]


def _member_faults(rights: Rights, document: Document) -> dict[str, list[str]]:
    if not document["isMember"]:
        if rights.member_id is not None:
            return {
                "isMember": [
                    _("A member cannot be deleted, because the history refers to it. Deactivate its login instead.")
                ]
            }
        given = [path for path in ("manager", "participants", "seesAllContacts") if document[path]]
        return {path: [_("Only members have this.")] for path in given}
    manager_id = document["manager"]
    if manager_id is None or manager_id == rights.document["manager"]:
        return {}
    if type(manager_id) is not int or not Member.objects.filter(pk=manager_id).exists():
        return {"manager": [_("There is no %(id)s.") % {"id": manager_id}]}
    if rights.member_id is not None and members_below(rights.member_id).filter(pk=manager_id).exists():
        raise UnprocessableEntity(STANDS_ABOVE, sub_code="ManagerBelowMember", properties={"manager": [STANDS_ABOVE]})
    return {}


def _check(faults: Mapping[str, Sequence[str]]) -> None:
    found = {path: messages for path, messages in faults.items() if messages}
    if found:
        raise not_well_formed(found)


def not_well_formed(faults: Mapping[str, Sequence[str]]) -> UnprocessableEntity:
    return UnprocessableEntity(_("These rights are not valid."), sub_code="ValidationFailed", properties=faults)


def username_taken() -> UnprocessableEntity:
    return UnprocessableEntity(_("A user with this name exists already."), sub_code="UsernameNotUnique")
