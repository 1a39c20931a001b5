"""Groups and the permissions that they give to their users."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.models import User
from accounts.usernames import named
from administration.models import GROUP_NAME_TAKEN
from administration.outcomes import Outcome
from administration.queries.rights import groups_with_rights, named_permissions, rights_of
from administration.rights import GROUP_RIGHTS, split
from administration.services.identities import in_order, provider_group_faults, write_provider_groups
from administration.services.notices import tell_of_taking
from administration.services.rights import change_rights, locked_rights, not_well_formed
from audit.entries import append
from changerequests.models import ChangeRequest
from changerequests.services.submitting import approved_by, request_if_required
from changerequests.services.withdrawing import cancel_open_request
from core.documents import Change, Document, changes_between
from core.errors import Forbidden, NotFound, UnprocessableEntity, map_integrity_error, map_lock_errors
from core.text import normalized, required_line_faults

MAX_NAME = 150


@dataclass(frozen=True, slots=True)
class GroupRights:
    """A group, locked until the transaction ends, and its document."""

    group: Group
    document: Document


def locked_group(group_id: int) -> GroupRights:
    """Lock the group and return it with its document. Raises NotFound; HeldByOthers."""
    with map_lock_errors():
        locked = Group.objects.select_for_update().filter(pk=group_id).first()
    if locked is None:
        raise NotFound(_("There is no group with this id that you can see."))
    group = groups_with_rights(Group.objects.filter(pk=group_id)).get()
    return GroupRights(group, rights_of(group))


@transaction.atomic
def create_group(*, actor: Actor, name: str, target: Mapping[str, Any]) -> Outcome:
    """Create an empty group; what it shall give, and to whom, may wait.

    Raises Forbidden; UnprocessableEntity: ValidationFailed, GroupNameNotUnique.
    """
    check_may_change_groups(actor)
    group = Group(name=normalized(name))
    if faults := required_line_faults(group.name, most=MAX_NAME):
        raise not_well_formed({"name": faults})
    _check_name_free(group.name)
    with map_integrity_error(GROUP_NAME_TAKEN, _name_taken()):
        group.save(force_insert=True)
    append(kind=GROUP_RIGHTS, subject_id=group.pk, actor=actor, changes=[Change("name", None, group.name)])
    return change_group(actor=actor, group_id=group.pk, target=target)


@transaction.atomic
def change_group(*, actor: Actor, group_id: int, target: Mapping[str, Any], comment: str | None = None) -> Outcome:
    """Change a group: what takes away takes effect at once, what gives may wait.

    Locks the group. Raises NotFound; Forbidden; UnprocessableEntity: ValidationFailed, GroupNameNotUnique,
    PendingChangeRequestExists.
    """
    check_may_change_groups(actor)
    rights = locked_group(group_id)
    taking, giving = split(rights.document, checked_group(rights, target))
    if taking:
        write_group(actor=actor, rights=rights, changes=taking, comment=comment)
        tell_of_taking(
            actor=actor,
            kind=GROUP_RIGHTS,
            subject_id=group_id,
            paths=[change.path for change in taking],
            concerned=User.objects.filter(groups=group_id).values_list("pk", flat=True),
        )
        rights = locked_group(group_id)
    request = request_if_required(
        kind=GROUP_RIGHTS, subject_id=group_id, subject=rights, changes=giving, actor=actor, comment=comment
    )
    if request is None and giving:
        write_group(actor=actor, rights=rights, changes=giving, comment=comment)
    return Outcome(group_id, [*taking, *giving] if request is None else taking, request)


@transaction.atomic
def delete_group(*, actor: Actor, group_id: int) -> None:
    """Delete a group: its users leave it at once, and its open request is cancelled.

    Locks the users in the order of their ids, then the group. Raises NotFound; Forbidden; ProtectedError for a group
    that policies or requests name.
    """
    check_may_change_groups(actor)
    for user_id in User.objects.filter(groups=group_id).order_by("pk").values_list("pk", flat=True):
        groups = [pk for pk in locked_rights(user_id).document["groups"] if pk != group_id]
        change_rights(actor=actor, user_id=user_id, target={"groups": groups})
    rights = locked_group(group_id)
    cancel_open_request(kind=GROUP_RIGHTS, subject_id=group_id)
    append(
        kind=GROUP_RIGHTS,
        subject_id=group_id,
        actor=actor,
        changes=changes_between(rights.document, dict.fromkeys(rights.document)),
    )
    rights.group.delete()


def write_group(
    *,
    actor: Actor,
    rights: GroupRights,
    changes: Sequence[Change],
    comment: str | None = None,
    request: ChangeRequest | None = None,
) -> None:
    """Write changes of a locked group, and the entry that records them. Raises UnprocessableEntity."""
    values = {change.path: change.target for change in changes}
    if "name" in values:
        rights.group.name = values["name"]
        with map_integrity_error(GROUP_NAME_TAKEN, _name_taken()):
            rights.group.save(update_fields=["name"])
    if "permissions" in values:
        rights.group.permissions.set(named_permissions(values["permissions"] or []))
    if "providerGroups" in values:
        write_provider_groups(rights.group, values["providerGroups"] or [])
    append(
        kind=GROUP_RIGHTS,
        subject_id=rights.group.pk,
        actor=actor,
        changes=changes,
        **({"comment": comment} if request is None else approved_by(request)),
    )


def check_may_change_groups(actor: Actor) -> None:
    """Raise Forbidden unless the actor is a superuser or the system: groups grant permissions."""
    if actor.is_member and not (actor.user is not None and actor.user.is_superuser):
        raise Forbidden(_("Only superusers change groups."))


def checked_group(rights: GroupRights, target: Mapping[str, Any]) -> Document:
    """Return the whole document that a change leads to.

    Raises UnprocessableEntity: ValidationFailed, GroupNameNotUnique.
    """
    document = {**rights.document, **target}
    faults = {path: [_("There is no such field.")] for path in target if path not in rights.document}
    name, names = document["name"], document["permissions"]
    document["name"] = normalized(name) if isinstance(name, str) else ""
    if wrong := required_line_faults(document["name"], most=MAX_NAME):
        faults["name"] = wrong
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise not_well_formed({**faults, "permissions": [_("Expected a list.")]})
    known = {f"{one.content_type.app_label}.{one.codename}" for one in named_permissions(names)}
    if unknown := sorted(set(names) - known):
        faults["permissions"] = [_("There is no %(id)s.") % {"id": one} for one in unknown]
    if wrong := provider_group_faults(document["providerGroups"], rights.document["providerGroups"]):
        faults["providerGroups"] = wrong
    if faults:
        raise not_well_formed(faults)
    if document["name"] != rights.document["name"]:
        _check_name_free(document["name"], but_by=rights.group.pk)
    document["providerGroups"] = in_order(document["providerGroups"], "name")
    document["permissions"] = sorted(set(names))
    return document


def _check_name_free(name: str, *, but_by: int = 0) -> None:
    """Raise UnprocessableEntity `GroupNameNotUnique` for a name of another group, compared like those of logins."""
    if named(Group.objects.exclude(pk=but_by), name, column="name").exists():
        raise _name_taken()


def _name_taken() -> UnprocessableEntity:
    return UnprocessableEntity(_("A group with this name exists already."), sub_code="GroupNameNotUnique")
