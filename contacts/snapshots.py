"""Reads a contact for a change: the locked row, or a snapshot with or without the lock."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection
from django.db.models import F, Func, JSONField, OuterRef, Subquery
from django.utils.translation import gettext as _

from accounts.actor import Actor, ActorKind, VisibilityScope, scope_params
from accounts.prefetch import Row, ViewPrefetch
from changerequests.policies import Facts, Initiator, KindPolicy
from changerequests.queries.policies import initiator_of, policy_column, policy_from_column
from contacts.models import CONTACT_DETAILS, CONTACT_SCHEMA, Channel, ChannelKind, Contact, ContactParticipant
from contacts.plans import PendingPaths, Snapshot
from contacts.queries.contacts import no_such_contact
from core.errors import UnprocessableEntity, map_lock_errors
from core.prepared import Param, PreparedQuery, execute_pipeline
from schemas.compiled import CompiledSchema
from schemas.models import Schema
from schemas.queries import current_schema_query, schema_columns, schema_from_row


def locked_contact(*, actor: Actor, contact_id: int) -> Contact:
    """Return the contact that answers for an id, locked until the transaction ends. Take this lock before any other.

    Raises NotFound if the contact does not exist or the actor cannot see it; HeldByOthers.
    """
    query, values = _lock_query(actor, contact_id)
    with map_lock_errors():
        # The transaction that it waited for may have merged it: then another contact answers.
        found = query.first(values) or query.first(values)
    return _locked(found)


def _lock_query(actor: Actor, contact_id: int) -> tuple[PreparedQuery, Mapping[str, Any]]:
    return _prepared_lock(VisibilityScope.of(actor)), {**scope_params(actor), "id": contact_id}


def _locked(found: Sequence[Any] | None) -> Contact:
    if found is None:
        raise no_such_contact()
    return _read(found, [column.attname for column in Contact._meta.concrete_fields])


def _read(row: Sequence[Any], columns: Sequence[str]) -> Contact:
    contact = Contact.from_db(connection.alias, columns, row)
    contact.details = orjson.loads(contact.details)
    return contact


@lru_cache(maxsize=64)
def _prepared_lock(scope: VisibilityScope) -> PreparedQuery:
    contacts = Contact.objects.visible_to(scope.actor).select_for_update(of=("self",))
    return PreparedQuery.from_queryset(contacts.answering(Param("id")).order_by())


@lru_cache(maxsize=64)
def _prepared_snapshot_lock(scope: VisibilityScope) -> PreparedQuery:
    """Like `_prepared_lock`, followed by the uid of the current policies, which no lock on a contact concerns."""
    contacts = Contact.objects.visible_to(scope.actor).select_for_update(of=("self",))
    columns = [column.attname for column in Contact._meta.concrete_fields]
    with_policies = contacts.answering(Param("id")).order_by().annotate(policies=policy_column())
    return PreparedQuery.from_queryset(with_policies.values_list(*columns, "policies"))


def changeable_contact(*, actor: Actor, contact_id: int) -> Contact:
    """Lock and return the contact. Raises NotFound; HeldByOthers; UnprocessableEntity `ContactAnonymized`."""
    return checked_changeable(locked_contact(actor=actor, contact_id=contact_id))


def checked_changeable(contact: Contact) -> Contact:
    """Return the contact. Raises UnprocessableEntity `ContactAnonymized`."""
    if contact.anonymized_at is not None:
        raise UnprocessableEntity(
            _("The contact was anonymized and cannot be changed any more."), sub_code="ContactAnonymized"
        )
    return contact


def check_is_subject(contact: Contact, subject_id: int) -> None:
    """Raise UnprocessableEntity `ContactMerged` unless a locked contact is the subject of a request itself."""
    if contact.pk != subject_id:
        raise UnprocessableEntity(
            _("The contact was merged into another one: ask for this there."), sub_code="ContactMerged"
        )


def schema_and_policy(*, schema_key: str, kind: str) -> tuple[CompiledSchema, KindPolicy]:
    """Return a current schema and the current policy of a kind. Runs one query. Raises NotFound for an unknown key."""
    version_id, revisions, policies = _prepared_schema_and_policy(schema_key).first({}) or (None, None, None)
    schema = schema_from_row(schema_key, None if version_id is None else (version_id, revisions))
    return schema, policy_from_column(kind, policies)


@lru_cache(maxsize=8)
def _prepared_schema_and_policy(schema_key: str) -> PreparedQuery:
    joined: dict[str, Any] = {**schema_columns(schema_key), "policies": policy_column()}
    rows = Schema.objects.filter(key=schema_key).order_by()
    return PreparedQuery.from_queryset(rows.annotate(**joined).values_list(*joined))


# The columns that a change of details needs, in the order of the model; Django loads the others on access.
_SNAPSHOT_COLUMNS = ("id", "username", "details", "version", "user_id", "anonymized_at")


def new_contact_snapshot(contact: Contact, schema: CompiledSchema) -> Snapshot:
    """Return the snapshot of a contact to create: an empty document of version 0."""
    return _snapshot(contact, schema, {}, version=0)


def contact_snapshot(*, actor: Actor, contact_id: int) -> Snapshot:
    """Return a contact's snapshot without a lock. Raises like `changeable_contact`."""
    return snapshot_from_row(snapshot_query(contact_id).fetch(actor), actor)


