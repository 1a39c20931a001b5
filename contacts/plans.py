"""Plans a change of details from a snapshot of the row. Pure: nothing here reads or writes.

`plan` decides, `contacts.services.changes.commit` executes. docs/architecture.md, "Changing details", lists the steps;
legal entities and imports take the same ones.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

from accounts.actor import Actor, ActorKind
from changerequests.policies import NO_FACTS, NOTHING_REQUIRED, Facts, KindPolicy, Requirement
from core.documents import Change, Document, canonical, changes_between, merge_patch, value_at, with_values
from core.errors import PreconditionFailed, UnprocessableEntity
from schemas.compiled import CompiledSchema
from schemas.phones import is_same_number

Faults = Mapping[str, Sequence[Any]]
# Kind of each channel that waits for its key -> path of its field.
PendingPaths = Mapping[str, str]


class Origin(Enum):
    """Where a change comes from, which determines its steps."""

    SUBMISSION = "submission"  # PATCH, PUT or a form: every step
    CREATION = "creation"  # addresses need no verification; a contact may set all mandatory fields
    IMPORT = "import"  # addresses need no verification
    APPROVAL = "approval"  # permissions were checked at submission; addresses still need verification
    APPROVED_CREATION = "approved creation"  # permissions were checked at submission; addresses need no verification
    APPROVED_IMPORT = "approved import"  # permissions were checked by the import; addresses need no verification
    MERGE = "merge"  # what is chosen of two contacts was entered and verified before
    VERIFICATION = "verification"  # permissions were checked at submission

    @property
    def is_guarded(self) -> bool:
        return self in (Origin.SUBMISSION, Origin.CREATION, Origin.IMPORT)

    @property
    def verifies_addresses(self) -> bool:
        return self in (Origin.SUBMISSION, Origin.APPROVAL)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A document as it was read at one moment, with everything that planning a change depends on.

    `version` is 0 for a row that does not exist yet. `row` is the model instance, if there is one. `pending` has the
    channels that wait for a key, `verified_paths` the channel of each field whose new value must be verified,
    `channel_paths` the fields of all channels and `username_path` the field that the username follows. `policy` says
    which of the actor's changes must wait, given `facts`; None if none of them can.
    """

    document: Document
    version: int
    schema: CompiledSchema
    row: Any = None
    pending: PendingPaths = field(default_factory=dict)
    verified_paths: Mapping[str, str] = field(default_factory=dict)
    username_path: str | None = None
    channel_paths: Collection[str | None] = ()
    policy: KindPolicy | None = None
    facts: Facts = NO_FACTS


@dataclass(frozen=True, slots=True)
class Target:
    """A requested change, as a function from the stored document to the new one.

    `versions` are those that the caller has read; None accepts any. `is_canonical` and `is_valid` let `plan` skip
    canonicalization and validation of a document that needs neither.
    """

    document: Callable[[Document], Document]
    versions: Collection[int] | None = None
    is_canonical: bool = False
    is_valid: bool = False


def merged(patch: Document, versions: Collection[int] | None = None) -> Target:
    """Target: the stored document merged with a JSON Merge Patch (RFC 7396)."""
    return Target(lambda stored: merge_patch(stored, patch), versions)


def replaced(document: Document, versions: Collection[int] | None = None) -> Target:
    """Target: this document instead of the stored one."""
    return Target(lambda _stored: document, versions)


def values_set(changes: Collection[Change]) -> Target:
    """Target: the stored document with the target values of the changes."""
    values = {change.path: change.target for change in changes}
    return Target(lambda stored: with_values(stored, values))


@dataclass(slots=True)
class ChangePlan:
    """The effects of a change, before it is made. Treat it as immutable.

    `changes` has every path that differs. `document` is what would be stored at once, and `to_write` has its changes;
    those in `to_verify` wait for a key instead. `requirement` has the paths that need approval and the stages of that;
    if there are any, the whole change waits. `not_updatable` and `faults` map paths to messages, and `refusal` is the
    error that a refused change raises: FieldNotUpdatable, ValidationFailed or UsernameRequired. `username` is the
    contact's new username, `username_to_write` the same unless its email must be verified first; `removes_username`:
    there would be none.
    """

    snapshot: Snapshot
    target: Target
    actor: Actor
    origin: Origin
    document: Document
    changes: Sequence[Change] = ()
    to_write: Sequence[Change] = ()
    to_verify: Sequence[Change] = ()
    requirement: Requirement = NOTHING_REQUIRED
    not_updatable: Faults = field(default_factory=dict)
    faults: Faults = field(default_factory=dict)
    refusal: UnprocessableEntity | None = None
    username: str | None = None
    username_to_write: str | None = None
    removes_username: bool = False

    @property
    def settled_channels(self) -> list[str]:
        """The channels that stop waiting for a key because their field is written."""
        written = {change.path for change in self.to_write}
        return [kind for kind, path in self.snapshot.pending.items() if path in written]


def username_required(email_path: str | None = None) -> UnprocessableEntity:
    """Return the 422 error for a missing username, which names the email if the username follows that."""
    if email_path is None:
        return UnprocessableEntity(_("A username is required."), sub_code="UsernameRequired")
    message = _("An email is required: it is the username.")
    return UnprocessableEntity(message, sub_code="UsernameRequired", properties={email_path: [message]})


