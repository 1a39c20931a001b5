"""Executes the plan of a change of details. docs/architecture.md, "Changing details", lists the steps.

One statement writes the details and their entry in the ledger, so that neither exists without the other.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import orjson
from django.db import transaction
from django.db.models import Model
from psycopg import sql

from accounts.actor import Actor
from audit import entries
from changerequests.models import ChangeRequest
from changerequests.services.opening import open_request
from contacts.models import CONTACT_DETAILS, Contact
from contacts.plans import ChangePlan, PendingPaths, Snapshot, merged, plan
from contacts.services.channels import await_verification, drop_pending
from contacts.services.usernames import check_username_free, unique_username
from contacts.snapshots import contact_snapshot, locked_contact_snapshot
from core.documents import Document
from core.prepared import execute


class ReadLocked(Protocol):
    def __call__(self, *, actor: Actor, subject_id: int) -> Snapshot:
        """Return the snapshot and lock its row until the transaction ends. Raises NotFound."""


@dataclass(frozen=True)
class DetailsRepository:
    """The tables of details that follow one schema: a model with `details` and `version`, and the ledger.

    `kind` is that of the ledger's entries; `username` is the column that may change along with the details, and
    `unless` the column that has a value where the row cannot change any more.
    """

    model: type[Model]
    kind: str
    read_locked: ReadLocked
    username: str | None = None
    unless: str | None = None

    def insert(self, plan: ChangePlan, *, approved: ChangeRequest | None = None) -> int:
        """Insert the snapshot's row with the plan's document, and its first entry. Return the entry's id.

        The entry names the actor or the initiator of an approved request, which the entry of the creation names.
        Raises IntegrityError.
        """
        row = plan.snapshot.row
        row.details = plan.document
        row.save(force_insert=True)
        return entries.record(
            kind=self.kind,
            subject_id=row.pk,
            sequence=row.version,
            actor=plan.actor,
            changes=plan.to_write,
            initiator=None if approved is None else approved.initiator_columns,
            document=plan.document,
        )

    def update(
        self,
        plan: ChangePlan,
        *,
        comment: str | None = None,
        approved: ChangeRequest | None = None,
        initiator: Mapping[str, Any] | None = None,
    ) -> int | None:
        """Write the plan's immediate changes if the row still has the snapshot's version; otherwise write nothing.

        Returns the entry's id, or None if the row has another version by now. The entry names the actor or,
        for an approved request, the request and its initiator. What is part of something else names `initiator`, in the
        columns of an entry, if somebody else had to approve that. Locks the row. Raises IntegrityError.
        """
        snapshot = plan.snapshot
        version = snapshot.version + 1
        values = [orjson.dumps(plan.document).decode(), version]
        if self.username:
            values.append(plan.username_to_write)
        values += [snapshot.row.pk, snapshot.version]
        values += entries.written_values(
            kind=self.kind,
            subject_id=snapshot.row.pk,
            sequence=version,
            actor=plan.actor,
            changes=plan.to_write,
            comment=comment,
            initiator=initiator if approved is None else approved.initiator_columns,
            change_request_id=None if approved is None else approved.pk,
            document=plan.document,
        )
        found = execute(_update_query(self), values)
        if not found:
            return None
        snapshot.row.details, snapshot.row.version = plan.document, version
        ((entry_id,),) = found
        return int(entry_id)


@lru_cache(maxsize=8)
def _update_query(repository: DetailsRepository) -> str:
    """Return the SQL that updates a row and inserts its entry."""
    username = sql.SQL(", {column} = coalesce(%s, {column})").format(column=sql.Identifier(repository.username or ""))
    update = sql.SQL(
        "UPDATE {rows} SET details = %s, version = %s{username} WHERE id = %s AND version = %s{unless} RETURNING id"
    ).format(
        rows=sql.Identifier(repository.model._meta.db_table),
        username=username if repository.username else sql.SQL(""),
        unless=sql.SQL(" AND {} IS NULL").format(sql.Identifier(repository.unless))
        if repository.unless
        else sql.SQL(""),
    )
    insert = entries.insert_statement(for_each_of="written")
    return sql.SQL("WITH written AS ({}) {}").format(update, insert).as_string()


CONTACTS = DetailsRepository(
    model=Contact,
    kind=CONTACT_DETAILS,
    read_locked=locked_contact_snapshot,
    username="username",
    unless="merged_into_id",
)


@dataclass(frozen=True, slots=True)
class Submission:
    """The outcome of a change: `change_request` if it waits, `entry_id` if it was made, neither if nothing changed.

    A new address is not a change yet: it waits as the pending value of its channel. `row` is the row after the change;
    `pending` has the channels that wait, `waiting_paths` the paths because of which a change request waits.
    """

    row: Any
    pending: PendingPaths
    change_request: ChangeRequest | None = None
    entry_id: int | None = None
    waiting_paths: Collection[str] = ()


def commit(
    found: ChangePlan,
    *,
    repository: DetailsRepository = CONTACTS,
    comment: str | None = None,
    approved: ChangeRequest | None = None,
) -> Submission:
    """Execute a plan in one transaction; if only details and history are written, in a single statement.

    The history names the plan's actor or, for an approved request, the request and its initiator. If the row has
    changed since it was read, or the version is not enough protection, locks the row, reads it and plans again.
    Raises NotFound; UnprocessableEntity: FieldNotUpdatable, ValidationFailed, UsernameRequired, UsernameNotUnique,
    PendingChangeRequestExists, ContactAnonymized; TooManyRequests if a channel has had its keys for this hour,
    unless the request was approved; HeldByOthers; PreconditionFailed if the target names other versions.
    """
    if found.refusal:
        raise found.refusal
    snapshot = found.snapshot
    if not snapshot.version:
        with transaction.atomic():
            return Submission(snapshot.row, {}, entry_id=repository.insert(found, approved=approved))
    if not found.changes:
        return Submission(snapshot.row, snapshot.pending)
    if _is_guarded_by_version(found):
        entry_id = repository.update(found, comment=comment, approved=approved)
        if entry_id is not None:
            return Submission(snapshot.row, snapshot.pending, entry_id=entry_id)
    with transaction.atomic():
        locked = repository.read_locked(actor=found.actor, subject_id=snapshot.row.pk)
        return _commit_locked(
            plan(locked, found.target, found.actor, found.origin),
            repository=repository,
            comment=comment,
            approved=approved,
        )


def _is_guarded_by_version(found: ChangePlan) -> bool:
    """Return whether it is enough that the row still has the snapshot's version, so that no lock is needed.

    A channel can start to wait for a key without a new version, so whatever touches the field of one needs the lock.
    """
    if found.requirement.stages:
        return False
    channels = {*found.snapshot.channel_paths, *found.snapshot.pending.values()}
    return not any(change.path in channels for change in found.changes)


def _commit_locked(
    found: ChangePlan,
    *,
    repository: DetailsRepository,
    comment: str | None,
    approved: ChangeRequest | None,
) -> Submission:
    if found.refusal:
        raise found.refusal
    row, pending = found.snapshot.row, dict(found.snapshot.pending)
    if found.username is not None:
        check_username_free(found.username, but_by=row)
    if found.requirement.stages and found.snapshot.policy is not None:
        request = open_request(
            kind=repository.kind,
            changes={row.pk: found.changes},
            actor=found.actor,
            requirement=found.requirement,
            comment=comment,
        )
        return Submission(row, pending, change_request=request, waiting_paths=found.requirement.paths)
    for change in found.to_verify:
        kind = found.snapshot.verified_paths[change.path]
        await_verification(
            contact=row, kind=kind, path=change.path, value=change.target, is_approved=approved is not None
        )
        pending[kind] = change.path
    if settled := found.settled_channels:
        drop_pending(contact=row, kinds=settled)
        pending = {kind: path for kind, path in pending.items() if kind not in settled}
    if not found.to_write:
        return Submission(row, pending)
    with unique_username():
        entry_id = repository.update(found, comment=comment, approved=approved)
    return Submission(row, pending, entry_id=entry_id)


def patch_details(
    *,
    actor: Actor,
    contact_id: int,
    patch: Document,
    comment: str | None = None,
    versions: Collection[int] | None = None,
) -> Submission:
    """Apply a JSON Merge Patch (RFC 7396) to a contact's details. Raises and locks like `commit`."""
    snapshot = contact_snapshot(actor=actor, contact_id=contact_id)
    return commit(plan(snapshot, merged(patch, versions), actor), comment=comment)
