"""Merging a contact into another one: at once, or as a change request where the policy says so.

Lock order: the two contacts and what is merged into them by id, then their groups by id, then the request.
"""

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from changerequests.models import ChangeRequest, RequestSubject
from changerequests.queries.revisions import open_proposals
from changerequests.services.submitting import request_if_required
from contactgroups.documents import member_path
from contactgroups.models import CONTACT_GROUP
from contacts.models import CONTACT_KINDS, MERGE
from contacts.plans import ChangePlan, Origin, Snapshot, plan, replaced, values_set
from contacts.services.changes import CONTACTS
from contacts.services.usernames import check_username_free
from core.documents import Change, Document, with_values
from core.errors import PreconditionFailed, UnprocessableEntity
from merging.documents import completed, details_changes, invented, merge_changes
from merging.pairs import Pair, answering_pair
from merging.services.writing import write_merge


@transaction.atomic
def merge_contacts(
    *,
    actor: Actor,
    survivor_id: int,
    loser_id: int,
    details: Document | None = None,
    comment: str | None = None,
    versions: tuple[int, int] | None = None,
) -> ChangeRequest | None:
    """Merge a contact into another one; return the request if it waits.

    `details` is the survivor's whole document afterwards; None keeps its own, and takes from the other contact what it
    has no value of. `versions` are those of the survivor's and the other contact's details that the caller has read.

    Raises NotFound if the actor does not see both; UnprocessableEntity: `SameContact`,
    `PendingChangeRequestExists` while something waits that is about the merged contact, or a merge of either,
    `LoginOfMerged` if only that has a login, `FieldNotUpdatable` and `ValidationFailed` about values that neither
    contact has, `ValidationFailed`, `UsernameNotUnique`, `UsernameRequired`, `ContactAnonymized`;
    PreconditionFailed for other versions.
    """
    pair = answering_pair(actor=actor, survivor_id=survivor_id, loser_id=loser_id)
    check_mergeable(pair)
    if versions is not None and versions != (pair.survivor.version, pair.loser.version):
        raise PreconditionFailed(_("One of the contacts has changed since you looked at it. Look at it again."))
    snapshot = snapshot_of(pair, actor)
    chosen = completed(pair.survivor.details, pair.loser.details) if details is None else details
    _check_chosen(pair, snapshot, actor, chosen)
    found = planned_details(pair, snapshot, actor, chosen)
    changes = changes_of_merge(pair, found)
    request = request_if_required(
        kind=MERGE,
        subject_id=pair.survivor.pk,
        subject=pair,
        changes=changes,
        actor=actor,
        comment=comment,
        beside=[pair.loser.pk],
    )
    if request is None:
        write_merge(actor=actor, pair=pair, plan=found, changes=changes, comment=comment)
    return request


def apply_merge(*, actor: Actor, pair: Pair, changes: Sequence[Change], request: ChangeRequest) -> None:
    """Make an approved merge of a locked pair. Raises like `merge_contacts`."""
    check_mergeable(pair, request=request)
    snapshot = snapshot_of(pair, actor)
    values = {change.path: change.target for change in details_changes(changes)}
    found = planned_details(pair, snapshot, actor, with_values(pair.survivor.details, values))
    write_merge(actor=actor, pair=pair, plan=found, changes=changes, comment=request.initiator_comment, request=request)


def changes_of_merge(pair: Pair, found: ChangePlan) -> list[Change]:
    """Return the changes of the document that a merge with this plan of the details makes."""
    return merge_changes(details=found.changes, survivor=pair.document, loser=pair.state, survivor_id=pair.survivor.pk)


def check_mergeable(pair: Pair, *, request: ChangeRequest | None = None) -> None:
    """Raise UnprocessableEntity unless the loser of a locked pair can be merged, by the request if there is one."""
    if pair.survivor.merged_into_id is not None or pair.loser.merged_into_id is not None:
        raise UnprocessableEntity(_("One of the contacts was merged since then."), sub_code="ContactMerged")
    if pair.loser.user_id is not None and pair.survivor.user_id is None:
        raise UnprocessableEntity(
            _("Only the contact that would be merged has a login: merge the other one into it instead."),
            sub_code="LoginOfMerged",
        )
    waiting = RequestSubject.objects.filter(kind__in=CONTACT_KINDS, subject_id=pair.loser.pk, is_open=True)
    if request is not None:
        waiting = waiting.exclude(request=request)
    about_groups = open_proposals(CONTACT_GROUP).filter(revision__request__paths__contains=[member_path(pair.loser.pk)])
    found = waiting.values_list("request", flat=True).union(
        about_groups.order_by().values_list("revision__request", flat=True)
    )
    request_id = min(found, default=None)
    if request_id is not None:
        raise UnprocessableEntity(
            _("Change request %(id)s is about the contact that would be merged: it is decided or cancelled first.")
            % {"id": request_id},
            sub_code="PendingChangeRequestExists",
            properties={"changeRequestId": [str(request_id)]},
        )


def snapshot_of(pair: Pair, actor: Actor) -> Snapshot:
    """Return the snapshot of the survivor, which is locked already."""
    return CONTACTS.read_locked(actor=actor, subject_id=pair.survivor.pk)


def planned_details(pair: Pair, snapshot: Snapshot, actor: Actor, chosen: Document) -> ChangePlan:
    """Plan the survivor's details after the merge. Raises what a change of details raises."""
    found = plan(snapshot, replaced(chosen), actor, Origin.MERGE)
    if found.refusal:
        raise found.refusal
    if found.username is not None and not pair.gives_username(found.username):
        check_username_free(found.username, but_by=pair.survivor)
    return found


def _check_chosen(pair: Pair, snapshot: Snapshot, actor: Actor, chosen: Document) -> None:
    """Raise UnprocessableEntity for values that neither contact has, where the actor may not enter any.

    A merge verifies no address, so it has those of the two contacts.
    """
    new = invented(pair.survivor.details, pair.loser.details, chosen)
    if not new:
        return
    found = plan(snapshot, values_set(new), actor, Origin.SUBMISSION)
    if found.not_updatable and found.refusal is not None:
        raise found.refusal
    message = _("Neither contact has this address. Merge first, then change it.")
    addresses = {
        change.path: [message] for change in new if change.path in snapshot.verified_paths and change.target is not None
    }
    if addresses:
        raise UnprocessableEntity(message, sub_code="ValidationFailed", properties=addresses)
