"""Groups as subjects of change requests: their documents, their locks, and who sees requests about them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    Aggregate,
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
    TextField,
    Value,
)
from django.db.models.functions import JSONObject

from accounts.actor import Actor
from accounts.queries import NOTHING
from changerequests.models import Proposal, RequestSubject
from changerequests.policies import Facts, Initiator, KindPolicy
from changerequests.queries.revisions import open_proposals
from changerequests.services.creations import next_id
from contactgroups.documents import EXTERNAL_ID, ID, LINKS, MEMBERS, TEXTS, contacts_at
from contactgroups.models import CONTACT_GROUP, ContactGroup, EntityType, GroupMembership, LinkedEntity
from contactgroups.queries import no_such_group
from contacts.models import Contact, ContactParticipant
from core.documents import Document
from core.errors import map_lock_errors


class ObjectAgg(Aggregate):
    """An object of keys and values."""

    function = "jsonb_object_agg"
    output_field = JSONField()


class _NamedContacts(Func):
    """The ids of the contacts whose memberships are at the paths of a request."""

    template = (
        "(SELECT array_agg(split_part(path, '.', 2)::integer) FROM unnest(%(expressions)s) AS path"
        " WHERE path LIKE 'members.%%%%')"
    )
    output_field = ArrayField(IntegerField())


class _ProposedTexts(Func):
    """The name and the external id that proposed changes give a group."""

    template = (
        "(SELECT string_agg(change->>'target', ' ') FROM jsonb_array_elements(%(expressions)s) AS change"
        " WHERE change->>'path' IN ('name', 'externalId'))"
    )
    output_field = TextField()


class _IsAnyOf(Func):
    # The cast keeps PostgreSQL from taking a subquery for rows.
    template = "%(expressions)s::integer[])"
    arg_joiner = " = ANY("
    output_field = BooleanField()


_MEMBERS = GroupMembership.objects.filter(group=OuterRef("pk")).order_by().values("group")
_LINKS = LinkedEntity.objects.filter(group=OuterRef("pk")).order_by().values("group")
_IDS_OF_TYPES = {kind: ObjectAgg("entity_id", Value(True), filter=Q(entity_type=kind)) for kind in EntityType.values}
# The document of a group, as an expression over its row.
DOCUMENT = Func(
    JSONObject(
        **{ID: F("pk"), **{path: F(column) for path, column in TEXTS.items()}},
        **{
            MEMBERS: Subquery(_MEMBERS.values(found=ObjectAgg("contact_id", "access_policy_id"))),
            LINKS: Subquery(_LINKS.values(found=JSONObject(**_IDS_OF_TYPES))),
        },
    ),
    function="jsonb_strip_nulls",
    output_field=JSONField(),
)


@dataclass(frozen=True, slots=True)
class LockedGroup:
    """A group and its document, locked until the transaction ends.

    `row` is None and the document empty if the group does not exist: it is created or was deleted.
    """

    id: int
    row: ContactGroup | None
    document: Document


def new_group() -> LockedGroup:
    """Return a group to be, with an id that no other one will get."""
    return LockedGroup(next_id(ContactGroup), None, {})


def locked_groups(groups: QuerySet[ContactGroup]) -> dict[int, LockedGroup]:
    """Lock these groups in the order of their ids. Raises HeldByOthers. Runs two queries.

    Callers that also lock contacts must lock them first.
    """
    with map_lock_errors():
        ids = list(groups.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    rows: Iterable[Any] = ContactGroup.objects.filter(pk__in=ids).annotate(document=DOCUMENT)
    return {row.pk: LockedGroup(row.pk, row, row.document) for row in rows}


def locked_group(*, actor: Actor, group_id: int) -> LockedGroup:
    """Lock one group. Raises NotFound if it does not exist or the actor cannot see it; HeldByOthers."""
    found = locked_groups(ContactGroup.objects.visible_to(actor).filter(pk=group_id)).get(group_id)
    if found is None:
        raise no_such_group()
    return found


def locked_subject(*, actor: Actor, group_id: int) -> LockedGroup:
    """Lock what a request is about: the contacts that it names, then the group, which need not exist.

    Raises NotFound if the actor cannot see the group; HeldByOthers.
    """
    lock_contacts_asked_for([group_id])
    found = locked_groups(ContactGroup.objects.visible_to(actor).filter(pk=group_id)).get(group_id)
    if found is None and ContactGroup.objects.filter(pk=group_id).exists():
        raise no_such_group()
    return found or LockedGroup(group_id, None, {})


def lock_contacts_asked_for(group_ids: Collection[int]) -> None:
    """Lock the contacts that the open requests about these groups name. Raises HeldByOthers."""
    proposals = open_proposals(CONTACT_GROUP).filter(subject__subject_id__in=group_ids).order_by()
    asked = proposals.values_list("changes", flat=True)
    lock_contacts(contacts_at(change["path"] for changes in asked for change in changes))


def lock_contacts(contact_ids: Iterable[int]) -> dict[int, Contact]:
    """Lock contacts in the order of their ids, so that none is anonymized meanwhile. Raises HeldByOthers."""
    contacts = Contact.objects.filter(pk__in=list(contact_ids))
    with map_lock_errors():
        locked = (
            contacts.select_for_update(of=("self",), no_key=True).only("anonymized_at", "merged_into").order_by("pk")
        )
        return {contact.pk: contact for contact in locked}


def seen_subjects(actor: Actor) -> Q | None:
    """Return the condition that the actor sees the group of a request; None if it sees all.

    Who sees a contact of the group sees the request. A group that does not exist, because it waits or was deleted, is
    seen by who sees a contact that the request names.
    """
    if Contact.objects.all_seen_by(actor):
        return None
    if actor.is_contact:
        return NOTHING
    members = GroupMembership.objects.visible_to(actor).filter(group=OuterRef("subject_id"))
    group = ContactGroup.objects.filter(pk=OuterRef("subject_id"))
    named = RequestSubject.objects.filter(kind=CONTACT_GROUP, subject_id=OuterRef("subject_id")).annotate(
        named=_NamedContacts("request__paths")
    )
    contacts = Contact.objects.visible_to(actor).filter(_IsAnyOf(F("pk"), OuterRef("named")))
    return Q(Exists(members)) | ~Q(Exists(group)) & Q(Exists(named.filter(Exists(contacts))))


def groups_asked_for(term: str) -> QuerySet[Any, Any]:
    """Return a subquery for the ids of groups whose open request proposes this as part of a name or external id."""
    proposed = open_proposals(CONTACT_GROUP).order_by().annotate(texts=_ProposedTexts("changes"))
    return proposed.filter(texts__icontains=term).values("subject__subject_id")


def facts_of_groups(
    contacts: Mapping[int, Collection[int]], policy: KindPolicy, initiator: Initiator
) -> Mapping[int, Facts]:
    """Return what the policy's rules depend on, by group: the participants of all its contacts, which are given.

    Runs a query if they do.
    """
    if not policy.needs_subject_facts:
        return dict.fromkeys(contacts, Facts(initiator=initiator))
    participants: dict[int, set[int]] = defaultdict(set)
    links = ContactParticipant.objects.filter(contact__in=set().union(*contacts.values()))
    for contact_id, participant_id in links.values_list("contact", "participant"):
        participants[contact_id].add(participant_id)
    return {
        pk: Facts(participant_ids=frozenset().union(*(participants[contact] for contact in own)), initiator=initiator)
        for pk, own in contacts.items()
    }


def with_documents_of_groups() -> QuerySet[Any]:
    """Return all groups with their `document`."""
    return ContactGroup.objects.annotate(document=DOCUMENT)


def names_in_requests(ids: Collection[int]) -> dict[int, str]:
    """Return the names that the latest requests have of groups that do not exist. Runs a query if there are any."""
    if not ids:
        return {}
    proposals = Proposal.objects.filter(subject__kind=CONTACT_GROUP, subject__subject_id__in=ids).order_by("pk")
    found = {}
    for group_id, changes in proposals.values_list("subject__subject_id", "changes"):
        values = {change["path"]: change["target"] or change["original"] for change in changes}
        name = values.get("name") or values.get(EXTERNAL_ID)
        if name:
            found[group_id] = name
    return found