def plan(snapshot: Snapshot, target: Target, actor: Actor, origin: Origin = Origin.SUBMISSION) -> ChangePlan:
    """Plan a change. Raises PreconditionFailed, with the current ETag, if the target names other versions."""
    if target.versions is not None and snapshot.version not in target.versions:
        raise PreconditionFailed(headers={"ETag": f'"{snapshot.version}"'})
    schema, stored = snapshot.schema, snapshot.document
    document = target.document(stored)
    if not target.is_canonical:
        document = canonical(document, objects=schema.object_paths, stored=stored)
    changes = changes_between(stored, document)
    found = ChangePlan(snapshot, target, actor, origin, document, changes, to_write=changes)
    if not changes and snapshot.version:
        return found
    if origin.is_guarded:
        found.not_updatable = _not_updatable(schema, changes, actor.kind, is_creation=origin is Origin.CREATION)
    if not target.is_valid:
        found.faults = schema.validate(document, stored=stored)
    if origin is Origin.SUBMISSION and snapshot.policy is not None:
        found.requirement = required_for(schema, [change.path for change in changes], snapshot.policy, snapshot.facts)
    refused = found.not_updatable or found.faults
    if refused:
        found.refusal = _refused(found)
    elif origin.verifies_addresses and snapshot.verified_paths and not found.requirement.stages:
        _hold_back_addresses(found)
    if snapshot.username_path is not None:
        _follow_email(found, snapshot.username_path)
    return found


def _refused(found: ChangePlan, message: Any = None) -> UnprocessableEntity:
    if found.not_updatable:
        return UnprocessableEntity(
            _("Some fields may not be changed."), sub_code="FieldNotUpdatable", properties=found.not_updatable
        )
    return UnprocessableEntity(
        message or _("The details do not follow the schema."), sub_code="ValidationFailed", properties=found.faults
    )


def _hold_back_addresses(found: ChangePlan) -> None:
    """Take values that need verification out of the document; without them it must still follow the schema."""
    snapshot = found.snapshot
    found.to_verify = [
        change
        for change in found.changes
        if change.path in snapshot.verified_paths
        and change.target is not None
        and not _is_rewritten_number(snapshot.schema, change)
    ]
    if not found.to_verify:
        return
    found.to_write = [change for change in found.changes if change not in found.to_verify]
    found.document = with_values(snapshot.document, {change.path: change.target for change in found.to_write})
    if found.to_write:
        waiting = {change.path for change in found.to_verify}
        faults = snapshot.schema.validate(found.document, stored=snapshot.document)
        found.faults = {path: messages for path, messages in faults.items() if path not in waiting}
        if found.faults:
            found.refusal = _refused(found, _("The other changes need the address that is not verified yet."))


def _is_rewritten_number(schema: CompiledSchema, change: Change) -> bool:
    """Return whether a change only writes the same number in another way."""
    region, original = schema.fields[change.path].region, change.original
    return region is not None and isinstance(original, str) and is_same_number(original, change.target, region)


def _follow_email(found: ChangePlan, path: str) -> None:
    """Derive the username from the email, if that changes."""
    email = next((change for change in found.changes if change.path == path), None)
    if email is None:
        return
    found.username = email.target
    if email.target is None:
        found.removes_username = True
        found.refusal = found.refusal or username_required(path)
    elif email not in found.to_verify:
        found.username_to_write = email.target


def _not_updatable(
    schema: CompiledSchema, changes: Sequence[Change], kind: ActorKind, *, is_creation: bool
) -> dict[str, list[str]]:
    closed = _closed_paths(schema, kind, is_creation)
    refused = {}
    for change in changes:
        path = change.path
        if path in closed or (path not in schema.fields and not _may_change(schema, path, kind, is_creation)):
            refused[path] = [_("You may not change this field.")]
    return refused


@lru_cache(maxsize=64)
def _closed_paths(schema: CompiledSchema, kind: ActorKind, is_creation: bool) -> frozenset[str]:
    """Return the fields that this kind of actor may not change. Cached, because documents do not affect it."""
    return frozenset(path for path in schema.fields if not _may_change(schema, path, kind, is_creation))


def _may_change(schema: CompiledSchema, path: str, kind: ActorKind, is_creation: bool) -> bool:
    field_there = schema.field_at(path)
    if field_there is None:
        # Not in the schema: validation accepts only its removal, which contacts may not do either.
        return kind is not ActorKind.CONTACT
    if field_there.is_disabled:
        return False
    if kind is ActorKind.CONTACT:
        return field_there.is_updatable_by_contact or (is_creation and field_there.is_mandatory)
    return not (kind is ActorKind.MEMBER and field_there.is_read_only)


def required_for(schema: CompiledSchema, paths: Iterable[str], policy: KindPolicy, facts: Facts) -> Requirement:
    """Return what changes at these paths must wait for. A path is flagged if the schema requires approval of it.

    Who logs in gets the link to a new password by email, so nobody changes the addresses of such a client alone.
    """
    paths = list(paths)
    flagged = {
        path for path in paths if (governing := schema.field_at(path)) is not None and governing.is_approval_required
    }
    always = {path for path in schema.channel_paths.values() if path is not None} if facts.has_login else ()
    return policy.requirement(paths, flagged=flagged, facts=facts, always=always)


def outdated_paths(document: Document, changes: Collection[Change]) -> list[str]:
    """Return the paths whose stored value differs from the change's original value."""
    return [
        change.path
        for change in changes
        if changes_between({"value": change.original}, {"value": value_at(document, change.path)})
    ]
