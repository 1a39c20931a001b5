"""What the institution's directory asks for over SCIM: logins, their closing, and membership of groups.

What gives is a change request, whatever policies say of other applications, and what the directory says next amends
that request. What takes away takes effect at once. Only what the directory changes is asked for: once it is rejected,
the directory may repeat it without asking again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.models import User
from accounts.usernames import is_name_taken
from administration.models import ProvisionedGroup, ProvisionedMembership, ProvisionedUser
from administration.queries.provisioning import directory_groups, directory_users, memberships, seen_users
from administration.rights import RIGHTS
from administration.services.groups import create_group
from administration.services.rights import (
    Rights,
    checked,
    locked_rights,
    new_login,
    not_well_formed,
    take_away,
    username_taken,
    write_rights,
)
from changerequests.kinds import request_kind
from changerequests.models import ChangeRequest
from changerequests.policies import ANYBODY, KindPolicy, Requirement
from changerequests.queries.policies import current_policy, initiator_of
from changerequests.queries.revisions import current_proposals
from changerequests.services.opening import open_request
from changerequests.services.submitting import concerned_by
from changerequests.services.withdrawing import amend_change_request, cancel_change_request
from core.documents import Change, Document
from core.errors import NotFound, map_integrity_error
from core.text import line_faults, normalized

NAME_TAKEN = "provisioned_user_name_unique"
# The path of a user's rights, by what the directory calls it.
PATHS = {"user_name": "username", "given_name": "firstName", "family_name": "lastName", "email": "email"}


@dataclass(frozen=True, slots=True)
class Person:
    """What the directory says of a user."""

    user_name: str
    external_id: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    email: str | None = None
    is_active: bool = True


@transaction.atomic
def add_person(*, actor: Actor, person: Person) -> int:
    """Create a login that can do nothing, and ask for it to be opened as a member's; return the user's id.

    A user that the directory has deleted comes back, unless people have made it a superuser since: the directory sees
    none. Raises UnprocessableEntity: ValidationFailed, UsernameNotUnique.
    """
    name = normalized(person.user_name)
    deleted = User.objects.filter(provisioned__is_deleted=True, is_superuser=False)
    closed = deleted.filter(provisioned__user_name__iexact=name).first()
    if closed is None:
        _check_free(name)
        closed = new_login(actor=actor, username=name)
    before = Person(user_name=closed.username, is_active=False)
    _follow(actor, closed.pk, before, person)
    return closed.pk


@transaction.atomic
def change_person(*, actor: Actor, user_id: int, person: Person) -> None:
    """Ask for what the directory says differently of a user, and close the login at once where it says so.

    Raises NotFound; UnprocessableEntity: ValidationFailed, UsernameNotUnique, PendingChangeRequestExists.
    """
    _follow(actor, user_id, _said_of(user_id), person)


@transaction.atomic
def remove_person(*, actor: Actor, user_id: int) -> None:
    """Close the login of a user at once, and show it to the directory no more. Raises NotFound."""
    before = _said_of(user_id)
    _follow(actor, user_id, before, Person(**{**asdict(before), "is_active": False}))
    ProvisionedUser.objects.filter(user=user_id).update(is_deleted=True)


@transaction.atomic
def add_group(*, actor: Actor, display_name: str, external_id: str | None, members: Collection[int]) -> int:
    """Create a group that gives nothing, and ask for its members; return its id. Raises like `change_group`.

    A group that the directory has deleted comes back.
    """
    name = normalized(display_name)
    known = ProvisionedGroup.objects.filter(is_deleted=True, display_name=name).first()
    group_id = create_group(actor=actor, name=name, target={}).subject_id if known is None else known.group_id
    change_group(
        actor=actor, group_id=group_id, display_name=name, external_id=external_id, members=members, is_new=True
    )
    return group_id


@transaction.atomic
def change_group(
    *,
    actor: Actor,
    group_id: int,
    display_name: str,
    external_id: str | None,
    members: Collection[int],
    is_new: bool = False,
) -> None:
    """Ask for who is new in a group, and take out at once who is no longer in it.

    The directory's name of the group is kept beside ours. Locks the users in the order of their ids. Raises NotFound;
    UnprocessableEntity: ValidationFailed, PendingChangeRequestExists.
    """
    groups = Group.objects.all() if is_new else directory_groups()
    if not groups.filter(pk=group_id).exists():
        raise no_such_resource()
    said = _in_form(ProvisionedGroup, {"display_name": display_name, "external_id": external_id})
    ProvisionedGroup.objects.update_or_create(group_id=group_id, defaults={**said, "is_deleted": False})
    present = {user for _group, user in memberships(groups=[group_id])}
    visible = seen_users({*present, *members})
    if unknown := set(members) - visible:
        raise NotFound(_("There is no user %(id)s.") % {"id": min(unknown)})
    for user_id in sorted((present & visible) ^ set(members)):
        _move(actor, user_id, group_id, is_in=user_id in members)


@transaction.atomic
def remove_group(*, actor: Actor, group_id: int) -> None:
    """Take everybody out of a group whom the directory sees, at once, and show the group to it no more.

    The group itself stays, with what it gives. Raises NotFound.
    """
    group = directory_groups().filter(pk=group_id).first()
    if group is None:
        raise no_such_resource()
    change_group(
        actor=actor, group_id=group_id, display_name=group.said_name, external_id=group.said_external, members=()
    )
    ProvisionedGroup.objects.filter(group=group_id).update(is_deleted=True)


def _in_form(model: type[Model], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of what the directory says, with texts in their one form.

    Raises UnprocessableEntity `ValidationFailed` for one that is too long or not one line.
    """
    values = {name: normalized(value) if isinstance(value, str) else value for name, value in said.items()}
    limits = {field.name: getattr(field, "max_length", None) for field in model._meta.concrete_fields}
    faults = {
        name: found
        for name, value in values.items()
        if isinstance(value, str) and (found := line_faults(value, most=limits[name] or len(value)))
    }
    if faults:
        raise not_well_formed(faults)
    return values


