"""The one way to change details (design section 5), and the life of a change request (section 6).

Locks are always taken contact first, then its request.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.permissions import check_member_permission
from changerequests.models import ChangeRequest, Status
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.queries import locked_request
from changerequests.tasks import send_outcome
from contacts.details import Change, Document, canonical, merge_patch, paths_with_ancestors, with_values
from contacts.models import CONTACT_SCHEMA, ChangeSet, Contact
from contacts.queries import (
    ContactToChange,
    PendingPaths,
    changeable_contact,
    locked_contact_to_change,
    pending_paths,
)
from contacts.services.anonymization import without_values
from contacts.services.changes import (
    apply_changes,
    check_username_follows,
    check_valid,
    checked_changes,
    outdated_paths,
    touches_channels,
)
from contacts.services.repository import LockNeededError
from core.errors import Forbidden, UnprocessableEntity
from core.jobs import send_on_commit
from schemas.compiled import CompiledSchema
from schemas.queries import current_schema

Precondition = Callable[[Contact], None]


@dataclass(frozen=True)
class Submission:
    """What became of a submission: it waits as `change_request`, was made as `change_set`, or changed nothing.

    A new address alone changes nothing yet: it waits as the pending value of its channel. `pending` has the channels
    that wait afterwards.
    """

    contact: Contact
    pending: PendingPaths
    change_request: ChangeRequest | None = None
    change_set: ChangeSet | None = None


def _no_precondition(contact: Contact) -> None:
    """For callers that named no version."""


def patch_details(
    *,
    actor: Actor,
    contact_id: int,
    patch: dict[str, Any],
    comment: str | None = None,
    precondition: Precondition = _no_precondition,
    seen: ContactToChange | None = None,
) -> Submission:
    """Submit the present details merged with `patch` (RFC 7396). Raises and locks like `replace_details`."""
    return _submit(
        actor=actor,
        contact_id=contact_id,
        target_of=lambda details: merge_patch(details, patch),
        comment=comment,
        precondition=precondition,
        seen=seen,
    )


def replace_details(
    *,
    actor: Actor,
    contact_id: int,
    details: dict[str, Any],
    comment: str | None = None,
    precondition: Precondition = _no_precondition,
    seen: ContactToChange | None = None,
) -> Submission:
    """Submit `details` as the whole document. One transaction, with the contact's row locked.

    `precondition` is called with the contact and raises when it is not as the caller knew it. `seen` is the contact as
    the caller has just read it, without its lock: while it is still so, one statement locks and writes it, and is the
    transaction. Raises NotFound; UnprocessableEntity: FieldNotUpdatable, ValidationFailed, UsernameNotUnique,
    UsernameRequired, PendingChangeRequestExists.
    """
    return _submit(
        actor=actor,
        contact_id=contact_id,
        target_of=lambda _: details,
        comment=comment,
        precondition=precondition,
        seen=seen,
    )


def _submit(
    *,
    actor: Actor,
    contact_id: int,
    target_of: Callable[[Document], Document],
    comment: str | None,
    precondition: Precondition,
    seen: ContactToChange | None,
) -> Submission:
    submit = partial(_submit_to, actor=actor, target_of=target_of, comment=comment, precondition=precondition)
    if seen is not None:
        with suppress(LockNeededError):
            return submit(seen)
    with transaction.atomic():
        return submit(locked_contact_to_change(actor=actor, contact_id=contact_id))


def _submit_to(
    found: ContactToChange,
    *,
    actor: Actor,
    target_of: Callable[[Document], Document],
    comment: str | None,
    precondition: Precondition,
) -> Submission:
    """Raises LockNeededError for a contact that is not locked, unless just its details and history are written."""
    contact, schema, pending = found.contact, found.schema, found.pending
    precondition(contact)
    target = canonical(target_of(contact.details), objects=schema.object_paths)
    changes = checked_changes(actor=actor, contact=contact, schema=schema, target=target)
    if not changes:
        return Submission(contact, pending)
    # A member's changes may have to wait for somebody else's approval.
    waiting = actor.member_id if any(_requires_approval(schema, change) for change in changes) else None
    if not found.is_locked and (waiting or touches_channels(schema=schema, pending=pending, changes=changes)):
        raise LockNeededError
    if waiting:
        request = _ask_for_review(member_id=waiting, contact=contact, schema=schema, changes=changes, comment=comment)
        return Submission(contact, pending, change_request=request)
    change_set = apply_changes(
        actor=actor, contact=contact, schema=schema, pending=pending, changes=changes, comment=comment
    )
    return Submission(contact, pending, change_set=change_set)


def _requires_approval(schema: CompiledSchema, change: Change) -> bool:
    field = schema.field_at(change.path)
    return field is not None and field.is_approval_required


def _ask_for_review(
    *, member_id: int, contact: Contact, schema: CompiledSchema, changes: list[Change], comment: str | None
) -> ChangeRequest:
    pending = ChangeRequest.objects.filter(contact=contact, status=Status.PENDING).first()
    if pending is not None:
        raise UnprocessableEntity(
            _("Change request %(id)s waits for review. Cancel it or wait until it is decided.") % {"id": pending.pk},
            sub_code="PendingChangeRequestExists",
            properties={"changeRequestId": [str(pending.pk)]},
        )
    return ChangeRequest.objects.create(
        contact=contact,
        initiator_member_id=member_id,
        initiator_comment=comment,
        changes=[{**change.as_json(), "isApprovalRequired": _requires_approval(schema, change)} for change in changes],
        paths=paths_with_ancestors(change.path for change in changes),
        language=get_language() or settings.LANGUAGE_CODE,
    )


@transaction.atomic
def cancel_change_request(*, actor: Actor, contact_id: int, change_request_id: int) -> ChangeRequest:
    """Withdraw a pending request. Locks the contact, then the request.

    Raises NotFound; Forbidden `NotInitiator`; UnprocessableEntity `ChangeRequestNotPending`.
    """
    contact = changeable_contact(actor=actor, contact_id=contact_id)
    request = locked_request(contact=contact, change_request_id=change_request_id)
    if actor.member_id is None or request.initiator_member_id != actor.member_id:
        raise Forbidden(_("Only the member who asked for the change may cancel it."), sub_code="NotInitiator")
    _check_pending(request)
    request.status = Status.CANCELLED
    request.save(update_fields=["status"])
    return request


@transaction.atomic
def review_change_request(
    *, actor: Actor, contact_id: int, change_request_id: int, is_approved: bool, comment: str | None = None
) -> ChangeRequest:
    """Approve or reject a pending request. Locks the contact, then the request: of two reviewers one wins.

    Approval makes the changes; the change set names the initiator, and the request names the change set. Raises
    NotFound; Forbidden without the review permission and, as `OwnChangeRequest`, for the initiator; and
    UnprocessableEntity: ChangeRequestNotPending, ChangeRequestOutdated, ValidationFailed, UsernameNotUnique,
    UsernameRequired. After any of them the request is as it was.
    """
    check_member_permission(actor, REVIEW_PERMISSION)
    contact = changeable_contact(actor=actor, contact_id=contact_id)
    request = locked_request(contact=contact, change_request_id=change_request_id)
    if request.initiator_member_id == actor.member_id:
        raise Forbidden(_("You asked for this change. Somebody else has to review it."), sub_code="OwnChangeRequest")
    _check_pending(request)
    if is_approved:
        request.change_set = _make_changes(actor=actor, contact=contact, request=request)
    request.status = Status.APPROVED if is_approved else Status.REJECTED
    request.review_member_id = actor.member_id
    request.review_comment = comment
    request.reviewed_at = timezone.now()
    request.is_outcome_due = True
    request.save(
        update_fields=["status", "review_member", "review_comment", "reviewed_at", "change_set", "is_outcome_due"]
    )
    send_on_commit(send_outcome, request.pk)
    return request


def _check_pending(request: ChangeRequest) -> None:
    if not request.is_pending:
        raise UnprocessableEntity(
            _("The change request is no longer pending: it is %(status)s.") % {"status": request.get_status_display()},
            sub_code="ChangeRequestNotPending",
        )


def _make_changes(*, actor: Actor, contact: Contact, request: ChangeRequest) -> ChangeSet | None:
    outdated = outdated_paths(contact=contact, changes=request.proposed)
    if outdated:
        raise UnprocessableEntity(
            _("The contact has changed since this was asked for. Reject it and ask again."),
            sub_code="ChangeRequestOutdated",
            properties={path: [_("The value is no longer the original one.")] for path in outdated},
        )
    schema = current_schema(CONTACT_SCHEMA)
    target = with_values(contact.details, {change.path: change.target for change in request.proposed})
    check_valid(schema=schema, target=target, stored=contact.details)
    check_username_follows(contact=contact, schema=schema, changes=request.proposed)
    return apply_changes(
        actor=actor,
        contact=contact,
        schema=schema,
        pending=pending_paths(contact),
        changes=request.proposed,
        comment=request.initiator_comment,
        initiator_member_id=request.initiator_member_id,
    )


def erase_change_requests(contact_ids: Sequence[int]) -> None:
    """Anonymization: values and comments go, paths, times and people stay; what is pending is cancelled."""
    requests = ChangeRequest.objects.filter(contact__in=contact_ids)
    requests.filter(status=Status.PENDING).update(status=Status.CANCELLED)
    requests.update(changes=without_values(), initiator_comment=None, review_comment=None)
