"""Change requests as reviewers read them: what changes, what has changed since, who may decide and why not."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from accounts.actor import Actor
from changerequests.models import ChangeRequest
from changerequests.permissions import REVIEW_PERMISSION
from contacts.details import Change, value_at
from contacts.display import Shown, compared, context_of, in_form_order, shown
from contacts.services.changes import outdated_paths
from schemas.compiled import CompiledSchema


@dataclass(frozen=True, slots=True)
class ReviewedChange:
    """One line of the review: the value that the proposal would replace, and the proposal.

    `original` is the value that the initiator saw, where the contact has another one by now. Once a request is
    decided, `current` is what it was asked to replace.
    """

    path: str
    label: str
    context: str
    current: Shown
    proposed: Shown
    original: Shown | None
    is_approval_required: bool
    is_verified_after: bool

    @property
    def is_outdated(self) -> bool:
        return self.original is not None


@dataclass(frozen=True, slots=True)
class Choices:
    """What the actor may do with a request now, and in words why the rest is not offered."""

    may_approve: bool = False
    may_reject: bool = False
    may_cancel: bool = False
    reasons: tuple[str, ...] = ()


def reviewed_changes(schema: CompiledSchema, request: ChangeRequest) -> list[ReviewedChange]:
    """The lines of the review in the form's order; the request's contact must have been read with its details."""
    changes = {change.path: change for change in request.proposed}
    outdated = outdated_paths(contact=request.contact, changes=request.proposed) if request.is_pending else []
    required = {change["path"] for change in request.changes if change["isApprovalRequired"]}
    return [
        _reviewed(schema, changes[path], request=request, outdated=outdated, required=required)
        for path in in_form_order(schema, changes)
    ]


def _reviewed(
    schema: CompiledSchema,
    change: Change,
    *,
    request: ChangeRequest,
    outdated: Collection[str],
    required: Collection[str],
) -> ReviewedChange:
    is_outdated = change.path in outdated
    before = value_at(request.contact.details, change.path) if is_outdated else change.original
    current, proposed = compared(schema, change.path, before, change.target)
    return ReviewedChange(
        path=change.path,
        label=schema.label_at(change.path),
        context=context_of(schema, change.path),
        current=current,
        proposed=proposed,
        original=shown(schema, change.path, change.original) if is_outdated else None,
        is_approval_required=change.path in required,
        is_verified_after=request.is_pending and change.path in schema.verified_paths and change.target is not None,
    )


def outdated_requests(ids: Collection[int]) -> set[int]:
    """Those of the requests whose contact no longer has the values that were to be changed."""
    if not ids:
        return set()
    requests = ChangeRequest.objects.filter(pk__in=ids).select_related("contact")
    read = requests.only("changes", "contact__details")
    return {row.pk for row in read if outdated_paths(contact=row.contact, changes=row.proposed)}


def choices(*, actor: Actor, request: ChangeRequest, changes: Iterable[ReviewedChange]) -> Choices:
    """What to offer the actor. The services decide again: this is for the page alone."""
    if not request.is_pending:
        return Choices()
    if request.initiator_member_id == actor.member_id:
        return Choices(
            may_cancel=True,
            reasons=(_("You asked for this change yourself, so somebody else has to decide it. You may cancel it."),),
        )
    if not actor.has_perm(REVIEW_PERMISSION):
        return Choices(
            reasons=(_("You may look at this request, but your account lacks the permission to review it."),)
        )
    outdated = [change.label for change in changes if change.is_outdated]
    if outdated:
        reason = _(
            "It cannot be approved any more, because the contact has changed since it was asked for: %(fields)s. "
            "Reject it, and have the change asked for again."
        ) % {"fields": ", ".join(outdated)}
        return Choices(may_reject=True, reasons=(reason,))
    return Choices(may_approve=True, may_reject=True)


def field_labels(schema: CompiledSchema, paths: Iterable[str]) -> list[str]:
    """The labels of the fields among paths that come with everything above them, in the form's order."""
    known = set(paths)
    above = {path.rpartition(".")[0] for path in known}
    return [schema.label_at(path) for path in in_form_order(schema, known - above)]


def labelled_faults(schema: CompiledSchema, properties: Mapping[str, Any] | None) -> list[str]:
    """The messages of an ApiError, each with the label of the field that it is about."""
    return [
        f"{schema.label_at(path)}: {message}" if path else str(message)
        for path, messages in (properties or {}).items()
        for message in messages
    ]
