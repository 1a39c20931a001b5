"""Choosing contacts and their history."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, reduce
from operator import and_, or_
from typing import Any, TypedDict

import orjson
from django.db import connection
from django.db.models import (
    BooleanField,
    Exists,
    F,
    Func,
    IntegerField,
    JSONField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.utils.translation import gettext as _

from accounts.actor import Actor, VisibilityScope, scope_params
from accounts.models import Member
from accounts.prefetch import Row, ViewPrefetch
from accounts.queries import actor_of_user
from contacts.models import CONTACT_SCHEMA, ChangeSet, Channel, ChannelKind, Contact, ExternalConnection
from core.errors import NotFound, UnprocessableEntity, map_lock_errors
from core.prepared import Param, PreparedQuery, execute_pipeline, id_or_none
from core.serializers import INT32_MAX
from schemas.compiled import CompiledSchema
from schemas.document_sources import StoredDocuments
from schemas.queries import current_schema_query, fields_with_list, schema_columns, schema_from_row

UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


# The kind of each channel that waits for its key -> the path of its field.
PendingPaths = dict[str, str]


class PendingChannels(TypedDict):
    hasPendingEmail: bool
    hasPendingMobile: bool


def no_such_contact() -> NotFound:
    return NotFound(_("There is no contact with this id that you can see."))


class CappedCount(Subquery):
    """How many rows a queryset has, as a value in another query. It counts to `most` and stops there."""

    template = "(SELECT count(*) FROM (%(subquery)s) counted)"

    def __init__(self, rows: QuerySet[Any], *, most: int) -> None:
        super().__init__(rows.order_by().values("pk")[:most], output_field=IntegerField())


def capped_counts(*, actor: Actor, rows: Mapping[str, QuerySet[Any]], most: int) -> dict[str, int]:
    """How many rows each of the querysets has, `most` standing for so many or more; for a member, in one statement."""
    counts: dict[str, Any] = {f"count_{name}": CappedCount(queryset, most=most) for name, queryset in rows.items()}
    # A statement must be about something: the member's own row is always there.
    found: dict[str, Any] = dict(Member.objects.filter(pk=actor.member_id or 0).values("pk", **counts).get())
    return {name: found[f"count_{name}"] for name in rows}


def visible_contact(*, actor: Actor, contact_id: int) -> Contact:
    """The contact. Raises NotFound when there is none or the actor cannot see it."""
    contact = Contact.objects.visible_to(actor).filter(pk=contact_id).first()
    if contact is None:
        raise no_such_contact()
    return contact


def visible_contact_with_picture(*, actor: Actor, contact_id: int) -> Contact:
    """The contact with its picture, if it has one; without its details. Raises NotFound."""
    contacts = Contact.objects.visible_to(actor).select_related("picture").defer("details")
    contact = contacts.filter(pk=contact_id).first()
    if contact is None:
        raise no_such_contact()
    return contact


def check_visible(*, actor: Actor, contact_id: int) -> None:
    """Raises NotFound when there is no such contact or the actor cannot see it; reads nothing of it."""
    if not Contact.objects.visible_to(actor).filter(pk=contact_id).exists():
        raise no_such_contact()


def locked_contact(*, actor: Actor, contact_id: int) -> Contact:
    """The contact with its row locked until the transaction ends: every change takes this lock first.

    Raises NotFound when there is none or the actor cannot see it; HeldByOthers.
    """
    query, values = _lock_query(actor, contact_id)
    with map_lock_errors():
        found = query.first(values)
    return _locked(found)


def _lock_query(actor: Actor, contact_id: int) -> tuple[PreparedQuery, Mapping[str, Any]]:
    return _prepared_lock(VisibilityScope.of(actor)), {**scope_params(actor), "id": id_or_none(contact_id)}


def _locked(found: tuple[Any, ...] | None) -> Contact:
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
    return PreparedQuery.from_queryset(contacts.filter(pk=Param("id")).order_by())


def changeable_contact(*, actor: Actor, contact_id: int) -> Contact:
    """The locked contact. Raises NotFound; UnprocessableEntity `ContactAnonymized`: what was erased stays erased."""
    return _changeable(locked_contact(actor=actor, contact_id=contact_id))


def _changeable(contact: Contact) -> Contact:
    if contact.anonymized_at is not None:
        raise UnprocessableEntity(
            _("The contact was anonymized and cannot be changed any more."), sub_code="ContactAnonymized"
        )
    return contact


@dataclass(frozen=True, slots=True)
class ContactToChange:
    """What every change of details starts from. `pending` has the channels that wait."""

    contact: Contact
    schema: CompiledSchema
    pending: PendingPaths
    is_locked: bool


def locked_contact_to_change(*, actor: Actor, contact_id: int) -> ContactToChange:
    """The locked contact with what its change starts from, in one round trip. Raises like `changeable_contact`."""
    lock = _lock_query(actor, contact_id)
    # The order matters: what is read after the lock was waited for is as whoever had it left it.
    with map_lock_errors():
        locked, schema, pending = execute_pipeline(
            lock, current_schema_query(CONTACT_SCHEMA), (_prepared_pending(), {"contact": lock[1]["id"]})
        )
    contact = _changeable(_locked(next(iter(locked), None)))
    found = schema_from_row(CONTACT_SCHEMA, next(iter(schema), None))
    return ContactToChange(contact, found, dict(pending), is_locked=True)


# A contact has more columns; those that no change of details needs are read when they are asked for.
_CHANGE_COLUMNS = ("id", "username", "details", "version", "anonymized_at")


def contact_to_change_query(contact_id: int) -> ViewPrefetch:
    """Reads a contact, without its lock, and what its change starts from; for `contact_to_change_from_row`."""
    return ViewPrefetch(_prepared_contact_to_change, {"id": id_or_none(contact_id)})


def contact_to_change_from_row(row: Row | None) -> ContactToChange:
    """What `contact_to_change_query` has read: all of it as it was at one moment.

    Raises like `changeable_contact`.
    """
    if row is None:
        raise no_such_contact()
    *columns, pending, version_id, revisions = row
    contact = _changeable(_read(columns, _CHANGE_COLUMNS))
    schema = schema_from_row(CONTACT_SCHEMA, None if version_id is None else (version_id, revisions))
    return ContactToChange(contact, schema, orjson.loads(pending or "{}"), is_locked=False)


@lru_cache(maxsize=64)
def _prepared_contact_to_change(scope: VisibilityScope) -> PreparedQuery:
    pending = (
        Channel.objects.pending()
        .filter(contact=OuterRef("pk"))
        .order_by()
        .values(all=Func(F("kind"), F("path"), function="jsonb_object_agg", output_field=JSONField()))
    )
    joined: dict[str, Any] = {"pending": Subquery(pending), **schema_columns(CONTACT_SCHEMA)}
    contacts = Contact.objects.visible_to(scope.actor).filter(pk=Param("id")).order_by()
    return PreparedQuery.from_queryset(contacts.annotate(**joined).values_list(*_CHANGE_COLUMNS, *joined))


def with_pending_channels(contacts: QuerySet[Contact]) -> QuerySet[Contact]:
    """Adds `has_pending_email` and `has_pending_mobile`."""
    waiting = Channel.objects.pending().filter(contact=OuterRef("pk"))
    return contacts.annotate(
        has_pending_email=Exists(waiting.filter(kind=ChannelKind.EMAIL)),
        has_pending_mobile=Exists(waiting.filter(kind=ChannelKind.MOBILE)),
    )


def pending_channels(pending: PendingPaths) -> PendingChannels:
    """Which channels wait for their key, as an answer tells it."""
    return {"hasPendingEmail": ChannelKind.EMAIL in pending, "hasPendingMobile": ChannelKind.MOBILE in pending}


def pending_paths(contact: Contact) -> PendingPaths:
    """The channels of the contact that wait for their key."""
    return dict(_prepared_pending().rows({"contact": contact.pk}))


@cache
def _prepared_pending() -> PreparedQuery:
    return PreparedQuery.from_queryset(
        Channel.objects.pending().filter(contact=Param("contact")).values_list("kind", "path")
    )


def is_username_taken(username: str, *, but_by: Contact | None = None) -> bool:
    """Whether a contact has the username, whatever its case."""
    holders = Contact.objects.filter(username__iexact=username)
    return (holders.exclude(pk=but_by.pk) if but_by else holders).exists()


def contacts_by_type(*, actor: Actor, type_ids: Iterable[int], most: int) -> dict[int, int]:
    """How many contacts of each type a member sees, `most` standing for so many or more; one statement."""
    visible = Contact.objects.visible_to(actor)
    counts = capped_counts(actor=actor, rows={str(key): visible.filter(type=key) for key in type_ids}, most=most)
    return {int(key): count for key, count in counts.items()}


def connection_holder(*, actor: Actor, system: str, external_id: str) -> Contact:
    """The contact that another system knows by this id. Raises NotFound, also for one that the actor cannot see."""
    held = ExternalConnection.objects.filter(system=system, external_id=external_id).values("contact")
    contact = Contact.objects.visible_to(actor).filter(pk__in=held).defer("details").first()
    if contact is None:
        raise NotFound(_("No contact that you can see has this external id in this system."))
    return contact


def change_history(*, contact_id: int, criteria: Mapping[str, Any]) -> QuerySet[ChangeSet]:
    """The change sets of a contact that meet all criteria; a path matches itself and what is below it.

    `initiatorPersonIds` and `initiatorPersonUids` match the member or the contact that made the changes.
    """
    history = ChangeSet.objects.filter(contact_id=contact_id)
    if (ids := criteria.get("initiatorPersonIds")) is not None:
        history = history.filter(Q(initiator_member__in=ids) | Q(initiator_contact__in=ids))
    if (uids := criteria.get("initiatorPersonUids")) is not None:
        history = history.filter(Q(initiator_member__uid__in=uids) | Q(initiator_contact__uid__in=uids))
    if (start := criteria["executionDateFrom"]) is not None:
        history = history.filter(executed_at__gte=start)
    if (end := criteria["executionDateTo"]) is not None:
        history = history.filter(executed_at__lte=end)
    if (paths := criteria["paths"]) is not None:
        history = history.filter(paths__overlap=paths)
    return history


def with_initiators(history: QuerySet[ChangeSet]) -> QuerySet[ChangeSet]:
    """Selects the member or the contact who made each change set."""
    return history.select_related("initiator_member__user", "initiator_contact").defer("initiator_contact__details")


def search_contacts(contacts: QuerySet[Contact], term: str) -> QuerySet[Contact]:
    """The contacts that somebody means who types `term`: parts of a name or username, an id, a uid, an external id."""
    term = term.replace("\x00", "").strip()
    # At most one contact, and written so: `IN` would keep PostgreSQL from combining the indexes of the alternatives.
    meant = Q(pk=Subquery(ExternalConnection.objects.filter(external_id=term).order_by().values("contact")[:1]))
    if term.isascii() and term.isdecimal() and int(term) <= INT32_MAX:
        meant |= Q(pk=int(term))
    if UUID_TEXT.fullmatch(term):
        meant |= Q(uid=term)
    parts = [Q(name__icontains=part) | Q(username__icontains=part) for part in term.split()]
    return contacts.filter(meant | reduce(and_, parts)) if parts else contacts


def latest_change_sets(*, contact_id: int, limit: int | None = None, path: str | None = None) -> QuerySet[ChangeSet]:
    """A contact's history, the latest first, with whoever made each change set; of `path` and what is below it."""
    history = ChangeSet.objects.filter(contact_id=contact_id).order_by("-version")
    if path is not None:
        history = history.filter(paths__contains=[path])
    people = history.select_related("initiator_member__user", "initiator_contact", "initiator_application")
    return people.defer("initiator_contact__details")[:limit]


