"""The kind of change request for contact groups."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor, system_actor
from changerequests.document_kinds import DocumentKind, DocumentPresenter
from changerequests.kinds import ChoosableField, SubjectView
from changerequests.models import ChangeRequest
from changerequests.policies import Initiator, KindPolicy, Requirement, profiles
from changerequests.presentation import Mark, ReviewedChange, Shown, ShownChange
from changerequests.queries.sight import sights_of
from contactgroups.documents import EXTERNAL_ID, ID, LINKS, MEMBERS, TEXTS, changes_to, contacts_at
from contactgroups.models import ACCESS_POLICIES, CONTACT_GROUP, ContactGroup, EntityType, GroupMembership
from contactgroups.naming import groups_of_entities, linked_name
from contactgroups.permissions import MAY_CHANGE, MAY_VIEW
from contactgroups.queries import search_groups
from contactgroups.services.writing import approved_changes, check_group, texts_in_form, write_group
from contactgroups.subjects import (
    LockedGroup,
    facts_of_groups,
    groups_asked_for,
    lock_contacts_asked_for,
    locked_subject,
    names_in_requests,
    seen_subjects,
    with_documents_of_groups,
)
from contacts.queries.names import SeenNames
from core.documents import Change
from core.errors import Forbidden, UnprocessableEntity
from core.search import SearchTerm
from schemas.queries import list_data

LABELS = {
    ID: _("Contact group"),
    "name": _("Name"),
    EXTERNAL_ID: _("External id"),
    "customAttributes": _("Custom attributes"),
    MEMBERS: _("Contacts"),
    LINKS: _("Linked entities"),
}


class ContactGroupKind(DocumentKind):
    """Creating, changing or deleting a group. A group that waits to be created has an id, but no row."""

    key = CONTACT_GROUP
    label = _("Contact group")
    subject_label = _("contact group")
    subject_template = "admin/contactgroups/includes/reviewed_group.html"
    profiles = profiles(waits=True)

    def visible(self, actor: Actor) -> Q | None:
        return seen_subjects(actor)

    def search(self, term: str) -> QuerySet[Any, Any]:
        found = search_groups(ContactGroup.objects.all(), term, actor=system_actor("search"))
        others = [groups_asked_for(SearchTerm.typed(term).text), *groups_of_entities(term)]
        return found.order_by().values("pk").union(*others, all=True)

    def of_participant(self, participant_id: int) -> QuerySet[Any, Any]:
        return GroupMembership.objects.filter(contact__participants=participant_id).order_by().values("group")

    def subjects(self, ids: Collection[int], *, with_documents: bool = True) -> Mapping[int, SubjectView]:
        """Return groups by id. One that does not exist, because it waits or was deleted, takes one more query."""
        groups = with_documents_of_groups() if with_documents else ContactGroup.objects.all()
        rows: Mapping[int, Any] = groups.annotate(linked_name=linked_name()).in_bulk(list(ids))
        names = names_in_requests(set(ids) - rows.keys())
        absent = {pk: SubjectView(pk, None, names.get(pk) or str(self.label), {}) for pk in set(ids) - rows.keys()}
        present = {
            pk: SubjectView(pk, None, _name(row), row.document if with_documents else {}, row)
            for pk, row in rows.items()
        }
        return absent | present

    def lock_before(self, subject_ids: Collection[int]) -> None:
        """Lock the contacts that are asked for, as they come before any group."""
        lock_contacts_asked_for(subject_ids)

    def lock(self, *, actor: Actor, subject_id: int) -> LockedGroup:
        return locked_subject(actor=actor, group_id=subject_id)

    def apply(self, *, actor: Actor, subject: LockedGroup, changes: Sequence[Change], request: ChangeRequest) -> None:
        possible = approved_changes(subject, changes)
        write_group(actor=actor, locked=subject, changes=possible, request=request)

    def document_of(self, subject: LockedGroup) -> Mapping[str, Any]:
        return subject.document

    def amended(self, *, actor: Actor, subject: LockedGroup, document: Mapping[str, Any]) -> Sequence[Change]:
        """Return the changes to the texts that the document has by path."""
        if subject.row is None or not document.keys() <= TEXTS.keys():
            raise Forbidden(
                gettext("Only the texts of a group can be amended. Cancel the request and submit a new one.")
            )
        changes = changes_to(subject.document, texts_in_form(document))
        check_group(subject, changes)
        return changes

    def requirement(
        self, *, subject: LockedGroup, paths: Iterable[str], policy: KindPolicy, initiator: Initiator
    ) -> Requirement:
        paths = list(paths)
        contacts = contacts_at(paths) | {int(pk) for pk in subject.document.get(MEMBERS, ())}
        facts = facts_of_groups({subject.id: contacts}, policy, initiator)
        return policy.requirement(paths, flagged=(), facts=facts[subject.id])

    def check_kept(self, paths: Collection[str], kept: Collection[str]) -> None:
        """Refuse to delete or create half a group."""
        if ID in paths:
            raise UnprocessableEntity(
                gettext("A group is created or deleted as a whole. Approve all of it, or return it."),
                sub_code="UnknownPaths",
            )

    def presenter(self) -> "GroupPresenter":
        return GroupPresenter(())

    def presenter_for(self, actor: Actor) -> "GroupPresenter":
        return GroupPresenter(sights_of(actor))


def _name(group: Any) -> str:
    """Return what lists and pages call a group: its own name, or that of the legal entity which it belongs to."""
    has_own = group.name or group.external_id
    return str(group) if has_own else group.linked_name or str(group)


class GroupPresenter(DocumentPresenter):
    """Presents groups with the names of those contacts that one of some actors sees, and of all policies."""

    def __init__(self, sights: Iterable[Actor]) -> None:
        super().__init__(CONTACT_GROUP, LABELS)
        self._names = SeenNames(sights)

    def named_contacts(self) -> Collection[int]:
        return self._names.ids

    def choosable_fields(self) -> list[ChoosableField]:
        return [ChoosableField(path, str(label)) for path, label in LABELS.items()]

    def field_labels(self, paths: Iterable[str]) -> list[str]:
        changed = {path.partition(".")[0] for path in paths}
        return [str(label) for path, label in LABELS.items() if path in changed]

    def innermost_label(self, path: str) -> str:
        first, *rest = path.split(".")
        if first == MEMBERS and rest:
            return self._names[int(rest[0])]
        if first == LINKS and len(rest) == 2:
            return f"{EntityType(rest[0]).label} {rest[1]}"
        return self.label(first)

    def context(self, path: str) -> str:
        first, dot, _rest = path.partition(".")
        return self.label(first) if dot else ""

    def shown_at(self, path: str, value: Any, mark: Mark = Mark.SAME, *, beside: Any = None) -> Shown:
        return Shown(text="" if value is None else self._text_at(path.partition(".")[0], value), mark=mark)

    def _text_at(self, part: str, value: Any) -> str:
        if part == ID:
            return f"#{value}"
        if part == MEMBERS:
            return self._policies.get(value, f"#{value}")
        return gettext("Linked") if part == LINKS else str(value)

    @cached_property
    def _policies(self) -> Mapping[int, str]:
        return {pk: item.name() for pk, item in list_data(ACCESS_POLICIES).by_id.items()}

    def reviewed_changes(
        self, changes: Sequence[Mapping[str, Any]], *, document: Mapping[str, Any], is_open: bool
    ) -> list[ReviewedChange]:
        self._load(change["path"] for change in changes)
        shown = super().reviewed_changes(changes, document=document, is_open=is_open)
        return [_with_what_happens(change, is_deleted=change.proposed.is_empty) for change in shown]

    def shown_changes(self, changes: Sequence[Mapping[str, Any]]) -> list[ShownChange]:
        self._load(change["path"] for change in changes)
        shown = super().shown_changes(changes)
        return [_with_what_happens(change, is_deleted=change.after.is_empty) for change in shown]

    def prepare(self, changes: Iterable[Mapping[str, Any]]) -> None:
        self._load(change["path"] for change in changes)

    def _load(self, paths: Iterable[str]) -> None:
        self._names.load(contacts_at(paths))

    def address(self, subject: SubjectView, *, user: Any) -> str | None:
        if subject.row is None or not (user.has_perm(MAY_VIEW) or user.has_perm(MAY_CHANGE)):
            return None
        return reverse("admin:contactgroups_contactgroup_change", args=[subject.id])

    def subject_context(self, subject: SubjectView, *, user: Any) -> dict[str, Any]:
        members: Mapping[str, int] = subject.document.get(MEMBERS, {})
        self._names.load(map(int, members))
        return {
            **super().subject_context(subject, user=user),
            "members": [
                (self._names[int(pk)], self._text_at(MEMBERS, policy))
                for pk, policy in members.items()
                if int(pk) in self._names
            ],
            "linked_count": sum(map(len, subject.document.get(LINKS, {}).values())),
        }


def _with_what_happens(change: Any, *, is_deleted: bool) -> Any:
    """Label the change of a group's id by what it means."""
    if change.path != ID:
        return change
    return replace(change, label=gettext("Delete the group") if is_deleted else gettext("Create the group"))