def _check_free(name: str) -> None:
    """Raise UnprocessableEntity `UsernameNotUnique` if somebody logs in with this name, or a user will have it."""
    if directory_users().filter(said_name__iexact=name).exists() or is_name_taken(name):
        raise username_taken()


def no_such_resource() -> NotFound:
    return NotFound(_("There is no such resource."))


def _said_of(user_id: int) -> Person:
    """Return what the directory said of a user last. Raises NotFound."""
    row = directory_users().filter(pk=user_id).first()
    if row is None:
        raise no_such_resource()
    return Person(
        row.said_name, row.said_external, row.said_given, row.said_family, row.said_email, is_active=row.said_active
    )


def _follow(actor: Actor, user_id: int, before: Person, person: Person) -> None:
    """Note what the directory says of a user now, and ask for what differs from before."""
    rights = locked_rights(user_id)
    said = _in_form(ProvisionedUser, asdict(person))
    person = Person(**said)
    if person.user_name.casefold() != before.user_name.casefold():
        _check_free(person.user_name)
    with map_integrity_error(NAME_TAKEN, username_taken()):
        ProvisionedUser.objects.update_or_create(user_id=user_id, defaults={**said, "is_deleted": False})
    if not person.is_active:
        # Whatever is asked for waits until the directory opens the login again.
        _ask(actor, rights, {"isActive": False}, is_closing=True)
    elif not before.is_active:
        groups = {group for group, _user in memberships(users=[user_id])}
        opened = {"isActive": True, "isStaff": True, "isMember": True, "groups": sorted(groups)}
        _ask(actor, rights, {**opened, **_differences(rights, None, person)})
    else:
        _ask(actor, rights, _differences(rights, before, person))