def changed_since(contact: Contact, version: int) -> list[ChangeSet]:
    """The change sets that led from an earlier version to the contact as it was read, the latest first."""
    later = latest_change_sets(contact_id=contact.pk)
    return list(later.filter(version__gt=version, version__lte=contact.version))


def is_list_item_used(list_key: str, item_key: str) -> bool:
    """Whether the details of any contact hold the item of the list."""
    return holds_list_item(Contact.objects.all(), schema_key=CONTACT_SCHEMA, list_key=list_key, item_key=item_key)


def holds_list_item(rows: QuerySet[Any], *, schema_key: str, list_key: str, item_key: str) -> bool:
    """Whether the `details` of any of the rows, which follow the schema, hold the item of the list.

    Reads every row: items are rarely removed.
    """
    paths = [field.path for key, field in fields_with_list(list_key) if key == schema_key]
    uses = [Q(_holds_text(path, item_key)) for path in paths]
    return bool(uses) and rows.filter(reduce(or_, uses)).exists()


def _holds_text(path: str, text: str) -> Func:
    """Whether the details hold a text at a path, in any item of the arrays on the way (jsonpath's lax mode)."""
    place = "".join(f'."{key}"' for key in path.split("."))
    return Func(
        F("details"),
        Func(Value(f"${place}[*] ? (@ == $item)"), template="%(expressions)s::jsonpath"),
        Value({"item": text}, output_field=JSONField()),
        function="jsonb_path_exists",
        output_field=BooleanField(),
    )


def stored_contacts() -> StoredDocuments:
    """Where the documents of the schema `contact` are."""

    def visible_to_user(user_id: int | None) -> QuerySet[Contact]:
        actor = actor_of_user(user_id)
        return Contact.objects.none() if actor is None else Contact.objects.visible_to(actor)

    return StoredDocuments(rows=Contact.objects.all(), visible_to_user=visible_to_user)
