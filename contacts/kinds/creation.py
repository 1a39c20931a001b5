"""The kind of change request for new contacts, and the base of those for other things with details."""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Coalesce, NullIf
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from changerequests.document_kinds import DocumentPresenter
from changerequests.kinds import Presenter, RequestKind, SubjectView, listed_columns
from changerequests.models import ChangeRequest
from changerequests.policies import Facts, Initiator, KindPolicy, Requirement, profiles
from changerequests.presentation import ReviewedChange, ShownChange
from changerequests.services.creations import AskedFor, asked_for
from contacts.kinds.access import LABELS as ACCESS_LABELS
from contacts.kinds.access import AccessPresenter
from contacts.kinds.contacts import AboutContacts
from contacts.kinds.details import DetailsPresenter
from contacts.kinds.identity import LABELS as IDENTITY_LABELS
from contacts.models import (
    CONTACT_CREATION,
    CONTACT_SCHEMA,
    CONTACT_TYPES,
    Contact,
    ContactParticipant,
    WaitingContact,
)
from contacts.queries.contacts import no_such_contact
from contacts.queries.searching import as_written
from contacts.services.access import PARTICIPANTS
from contacts.services.creation import DETAILS, amend_creation, write_creation
from contacts.services.identity import TYPE
from core.documents import Change
from core.errors import NotFound, map_lock_errors
from core.search import SearchTerm
from schemas.models import ListItem
from schemas.queries import current_schema

IN_DETAILS = f"{DETAILS}."
_EMPTY = Value("", TextField())


class CreationKind(RequestKind):
    """Requests to create something with details, which are at `details` in its document.

    Nothing of it exists before the approval but a row of `waiting`, a WaitingCreation, with the id that it will have.
    """

    is_creation = True
    subject_template = "admin/contacts/includes/reviewed_creation.html"
    history_template = None
    profiles = profiles(waits=False)
    flagged = _("fields that require approval")
    schema_key: str
    waiting: Any
    created: Any

    @abstractmethod
    def seen_by(self, actor: Actor, *, column: str) -> Q | None:
        """Return the condition that a column has the id of something that the actor sees, or would see."""

    @abstractmethod
    def no_such_subject(self) -> NotFound: ...

    @abstractmethod
    def facts(self, documents: Sequence[Mapping[str, Any]], initiator: Initiator) -> list[Facts]:
        """Return what rules about subjects depend on that would have these documents. Runs one query."""

    def visible(self, actor: Actor) -> Q | None:
        return self.seen_by(actor, column="subject_id")

    def subjects(self, ids: Collection[int], *, with_documents: bool = True) -> Mapping[int, SubjectView]:
        rows = self._named(ids)
        return {row.pk: SubjectView(row.pk, row.uid, row.shown_name, {}, row) for row in rows}

    def listed(self, ids: Collection[int], *, with_documents: bool) -> QuerySet[Any, Any]:
        return listed_columns(self._named(ids), kind=self.key, name=F("shown_name"), document=None)

    def _named(self, ids: Collection[int]) -> Any:
        """Return the rows with `is_created`, and what the subject is called by now as `shown_name`."""
        created = self.created.objects.filter(pk=OuterRef("pk")).order_by()
        return self.waiting.objects.filter(pk__in=ids).annotate(
            is_created=Exists(created),
            shown_name=Coalesce(
                NullIf(Subquery(created.values("name")), _EMPTY),
                NullIf(F("name"), _EMPTY),
                Cast("uid", TextField()),
                output_field=TextField(),
            ),
        )

    def lock(self, *, actor: Actor, subject_id: int) -> AskedFor:
        rows = self.waiting.objects.select_for_update(of=("self",)).filter(pk=subject_id)
        condition = self.seen_by(actor, column="pk")
        with map_lock_errors():
            waiting = (rows if condition is None else rows.filter(condition)).first()
        if waiting is None:
            raise self.no_such_subject()
        return asked_for(kind=self.key, waiting=waiting)

    def outdated_paths(self, document: Mapping[str, Any], changes: Sequence[Change]) -> list[str]:
        return []

    def document_of(self, subject: AskedFor) -> Mapping[str, Any]:
        return {}

    def requirement(
        self, *, subject: Any, paths: Iterable[str], policy: KindPolicy, initiator: Initiator
    ) -> Requirement:
        (found,) = self.requirements([subject.document], [list(paths)], policy=policy, initiator=initiator)
        return found

    def requirements(
        self,
        documents: Sequence[Mapping[str, Any]],
        paths: Sequence[Collection[str]],
        *,
        policy: KindPolicy,
        initiator: Initiator,
    ) -> list[Requirement]:
        """Return what the creation of each of several subjects must wait for, given the paths in their documents.

        Runs at most two queries.
        """
        flagged = self._flagged(set().union(*paths), policy)
        facts = (
            self.facts(documents, initiator)
            if policy.needs_subject_facts
            else [Facts(initiator=initiator)] * len(documents)
        )
        return [policy.requirement(own, flagged=flagged, facts=known) for own, known in zip(paths, facts, strict=True)]

    def _flagged(self, paths: Iterable[str], policy: KindPolicy) -> set[str]:
        """Return the paths of fields that require approval, if a rule asks for it."""
        if not any(rule.is_flagged_only for rule in policy.rules):
            return set()
        schema = current_schema(self.schema_key)
        fields = {path: schema.field_at(path.removeprefix(IN_DETAILS)) for path in paths if path.startswith(IN_DETAILS)}
        return {path for path, field in fields.items() if field is not None and field.is_approval_required}


