"""The steps that every change of details takes, but for the decision whether it needs approval.

That decision belongs to `changerequests.services`, which calls these steps in one transaction with the contact locked.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.actor import Actor, ActorKind
from contacts.details import Change, Document, changes_between, paths_with_ancestors, value_at, with_values
from contacts.models import ChangeSet, ChannelKind, Contact
from contacts.queries import PendingPaths
from contacts.services.channels import await_verification, drop_pending
from contacts.services.repository import write_with_history
from contacts.services.usernames import UNIQUE, check_username_free, username_not_unique, username_required
from core.errors import UnprocessableEntity, map_integrity_error
from schemas.compiled import CompiledSchema, Field


def checked_changes(*, actor: Actor, contact: Contact, schema: CompiledSchema, target: Document) -> list[Change]:
    """Steps 2 to 4: the changes that lead to `target`, none if there are none.

    Raises UnprocessableEntity: FieldNotUpdatable, ValidationFailed, UsernameNotUnique, UsernameRequired.
    """
    changes = changes_between(contact.details, target)
    if changes:
        check_updatable(actor=actor, schema=schema, changes=changes)
        check_valid(schema=schema, target=target, stored=contact.details)
        check_username_follows(contact=contact, schema=schema, changes=changes)
    return changes


def check_updatable(
    *, actor: Actor, schema: CompiledSchema, changes: Sequence[Change], is_creation: bool = False
) -> None:
    """Raises UnprocessableEntity `FieldNotUpdatable`, naming the paths that the actor may not change.

    A contact that creates something gives the mandatory fields too, whether they are open to it later or not.
    """
    refused = {
        change.path: [_("You may not change this field.")]
        for change in changes
        if not _may_change(actor, schema.field_at(change.path), is_creation=is_creation)
    }
    if refused:
        raise UnprocessableEntity(
            _("Some fields may not be changed."), sub_code="FieldNotUpdatable", properties=refused
        )


def _may_change(actor: Actor, field: Field | None, *, is_creation: bool) -> bool:
    if field is None:
        # Not in the schema: validation refuses it, unless it is being removed. A contact may not even do that.
        return actor.kind is not ActorKind.CONTACT
    if field.is_disabled:
        return False
    if actor.kind is ActorKind.CONTACT:
        return field.is_updatable_by_contact or (is_creation and field.is_mandatory)
    return not (actor.kind is ActorKind.MEMBER and field.is_read_only)


def check_valid(*, schema: CompiledSchema, target: Document, stored: Document) -> None:
    """Raises UnprocessableEntity `ValidationFailed` with every fault by its path.

    What the schema no longer names and the submission leaves alone is no fault.
    """
    faults = schema.validate(target, stored=stored)
    if faults:
        raise UnprocessableEntity(
            _("The details do not follow the schema."), sub_code="ValidationFailed", properties=faults
        )


def check_username_follows(*, contact: Contact, schema: CompiledSchema, changes: Sequence[Change]) -> None:
    """Raises UnprocessableEntity, UsernameRequired or UsernameNotUnique, when the username cannot follow the email."""
    email = _new_email(schema, changes)
    if email is None:
        return
    if email.target is None:
        raise username_required()
    check_username_free(email.target, but_by=contact)


def _new_email(schema: CompiledSchema, changes: Sequence[Change]) -> Change | None:
    """The change of the email address that the username follows, if it does."""
    if not settings.USERNAME_FROM_EMAIL:
        return None
    path = schema.channel_paths[ChannelKind.EMAIL]
    return next((change for change in changes if change.path == path), None)


def apply_changes(
    *,
    actor: Actor,
    contact: Contact,
    schema: CompiledSchema,
    pending: PendingPaths,
    changes: Sequence[Change],
    comment: str | None = None,
    initiator_member_id: int | None = None,
) -> ChangeSet | None:
    """Step 6, with the contact locked unless `touches_channels` says that it need not be: write changes and history.

    Addresses that must be verified wait as their channel's pending value instead; what is written directly no longer
    waits. `pending` is what waited, and is kept up to date. The change set names the actor, or
    the member `initiator_member_id` whose request the actor approved; None when nothing but such addresses changed.
    Raises UnprocessableEntity: ValidationFailed when the rest does not stand without them, UsernameNotUnique; and
    LockNeededError like `write_details`.
    """
    waiting = [change for change in changes if _must_be_verified(schema, change)]
    direct = [change for change in changes if change not in waiting]
    document = with_values(contact.details, {change.path: change.target for change in direct})
    if waiting and direct:
        _check_stands_alone(schema=schema, document=document, stored=contact.details, waiting=waiting)
    for change in waiting:
        channel = await_verification(contact=contact, schema=schema, path=change.path, value=change.target)
        pending[channel.kind] = channel.path
    written = {change.path for change in direct}
    if no_longer := [kind for kind, path in pending.items() if path in written]:
        drop_pending(contact=contact, kinds=no_longer)
        for kind in no_longer:
            del pending[kind]
    if not direct:
        return None
    return write_details(
        actor=actor,
        contact=contact,
        schema=schema,
        changes=direct,
        document=document,
        comment=comment,
        initiator_member_id=initiator_member_id,
    )


def touches_channels(*, schema: CompiledSchema, pending: PendingPaths, changes: Sequence[Change]) -> bool:
    """Whether more may have to be written than details and history: the channels of addresses, the username."""
    paths = {*schema.channel_paths.values(), *pending.values()}
    return any(change.path in paths for change in changes)


def _must_be_verified(schema: CompiledSchema, change: Change) -> bool:
    return change.path in schema.verified_paths and change.target is not None


def _check_stands_alone(
    *, schema: CompiledSchema, document: Document, stored: Document, waiting: Sequence[Change]
) -> None:
    """What is written now must follow the schema too; that a waiting address is still missing is no fault."""
    faults = schema.validate(document, stored=stored)
    for change in waiting:
        faults.pop(change.path, None)
    if faults:
        raise UnprocessableEntity(
            _("The other changes need the address that is not verified yet."),
            sub_code="ValidationFailed",
            properties=faults,
        )


def write_details(
    *,
    actor: Actor,
    contact: Contact,
    schema: CompiledSchema,
    changes: Sequence[Change],
    document: Document,
    comment: str | None = None,
    initiator_member_id: int | None = None,
) -> ChangeSet:
    """Write the document of a contact, raise its version and record the change set.

    Raises UnprocessableEntity `UsernameNotUnique` when the username follows the email to one that is taken, and
    LockNeededError when the contact was not locked and is no longer as it was read.
    """
    contact.details = document
    contact.version += 1
    email = _new_email(schema, changes)
    username = None if email is None else email.target
    if username is not None:
        contact.username = username
    entry = _entry(
        actor=actor, contact=contact, changes=changes, comment=comment, initiator_member_id=initiator_member_id
    )
    with nullcontext() if username is None else map_integrity_error(UNIQUE, username_not_unique()):
        write_with_history(contact, entry, username=username)
    return entry


def record_changes(
    *,
    actor: Actor,
    contact: Contact,
    changes: Sequence[Change],
    comment: str | None = None,
    initiator_member_id: int | None = None,
) -> ChangeSet:
    """Add the change set of the contact's present version to its history."""
    entry = _entry(
        actor=actor, contact=contact, changes=changes, comment=comment, initiator_member_id=initiator_member_id
    )
    entry.save(force_insert=True)
    return entry


def _entry(
    *, actor: Actor, contact: Contact, changes: Sequence[Change], comment: str | None, initiator_member_id: int | None
) -> ChangeSet:
    recorded = history_columns(actor=actor, changes=changes)
    if initiator_member_id is not None:
        recorded["initiator_member_id"] = initiator_member_id
    return ChangeSet(contact=contact, version=contact.version, comment=comment, **recorded)


def history_columns(*, actor: Actor, changes: Sequence[Change]) -> dict[str, Any]:
    """What every history (`contacts.models.History`) records of a submission, but for whose version it made."""
    return {
        "initiator_member_id": actor.member_id,
        "initiator_contact_id": actor.contact_id,
        "initiator_application_id": actor.application_id,
        "initiator_system": actor.name if actor.kind is ActorKind.SYSTEM else "",
        "changes": [change.as_json() for change in changes],
        "paths": paths_with_ancestors(change.path for change in changes),
    }


def outdated_paths(*, contact: Contact, changes: Sequence[Change]) -> list[str]:
    """The paths that no longer have the value that they had when the changes were asked for."""
    return [
        change.path
        for change in changes
        if changes_between({"value": change.original}, {"value": value_at(contact.details, change.path)})
    ]