def _differences(rights: Rights, before: Person | None, person: Person) -> Document:
    """Return the paths of the rights that the directory says differently; all of them without `before`."""
    target: Document = {
        path: getattr(person, name)
        for name, path in PATHS.items()
        if before is None or getattr(before, name) != getattr(person, name)
    }
    issuer = settings.SCIM_ISSUER
    if issuer and (before is None or before.external_id != person.external_id):
        others = [one for one in rights.document["identities"] if one["issuer"] != issuer]
        own = [{"issuer": issuer, "subject": person.external_id}] if person.external_id else []
        target["identities"] = [*others, *own]
    return target


def _move(actor: Actor, user_id: int, group_id: int, *, is_in: bool) -> None:
    """Ask for a user to be in a group, or take it out at once."""
    rights = locked_rights(user_id)
    request = _own_request(actor, user_id)
    asked = _asked(rights, request)
    groups = set(asked["groups"]) - {group_id}
    if is_in:
        ProvisionedMembership.objects.get_or_create(user_id=user_id, group_id=group_id)
        groups.add(group_id)
    else:
        ProvisionedMembership.objects.filter(user=user_id, group=group_id).delete()
    if _said_of(user_id).is_active or not is_in:
        _pursue(actor, rights, request, {**asked, "groups": sorted(groups)})


def _ask(actor: Actor, rights: Rights, target: Mapping[str, Any], *, is_closing: bool = False) -> None:
    """Take away at once, and ask for the rest of what the directory says; what it asked for before goes on waiting."""
    user_id = rights.user.pk
    request = _own_request(actor, user_id)
    if is_closing and request is not None:
        cancel_change_request(actor=actor, change_request_id=request.pk)
        request = None
    _pursue(actor, rights, request, {**_asked(rights, request), **target})


def _pursue(actor: Actor, rights: Rights, request: ChangeRequest | None, target: Mapping[str, Any]) -> None:
    """Take away what is not in the target, and ask for the rest in the directory's open request or a new one."""
    rights, _taken, giving = take_away(actor=actor, rights=rights, wanted=checked(rights, target))
    if request is None:
        _open(actor, rights, giving)
    elif not giving:
        cancel_change_request(actor=actor, change_request_id=request.pk)
    elif giving != _proposed(request):
        document = {change.path: change.target for change in giving}
        amend_change_request(actor=actor, change_request_id=request.pk, document=document)


def _open(actor: Actor, rights: Rights, giving: Sequence[Change]) -> None:
    if not giving:
        return
    policy = current_policy(RIGHTS)
    if not policy.stages:
        write_rights(actor=actor, rights=rights, changes=giving)
        return
    open_request(
        kind=RIGHTS,
        changes={rights.user.pk: giving},
        actor=actor,
        requirement=_requirement(actor, rights, giving, policy),
        comment=None,
        concerned=concerned_by(request_kind(RIGHTS), rights, giving),
    )


def _requirement(actor: Actor, rights: Rights, giving: Sequence[Change], policy: KindPolicy) -> Requirement:
    """Return what the policy says of the directory, else of members, else all of its stages."""
    paths = [change.path for change in giving]
    kind = request_kind(RIGHTS)
    for initiator in (initiator_of(actor, policy), ANYBODY):
        found = kind.requirement(subject=rights, paths=paths, policy=policy, initiator=initiator)
        if found:
            return found
    return Requirement(policy.stages, frozenset(paths), policy.version)


def _own_request(actor: Actor, user_id: int) -> ChangeRequest | None:
    """Return the directory's open request about a locked user; that of somebody else is not its to change."""
    requests = ChangeRequest.objects.of_kind(RIGHTS).open()
    return requests.filter(subject_id=user_id, initiator_application=actor.application_id).first()


def _asked(rights: Rights, request: ChangeRequest | None) -> Document:
    """Return the rights as they will be if the request is approved, over those of today."""
    document = dict(rights.document)
    for change in () if request is None else _proposed(request):
        if isinstance(change.target, list):
            present = [*(change.original or []), *document[change.path]]
            document[change.path] = [*document[change.path], *(item for item in change.target if item not in present)]
        else:
            document[change.path] = change.target
    return document


def _proposed(request: ChangeRequest) -> Sequence[Change]:
    return current_proposals(request).get().proposed
