"""Undoing a merge: at once, or as a change request where the policy says so.

Lock order: as in `merging.services.merging`.
"""

from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor
from audit.queries import entries_since
from changerequests.models import ChangeRequest
from changerequests.services.submitting import request_if_required
from contacts.models import CONTACT_DETAILS, CONTACT_SCHEMA, UNMERGE, ChannelKind, Contact, Merge
from contacts.plans import ChangePlan, Origin, Snapshot, Target, plan, replaced
from contacts.queries.contacts import check_visible
from contacts.services.identity import USERNAME
from contacts.services.usernames import check_username_free
from core.documents import Change, Document, changes_between, value_at, with_values
from core.errors import PreconditionFailed
from merging.documents import GROUPS, details_changes, three_way, unmerge_changes
from merging.pairs import Pair, locked_pair, merge_of, state_of
from merging.services.merging import snapshot_of
from merging.services.writing import GAVE_USERNAME, write_unmerge
from schemas.compiled import CompiledSchema
from schemas.queries import current_schema


@transaction.atomic
def unmerge_contacts(
    *, actor: Actor, survivor_id: int, loser_id: int, comment: str | None = None, version: int | None = None
) -> ChangeRequest | None:
    """Undo the merge of a contact into another one; return the request if it waits.

    `version` is that of the survivor's details which the caller has read.

    The merged contact is as it was. The other one is as it was before, and gets again what was changed since then.
    Raises NotFound if the actor does not see both; UnprocessableEntity: `NotMerged`, `ContactAnonymized`,
    `PendingChangeRequestExists`, `ValidationFailed`, `UsernameNotUnique`; PreconditionFailed for another version.
    """
    answering = check_visible(actor=actor, contact_id=survivor_id)
    pair = locked_pair(actor=actor, survivor_id=answering, loser_id=loser_id)
    if version is not None and version != pair.survivor.version:
        raise PreconditionFailed(_("The contact has changed since you looked at it. Look at it again."))
    merge, plans, changes = planned_unmerge(actor=actor, pair=pair)
    request = request_if_required(
        kind=UNMERGE,
        subject_id=pair.survivor.pk,
        subject=pair,
        changes=changes,
        actor=actor,
        comment=comment,
        beside=[pair.loser.pk],
    )
    if request is None:
        write_unmerge(actor=actor, pair=pair, merge=merge, plans=plans, changes=changes, comment=comment)
    return request


def planned_unmerge(*, actor: Actor, pair: Pair) -> tuple[Merge, Sequence[ChangePlan], Sequence[Change]]:
    """Return the merge of a locked pair, the plans that lead the survivor's details back, and all that would change.

    Raises like `unmerge_contacts`.
    """
    merge = merge_of(pair)
    before, after = _details_around(pair.survivor, merge)
    target, conflicts = three_way(before, after, pair.survivor.details)
    plans = _plans(pair, actor, before, target)
    changes = unmerge_changes(
        details=changes_between(pair.survivor.details, target),
        conflicts=conflicts,
        survivor=pair.document,
        before=merge.before["survivor"],
        after=merge.after,
        merged=pair.state,
        loser=_state_before(pair, merge),
    )
    return merge, plans, changes


def apply_unmerge(*, actor: Actor, pair: Pair, changes: Sequence[Change], request: ChangeRequest) -> None:
    """Make the approved end of a merge of a locked pair. Raises like `unmerge_contacts`."""
    merge = merge_of(pair)
    before, _after = _details_around(pair.survivor, merge)
    values = {change.path: change.target for change in details_changes(changes)}
    plans = _plans(pair, actor, before, with_values(pair.survivor.details, values))
    write_unmerge(
        actor=actor,
        pair=pair,
        merge=merge,
        plans=plans,
        changes=changes,
        comment=request.initiator_comment,
        request=request,
    )


def _details_around(contact: Contact, merge: Merge) -> tuple[Document, Document]:
    """Return a contact's details before and after a merge, from its history.

    What an earlier merge brought, and lost since then, was not there before: the later merge may have overwritten it.
    """
    undone = Merge.objects.filter(survivor=contact, made_by__lt=merge.made_by_id, undone_by__gt=merge.made_by_id)
    earlier = list(undone.order_by("made_by"))
    documents = _documents(contact, since=min(one.version_before for one in (merge, *earlier)))
    before = documents[merge.version_before]
    for one in earlier:
        before, _conflicts = three_way(documents[one.version_before], documents[one.version_after], before)
    return before, documents[merge.version_after]


def _documents(contact: Contact, *, since: int) -> dict[int, Document]:
    """Return a contact's details in each version from one on."""
    documents = {contact.version: contact.details}
    for entry in entries_since(kind=CONTACT_DETAILS, subject_id=contact.pk, after=since, until=contact.version):
        documents[entry.sequence - 1] = entry.undone(documents[entry.sequence])
    return documents


def _plans(pair: Pair, actor: Actor, before: Document, target: Document) -> list[ChangePlan]:
    """Plan the way back to the details before the merge, and then to the target, which must be valid.

    Raises what a change of details raises.
    """
    snapshot = snapshot_of(pair, actor)
    whole = plan(snapshot, replaced(target), actor, Origin.MERGE)
    if whole.refusal:
        raise whole.refusal
    if whole.username is not None and not pair.gives_username(whole.username):
        check_username_free(whole.username, but_by=pair.survivor)
    back = plan(snapshot, Target(lambda _stored: before, is_canonical=True, is_valid=True), actor, Origin.MERGE)
    again = plan(
        _following(snapshot, back),
        Target(lambda _stored: whole.document, is_canonical=True, is_valid=True),
        actor,
        Origin.MERGE,
    )
    return [back, again]


def _following(snapshot: Snapshot, made: ChangePlan) -> Snapshot:
    """Return the snapshot after a plan was carried out."""
    if not made.to_write:
        return snapshot
    return replace(snapshot, document=made.document, version=snapshot.version + 1)


def _state_before(pair: Pair, merge: Merge) -> dict[str, object]:
    """Return the state that the merged contact gets back, in those groups that are still there."""
    belongings = dict(merge.before["loser"])
    belongings[GROUPS] = {pk: policy for pk, policy in belongings[GROUPS].items() if int(pk) in pair.groups}
    state = state_of(pair.loser, belongings)
    return {**state, USERNAME: _username_before(pair, merge, current_schema(CONTACT_SCHEMA))}


def _username_before(pair: Pair, merge: Merge, schema: CompiledSchema) -> str | None:
    """Return the username that the contact still has, or the one that the survivor took over with the email."""
    path = schema.channel_paths[ChannelKind.EMAIL]
    if not merge.before[GAVE_USERNAME] or path is None:
        return pair.loser.username
    email: str | None = value_at(pair.loser.details, path)
    return email
