"""Choosing contacts, by id, connection or typed term."""

from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.models import User
from accounts.queries import capped_counts
from accounts.usernames import named
from changerequests.models import RequestSubject
from contacts.models import (
    CONTACT_DETAILS,
    Contact,
    ExternalConnection,
    ReservedExternalId,
    WaitingContact,
)
from core.errors import NotFound
from core.text import compared, normalized


def no_such_contact() -> NotFound:
    return NotFound(_("There is no contact with this id that you can see."))


def visible_contact(*, actor: Actor, contact_id: int) -> Contact:
    """Return the contact that answers for an id. Raises NotFound if there is none or the actor cannot see it."""
    contact = Contact.objects.visible_to(actor).answering(contact_id).first()
    if contact is None:
        raise no_such_contact()
    return contact


def visible_contact_with_picture(*, actor: Actor, contact_id: int) -> Contact:
    """Return the contact that answers for an id, with its picture, if any, and without details. Raises NotFound."""
    contacts = Contact.objects.visible_to(actor).select_related("picture").defer("details")
    contact = contacts.answering(contact_id).first()
    if contact is None:
        raise no_such_contact()
    return contact


def check_visible(*, actor: Actor, contact_id: int) -> int:
    """Return the id of the contact that answers for an id. Raises NotFound if there is none or it cannot be seen."""
    found = Contact.objects.visible_to(actor).answering(contact_id).order_by().values_list("pk", flat=True).first()
    if found is None:
        raise no_such_contact()
    return found


def answering_ids(contact_ids: Iterable[int]) -> dict[int, int]:
    """Return for each id that of the contact which answers for it; the id itself if there is none. Runs one query."""
    ids = list(contact_ids)
    merged: Any = Contact.objects.filter(pk__in=ids, merged_into__isnull=False).order_by()
    return {**dict(zip(ids, ids, strict=True)), **dict(merged.values_list("pk", "merged_into"))}


def with_pending_request(contacts: QuerySet[Contact]) -> QuerySet[Contact]:
    """Annotate `has_pending_change_request`."""
    pending = RequestSubject.objects.filter(kind=CONTACT_DETAILS, subject_id=OuterRef("pk"), is_open=True)
    return contacts.annotate(has_pending_change_request=Exists(pending))


def username_is_reserved(username: str, *, but_by: Contact | None = None) -> bool | None:
    """Return whether a username is only reserved; None if nobody but `but_by` has or reserved it.

    Names of staff count too, and names are compared as those that people log in with.
    """
    own_login = 0 if but_by is None else but_by.user_id or 0
    return _is_only_reserved(
        named(Contact.objects.all(), username),
        named(WaitingContact.objects.all(), username),
        others=named(User.objects.exclude(pk=own_login), username),
        but_by=but_by,
    )


def has_username(username: str) -> bool:
    """Return whether a contact has a username or has reserved it, as users ask who must not share it."""
    return any(named(rows, username).exists() for rows in (Contact.objects.all(), WaitingContact.objects.all()))


def external_id_is_reserved(external_ids: Collection[str], *, but_by: Contact | None = None) -> bool | None:
    """Return whether one of the external ids is only reserved; None if nobody but `but_by` has or reserved any."""
    return _is_only_reserved(
        ExternalConnection.objects.filter(external_id__in=external_ids),
        ReservedExternalId.objects.filter(external_id__in=external_ids),
        but_by=but_by,
        column="contact",
    )


def _is_only_reserved(
    rows: QuerySet[Any],
    reserved: QuerySet[Any],
    *,
    others: QuerySet[Any] | None = None,
    but_by: Contact | None,
    column: str = "pk",
) -> bool | None:
    """Return whether only `reserved` has rows of others; None if neither has. Runs one query."""
    if but_by is not None and but_by.pk is not None:
        rows, reserved = (found.exclude(**{column: but_by.pk}) for found in (rows, reserved))
    sources = [(rows, False), (reserved, True)] + ([] if others is None else [(others, False)])
    first, *more = [found.order_by().values_list(Value(int(is_reserved))) for found, is_reserved in sources]
    held = first.union(*more)
    return min((bool(is_reserved) for (is_reserved,) in held), default=None)


def contacts_by_type(*, actor: Actor, type_ids: Iterable[int], most: int) -> dict[int, int]:
    """Return the number of visible contacts for each type, at most `most`, in one statement."""
    visible = Contact.objects.visible_to(actor)
    counts = capped_counts(actor=actor, rows={str(key): visible.filter(type=key) for key in type_ids}, most=most)
    return {int(key): count for key, count in counts.items()}


def connections_to(contact_id: int) -> QuerySet[ExternalConnection]:
    """Return the external ids that lead to a contact: its own first, then those of what was merged into it."""
    found = ExternalConnection.objects.filter(Q(contact=contact_id) | Q(contact__merged_into=contact_id))
    return found.order_by(Case(When(contact=contact_id, then=0), default=1), "pk")


def connection_holder(*, actor: Actor, system: str, external_id: str) -> Contact:
    """Return the contact with this external id. Raises NotFound if there is none or the actor cannot see it."""
    held = ExternalConnection.objects.filter(external_id=normalized(external_id)).order_by()
    contacts: Any = Contact.objects.visible_to(actor).answering_any(held.values("contact")).defer("details")
    contact: Any = contacts.annotate(system=Subquery(held.values("system")[:1])).first()
    if contact is None or compared(contact.system) != compared(system):
        raise NotFound(_("No contact that you can see has this external id in this system."))
    found: Contact = contact
    return found