class ContactCreationKind(CreationKind, AboutContacts):
    """A new contact: its details, and what its identity and the access to it begin with."""

    key = CONTACT_CREATION
    label = _("New contact")
    # Unlike the other kinds about contacts: those who would see a contact that waits see its request.
    sight = CONTACT_CREATION
    schema_key = CONTACT_SCHEMA
    waiting = WaitingContact
    created = Contact

    def seen_by(self, actor: Actor, *, column: str) -> Q | None:
        seen = Contact.objects.visibility(actor, column=column)
        would_be_seen = WaitingContact.objects.visibility(actor, column=column)
        return None if seen is None or would_be_seen is None else seen | would_be_seen

    def no_such_subject(self) -> NotFound:
        return no_such_contact()

    def facts(self, documents: Sequence[Mapping[str, Any]], initiator: Initiator) -> list[Facts]:
        types = dict(ListItem.objects.filter(list__key=CONTACT_TYPES).values_list("pk", "key"))
        return [
            Facts(types.get(document.get(TYPE, 0)), frozenset(document.get(PARTICIPANTS, ())), initiator)
            for document in documents
        ]

    def search(self, term: str) -> QuerySet[Any, Any]:
        typed = SearchTerm.typed(term)
        waits = Q(external_ids__external_id=typed.text) | typed.is_key() | typed.parts_of("name", "username")
        created = as_written(Contact.objects.all(), term).order_by().values("pk")
        return WaitingContact.objects.filter(waits | Q(pk__in=created)).order_by().values("pk")

    def of_participant(self, participant_id: int) -> QuerySet[Any, Any]:
        created = ContactParticipant.objects.filter(participant=participant_id).values("contact")
        rows = WaitingContact.objects.filter(Q(participants=participant_id) | Q(pk__in=created))
        return rows.order_by().values("pk")

    def apply(self, *, actor: Actor, subject: AskedFor, changes: Sequence[Change], request: ChangeRequest) -> None:
        write_creation(actor=actor, asked=subject, changes=changes, request=request)

    def amended(self, *, actor: Actor, subject: AskedFor, document: Mapping[str, Any]) -> Sequence[Change]:
        return amend_creation(actor=actor, asked=subject, document=document)

    def presenter(self) -> "CreationPresenter":
        others = AccessPresenter(CONTACT_CREATION, {**IDENTITY_LABELS, **ACCESS_LABELS})
        return CreationPresenter(CONTACT_SCHEMA, others, "contacts", "contact")


class CreationPresenter(Presenter):
    """Presents the document of something new: its details by their schema, after all else.

    The queue is not filtered by fields of creations, which have all of them, and so does without the schema.
    """

    def __init__(self, schema_key: str, others: DocumentPresenter, app: str, model: str) -> None:
        self._schema_key = schema_key
        self._others = others
        self._app, self._model = app, model

    @cached_property
    def _details(self) -> DetailsPresenter:
        return DetailsPresenter(current_schema(self._schema_key))

    def field_labels(self, paths: Iterable[str]) -> list[str]:
        paths = list(paths)
        others = (path for path in paths if path.partition(".")[0] != DETAILS)
        details = (path.removeprefix(IN_DETAILS) for path in paths if path.startswith(IN_DETAILS))
        return [*self._others.field_labels(others), *self._details.field_labels(details)]

    def label_at(self, path: str) -> str:
        if path.startswith(IN_DETAILS):
            return self._details.label_at(path.removeprefix(IN_DETAILS))
        return self._others.label_at(path)

    def prepare(self, changes: Iterable[Mapping[str, Any]]) -> None:
        self._others.prepare(changes)

    def reviewed_changes(
        self, changes: Sequence[Mapping[str, Any]], *, document: Mapping[str, Any], is_open: bool
    ) -> list[ReviewedChange]:
        others = [change for change in changes if not change["path"].startswith(IN_DETAILS)]
        details = [
            {**change, "path": change["path"].removeprefix(IN_DETAILS)}
            for change in changes
            if change["path"].startswith(IN_DETAILS)
        ]
        # Nothing of it is outdated, and its addresses need no verification.
        reviewed = [
            *self._others.reviewed_changes(others, document={}, is_open=is_open),
            *(
                replace(change, path=f"{IN_DETAILS}{change.path}", is_verified_after=False)
                for change in self._details.reviewed_changes(details, document={}, is_open=is_open)
            ),
        ]
        if all(change.is_approval_required for change in reviewed):
            # Saying so of each says nothing.
            return [replace(change, is_approval_required=False) for change in reviewed]
        return reviewed

    def shown_changes(self, changes: Sequence[Mapping[str, Any]]) -> list[ShownChange]:
        others = [change for change in changes if not change["path"].startswith(IN_DETAILS)]
        details = [
            {**change, "path": change["path"].removeprefix(IN_DETAILS)}
            for change in changes
            if change["path"].startswith(IN_DETAILS)
        ]
        return [*self._others.shown_changes(others), *self._details.shown_changes(details)]

    def named_contacts(self) -> Collection[int]:
        return self._others.named_contacts()

    def address(self, subject: SubjectView, *, user: Any) -> str | None:
        may_open = any(user.has_perm(f"{self._app}.{verb}_{self._model}") for verb in ("view", "change"))
        if not may_open or not subject.row.is_created:
            return None
        return reverse(f"admin:{self._app}_{self._model}_change", args=[subject.id])

    def labelled_faults(self, properties: Mapping[str, Any] | None) -> list[str]:
        return self._details.labelled_faults(properties)

    def subject_context(self, subject: SubjectView, *, user: Any) -> dict[str, Any]:
        return {"subject": subject, "subject_address": self.address(subject, user=user)}
