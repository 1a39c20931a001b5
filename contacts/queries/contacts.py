"""Choosing contacts, by id, connection or typed term."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.queries import capped_counts
from changerequests.models import RequestSubject
from contacts.models import CONTACT_DETAILS, Contact, ExternalConnection
from core.errors import NotFound
from core.search import SearchTerm


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


def with_pending_request(contacts: QuerySet[Contact]) -> QuerySet[Contact]:
    """Annotate `has_pending_change_request`."""
    pending = RequestSubject.objects.filter(kind=CONTACT_DETAILS, subject_id=OuterRef("pk"), is_open=True)
    return contacts.annotate(has_pending_change_request=Exists(pending))


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


def search_contacts(contacts: QuerySet[Contact], text: str) -> QuerySet[Contact]:
    """Return the contacts that match a search term: parts of a name or username, an id, a uid or an external id."""
    term = SearchTerm.typed(text)
    if not term:
        return contacts
    # At most one contact, and written so: `IN` would keep PostgreSQL from combining the indexes of the alternatives.
    holder = ExternalConnection.objects.filter(external_id=term.text).order_by().values("contact")[:1]
    return contacts.filter(Q(pk=Subquery(holder)) | term.is_key() | term.parts_of("name", "username"))
