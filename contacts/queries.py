"""Queries for contacts and their history."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import or_
from typing import Any, TypedDict

from django.db.models import (
    BooleanField,
    Exists,
    F,
    Func,
    JSONField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    Value,
)
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from accounts.actor import Actor, VisibilityScope
from accounts.models import Member
from accounts.prefetch import Row, ViewPrefetch
from accounts.queries import actor_of_user, capped_counts, hierarchy_of
from changerequests.models import ChangeRequest, Status
from contacts.models import CONTACT_SCHEMA, ChangeSet, Channel, ChannelKind, Contact, ExternalConnection
from contacts.plans import PendingPaths
from core.errors import NotFound
from core.prepared import Param, PreparedQuery, id_or_none
from core.search import SearchTerm
from schemas.document_sources import StoredDocuments
from schemas.queries import fields_with_list


class PendingChannels(TypedDict):
    hasPendingEmail: bool
    hasPendingMobile: bool


def no_such_contact() -> NotFound:
    return NotFound(_("There is no contact with this id that you can see."))


def visible_contact(*, actor: Actor, contact_id: int) -> Contact:
    """Return the contact. Raises NotFound if it does not exist or the actor cannot see it."""
    contact = Contact.objects.visible_to(actor).filter(pk=contact_id).first()
    if contact is None:
        raise no_such_contact()
    return contact


def visible_contact_with_picture(*, actor: Actor, contact_id: int) -> Contact:
    """Return the contact with its picture, if any, and without details. Raises NotFound."""
    contacts = Contact.objects.visible_to(actor).select_related("picture").defer("details")
    contact = contacts.filter(pk=contact_id).first()
    if contact is None:
        raise no_such_contact()
    return contact


def check_visible(*, actor: Actor, contact_id: int) -> None:
    """Raise NotFound if the contact does not exist or the actor cannot see it."""
    if not Contact.objects.visible_to(actor).filter(pk=contact_id).exists():
        raise no_such_contact()


def with_pending_channels(contacts: QuerySet[Contact]) -> QuerySet[Contact]:
    """Annotate `has_pending_email` and `has_pending_mobile`."""
    waiting = Channel.objects.pending().filter(contact=OuterRef("pk"))
    return contacts.annotate(
        has_pending_email=Exists(waiting.filter(kind=ChannelKind.EMAIL)),
        has_pending_mobile=Exists(waiting.filter(kind=ChannelKind.MOBILE)),
    )


def pending_channels(pending: PendingPaths) -> PendingChannels:
    """Return which channels wait for their key, in the API's format."""
    return {"hasPendingEmail": ChannelKind.EMAIL in pending, "hasPendingMobile": ChannelKind.MOBILE in pending}


def with_pending_request(contacts: QuerySet[Contact]) -> QuerySet[Contact]:
    """Annotate `has_pending_change_request`."""
    pending = ChangeRequest.objects.filter(subject=OuterRef("pk"), status=Status.PENDING)
    return contacts.annotate(has_pending_change_request=Exists(pending))


@dataclass(frozen=True, slots=True)
class ReadDetails:
    """The response to GET details; `details` is JSON text because nobody needs to parse it."""

    id: int
    version: int
    details: str
    has_pending_change_request: bool
    has_pending_email: bool
    has_pending_mobile: bool


def details_query(contact_id: int) -> ViewPrefetch:
    """Return the query for a contact's details; pass its row to `details_from_row`."""
    return ViewPrefetch(_prepared_details, {"id": id_or_none(contact_id)})


def details_from_row(row: Row | None) -> ReadDetails:
    """Return the details read by `details_query`. Raises NotFound if there is no contact that the actor can see."""
    if row is None:
        raise no_such_contact()
    return ReadDetails(*row)


@lru_cache(maxsize=256)
def _prepared_details(scope: VisibilityScope) -> PreparedQuery:
    contacts = with_pending_request(with_pending_channels(Contact.objects.visible_to(scope.actor)))
    return PreparedQuery.from_queryset(
        contacts.filter(pk=Param("id"))
        .order_by()
        .values_list(
            "id",
            "version",
            Cast("details", TextField()),
            "has_pending_change_request",
            "has_pending_email",
            "has_pending_mobile",
        )
    )


def is_username_taken(username: str, *, but_by: Contact | None = None) -> bool:
    """Return whether any contact except `but_by` has the username, ignoring case."""
    holders = Contact.objects.filter(username__iexact=username)
    return (holders.exclude(pk=but_by.pk) if but_by else holders).exists()


def contacts_by_type(*, actor: Actor, type_ids: Iterable[int], most: int) -> dict[int, int]:
    """Return the number of visible contacts for each type, at most `most`, in one statement."""
    visible = Contact.objects.visible_to(actor)
    counts = capped_counts(actor=actor, rows={str(key): visible.filter(type=key) for key in type_ids}, most=most)
    return {int(key): count for key, count in counts.items()}


def connection_holder(*, actor: Actor, system: str, external_id: str) -> Contact:
    """Return the contact with this external id. Raises NotFound if there is none or the actor cannot see it."""
    held = ExternalConnection.objects.filter(system=system, external_id=external_id).values("contact")
    contact = Contact.objects.visible_to(actor).filter(pk__in=held).defer("details").first()
    if contact is None:
        raise NotFound(_("No contact that you can see has this external id in this system."))
    return contact


