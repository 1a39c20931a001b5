"""What the kinds of change requests about contacts have in common."""

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from changerequests.document_kinds import DocumentKind, DocumentPresenter
from changerequests.kinds import RequestKind, SubjectView, listed_columns
from contacts.models import CONTACT_TYPES, Contact, ContactParticipant
from contacts.queries.searching import as_written
from contacts.services.identity import TYPE
from schemas.queries import list_data


class AboutContacts(RequestKind):
    """What all kinds about contacts have in common: who sees the subject, and how it is found and shown."""

    subject_label = _("contact")
    subject_template = "admin/contacts/includes/reviewed_contact.html"
    sight = "contacts"
    is_about_contacts = True

    def visible(self, actor: Actor) -> Q | None:
        return Contact.objects.visibility(actor, column="subject_id")

    def search(self, term: str) -> QuerySet[Any, Any]:
        return as_written(Contact.objects.all(), term).order_by().values("pk")

    def of_participant(self, participant_id: int) -> QuerySet[Any, Any]:
        return ContactParticipant.objects.filter(participant=participant_id).values("contact")

    def contact_types(self) -> list[tuple[str, str]]:
        return [(item.key, item.name()) for item in list_data(CONTACT_TYPES).sorted_items(get_language() or "")]


class ContactDocumentKind(AboutContacts, DocumentKind):
    """Requests about a part of a contact that follows no schema."""

    # The document of a contact, as an expression over its row.
    document: Any

    def subjects(self, ids: Collection[int], *, with_documents: bool = True) -> Mapping[int, SubjectView]:
        contacts = Contact.objects.filter(pk__in=ids).select_related("type").defer("details")
        rows: Any = contacts.annotate(document=self.document) if with_documents else contacts
        return {
            row.pk: SubjectView(row.pk, row.uid, str(row), row.document if with_documents else {}, row) for row in rows
        }

    def listed(self, ids: Collection[int], *, with_documents: bool) -> QuerySet[Any, Any]:
        contacts = Contact.objects.filter(pk__in=ids)
        if not with_documents:
            return listed_columns(contacts, kind=self.key, document=None)
        return listed_columns(contacts.annotate(document=self.document), kind=self.key, document="document")


class ContactPresenter(DocumentPresenter):
    """Presents changes of a contact that follow no schema. A type is shown by its name."""

    @cached_property
    def _types(self) -> Mapping[int, str]:
        return {item.id: item.name() for item in list_data(CONTACT_TYPES).items}

    def text(self, value: Any, *, name: str) -> str:
        if name == TYPE and value is not None:
            return self._types.get(value, f"#{value}")
        return super().text(value, name=name)

    def subject_context(self, subject: SubjectView, *, user: Any) -> dict[str, Any]:
        return {**super().subject_context(subject, user=user), **contact_facts(subject.row, user=user)}


def contact_facts(contact: Contact, *, user: Any) -> dict[str, Any]:
    """Return the context of `subject_template`: the contact, and who sees it."""
    return {
        "contact": contact,
        "may_open_contact": user.has_perm("contacts.view_contact") or user.has_perm("contacts.change_contact"),
        "participants": contact.participants.all(),
        "members": contact.members.select_related("user").order_by("pk"),
        "connections": contact.external_connections.all(),
    }