def locked_contact_snapshot(*, actor: Actor, subject_id: int) -> Snapshot:
    """Lock a contact and return its snapshot, in one round trip. Raises like `changeable_contact`.

    A merged contact takes another round trip, for the one that answers for it.
    """
    locked, schema, pending = _locked_rows(actor, subject_id)
    if not locked or locked[0][0] != subject_id:
        locked, schema, pending = _locked_rows(actor, locked[0][0] if locked else subject_id)
    if not locked:
        raise no_such_contact()
    *columns, policies = locked[0]
    contact = checked_changeable(_locked(columns))
    schema_now = schema_from_row(CONTACT_SCHEMA, next(iter(schema), None))
    snapshot = _snapshot(contact, schema_now, dict(pending))
    return snapshot if actor.kind is not ActorKind.MEMBER else _with_policy(snapshot, policies, actor)


def _locked_rows(actor: Actor, contact_id: int) -> list[list[Row]]:
    """Lock the contact that answers for an id; return its row, the schema's, and the pending channels of the id."""
    lock = _prepared_snapshot_lock(VisibilityScope.of(actor)), {**scope_params(actor), "id": contact_id}
    # The order matters: reads after the lock see what its previous holder committed.
    with map_lock_errors():
        return execute_pipeline(
            lock, current_schema_query(CONTACT_SCHEMA), (_prepared_pending(), {"contact": contact_id})
        )


def snapshot_query(contact_id: int) -> ViewPrefetch:
    """Return the query for a contact's snapshot, run with the token lookup; pass its row to `snapshot_from_row`."""
    return ViewPrefetch(_prepared_snapshot, {"id": contact_id})


def snapshot_from_row(row: Row | None, actor: Actor) -> Snapshot:
    """Return the snapshot read by `snapshot_query`, in one statement. Raises like `changeable_contact`.

    Runs up to three more queries if rules of the current policy depend on the contact or on the member's groups.
    """
    if row is None:
        raise no_such_contact()
    *columns, pending, version_id, revisions, policies = row
    contact = checked_changeable(_read(columns, _SNAPSHOT_COLUMNS))
    schema = schema_from_row(CONTACT_SCHEMA, None if version_id is None else (version_id, revisions))
    snapshot = _snapshot(contact, schema, orjson.loads(pending or "{}"))
    return snapshot if actor.kind is not ActorKind.MEMBER else _with_policy(snapshot, policies, actor)


def _with_policy(snapshot: Snapshot, policies: UUID | None, actor: Actor) -> Snapshot:
    """Add the policy of this version to a member's snapshot, with the facts that its rules depend on.

    Only members' changes can wait.
    """
    policy = policy_from_column(CONTACT_DETAILS, policies)
    facts = facts_of_contact(snapshot.row, policy, initiator_of(actor, policy))
    return replace(snapshot, policy=policy, facts=facts)


def facts_of_contact(contact: Contact, policy: KindPolicy, initiator: Initiator) -> Facts:
    """Return what the policy's rules depend on. Runs two queries if they depend on the contact."""
    has_login = contact.user_id is not None
    if not policy.needs_subject_facts:
        return Facts(initiator=initiator, has_login=has_login)
    return _facts_of({contact.pk: has_login}, initiator)[contact.pk]


def facts_of_contacts(contact_ids: Collection[int], policy: KindPolicy, initiator: Initiator) -> Mapping[int, Facts]:
    """Return what the policy's rules depend on, by contact. Runs one query, and two more if they depend on these."""
    logins = Contact.objects.filter(pk__in=contact_ids, user__isnull=False).order_by().values_list("pk", flat=True)
    has_login = dict.fromkeys(contact_ids, False) | dict.fromkeys(logins, True)
    if not policy.needs_subject_facts:
        return {pk: Facts(initiator=initiator, has_login=found) for pk, found in has_login.items()}
    return _facts_of(has_login, initiator)


def _facts_of(has_login: Mapping[int, bool], initiator: Initiator) -> Mapping[int, Facts]:
    contact_ids = list(has_login)
    participants: dict[int, set[int]] = {contact_id: set() for contact_id in contact_ids}
    links = ContactParticipant.objects.filter(contact__in=contact_ids)
    for contact_id, participant_id in links.values_list("contact", "participant"):
        participants[contact_id].add(participant_id)
    types = Contact.objects.filter(pk__in=contact_ids).order_by().values_list("pk", "type__key")
    return {pk: Facts(key, frozenset(participants[pk]), initiator, has_login=has_login[pk]) for pk, key in types}


def _snapshot(
    contact: Contact, schema: CompiledSchema, pending: PendingPaths, *, version: int | None = None
) -> Snapshot:
    return Snapshot(
        document=contact.details,
        version=contact.version if version is None else version,
        schema=schema,
        row=contact,
        pending=pending,
        verified_paths=schema.verified_paths,
        channel_paths=schema.channel_paths.values(),
        username_path=schema.channel_paths[ChannelKind.EMAIL] if settings.USERNAME_FROM_EMAIL else None,
    )


@lru_cache(maxsize=64)
def _prepared_snapshot(scope: VisibilityScope) -> PreparedQuery:
    pending = (
        Channel.objects.pending()
        .filter(contact=OuterRef("pk"))
        .order_by()
        .values(all=Func(F("kind"), F("path"), function="jsonb_object_agg", output_field=JSONField()))
    )
    joined: dict[str, Any] = {
        "pending": Subquery(pending),
        **schema_columns(CONTACT_SCHEMA),
        "policies": policy_column(),
    }
    contacts = Contact.objects.visible_to(scope.actor).answering(Param("id")).order_by()
    return PreparedQuery.from_queryset(contacts.annotate(**joined).values_list(*_SNAPSHOT_COLUMNS, *joined))


@cache
def _prepared_pending() -> PreparedQuery:
    return PreparedQuery.from_queryset(
        Channel.objects.pending().filter(contact=Param("contact")).values_list("kind", "path")
    )