def change_history(*, contact_id: int, criteria: Mapping[str, Any]) -> QuerySet[ChangeSet]:
    """Return a contact's change sets that meet all criteria; a path also matches everything below it.

    `initiatorPersonIds` and `initiatorPersonUids` match the member or contact who made the changes.
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
    """Select the member or contact who made each change set."""
    return history.select_related("initiator_member__user", "initiator_contact").defer("initiator_contact__details")


def search_contacts(contacts: QuerySet[Contact], text: str) -> QuerySet[Contact]:
    """Return the contacts that match a search term: parts of a name or username, an id, a uid or an external id."""
    term = SearchTerm.typed(text)
    if not term:
        return contacts
    # A scalar subquery, because `IN` would keep PostgreSQL from combining the indexes of the alternatives.
    holder = ExternalConnection.objects.filter(external_id=term.text).order_by().values("contact")[:1]
    return contacts.filter(Q(pk=Subquery(holder)) | term.is_key() | term.parts_of("name", "username"))


def latest_change_sets(*, contact_id: int, limit: int | None = None, path: str | None = None) -> QuerySet[ChangeSet]:
    """Return a contact's change sets and initiators, latest first; with `path`, only changes to it or below it."""
    history = ChangeSet.objects.filter(contact_id=contact_id).order_by("-version")
    if path is not None:
        history = history.filter(paths__contains=[path])
    people = history.select_related("initiator_member__user", "initiator_contact", "initiator_application")
    return people.defer("initiator_contact__details")[:limit]


def latest_history(*, contact_id: int, limit: int | None = None, path: str | None = None) -> QuerySet[ChangeSet]:
    """Like `latest_change_sets`, with the change request behind each change set, if any, and its reviewer."""
    history = latest_change_sets(contact_id=contact_id, limit=limit, path=path)
    return history.select_related("change_request__review_member__user").defer(
        "initiator_contact__details", "change_request__changes", "change_request__paths"
    )


def changed_since(contact: Contact, version: int) -> list[ChangeSet]:
    """Return the change sets after `version` up to the version that was read, latest first."""
    later = latest_change_sets(contact_id=contact.pk)
    return list(later.filter(version__gt=version, version__lte=contact.version))


_REQUEST_FILTERS = {
    "statusId": "status",
    "createDateFrom": "created_at__gte",
    "createDateTo": "created_at__lte",
    "initiatorMemberIds": "initiator_member__in",
    "initiatorMemberUids": "initiator_member__uid__in",
    "contactIds": "subject__in",
    "reviewDateFrom": "reviewed_at__gte",
    "reviewDateTo": "reviewed_at__lte",
    "reviewMemberIds": "review_member__in",
    "reviewMemberUids": "review_member__uid__in",
    "paths": "paths__overlap",
}


def searched_requests(
    *, actor: Actor, criteria: Mapping[str, Any], member: Member | None = None
) -> QuerySet[ChangeRequest]:
    """Return the visible requests that meet all criteria; a path also matches everything below it.

    With `member`, only requests about contacts that this member can see too.
    """
    exclude_hierarchy = criteria["excludeHierarchy"]
    requests = ChangeRequest.objects.visible_to(actor, exclude_hierarchy=exclude_hierarchy)
    if member is not None and not member.sees_all_contacts:
        contacts = Contact.objects.assigned_to([member.pk] if exclude_hierarchy else hierarchy_of(member.pk))
        requests = requests.filter(subject__in=contacts)
    lookups = {lookup: criteria[name] for name, lookup in _REQUEST_FILTERS.items() if criteria.get(name) is not None}
    return requests.filter(**lookups)


def is_list_item_used(list_key: str, item_key: str) -> bool:
    """Return whether any contact's details contain the list item."""
    return holds_list_item(Contact.objects.all(), schema_key=CONTACT_SCHEMA, list_key=list_key, item_key=item_key)


def holds_list_item(rows: QuerySet[Any], *, schema_key: str, list_key: str, item_key: str) -> bool:
    """Return whether the `details` of any row, which follow the schema, contain the list item.

    Scans all rows; items are rarely removed.
    """
    paths = [field.path for key, field in fields_with_list(list_key) if key == schema_key]
    uses = [Q(_holds_text(path, item_key)) for path in paths]
    return bool(uses) and rows.filter(reduce(or_, uses)).exists()


def _holds_text(path: str, text: str) -> Func:
    """Whether the details contain a text at a path; jsonpath's lax mode unwraps arrays on the way."""
    place = "".join(f'."{key}"' for key in path.split("."))
    return Func(
        F("details"),
        Func(Value(f"${place}[*] ? (@ == $item)"), template="%(expressions)s::jsonpath"),
        Value({"item": text}, output_field=JSONField()),
        function="jsonb_path_exists",
        output_field=BooleanField(),
    )


def stored_contacts() -> StoredDocuments:
    """Return the stored documents of the schema `contact`."""

    def visible_to_user(user_id: int | None) -> QuerySet[Contact]:
        actor = actor_of_user(user_id)
        return Contact.objects.none() if actor is None else Contact.objects.visible_to(actor)

    return StoredDocuments(rows=Contact.objects.all(), visible_to_user=visible_to_user)
