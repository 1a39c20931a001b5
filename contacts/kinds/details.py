"""The kinds of change requests about documents that follow a schema: a contact's details, and the base of others."""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from changerequests.kinds import ChoosableField, Presenter, RequestKind, SubjectView, listed_columns
from changerequests.models import ChangeRequest, Source
from changerequests.policies import Facts, Initiator, KindPolicy, Requirement, profiles
from changerequests.presentation import ReviewedChange, ShownChange
from contacts.display import compared, context_of, field_labels, in_form_order, shown, shown_changes
from contacts.kinds.contacts import AboutContacts, contact_facts
from contacts.models import CONTACT_DETAILS, CONTACT_SCHEMA, Contact
from contacts.permissions import MAY_CHANGE_DETAILS
from contacts.plans import Origin, Snapshot, Target, merged, outdated_paths, plan, required_for, values_set
from contacts.queries.history import latest_history
from contacts.services.changes import CONTACTS, DetailsRepository, commit
from contacts.snapshots import check_is_subject, facts_of_contact
from core.documents import Change, value_at
from schemas.compiled import CompiledSchema
from schemas.queries import current_schema

RECENT_ENTRIES = 5


class DetailsKind(RequestKind):
    """Requests to change details. Its subjects are locked as snapshots and changed by plan and commit."""

    flagged = _("fields that require approval")
    is_repeatable = True
    schema_key: str
    repository: DetailsRepository

    def lock(self, *, actor: Actor, subject_id: int) -> Snapshot:
        return self.repository.read_locked(actor=actor, subject_id=subject_id)

    def apply(self, *, actor: Actor, subject: Snapshot, changes: Sequence[Change], request: ChangeRequest) -> None:
        # An import has the effect that it would have had at once.
        origin = Origin.APPROVED_IMPORT if request.source == Source.IMPORT else Origin.APPROVAL
        found = plan(subject, values_set(changes), actor, origin)
        commit(found, repository=self.repository, comment=request.initiator_comment, approved=request)

    def outdated_paths(self, document: Mapping[str, Any], changes: Sequence[Change]) -> list[str]:
        return outdated_paths(dict(document), changes)

    def document_of(self, subject: Snapshot) -> Mapping[str, Any]:
        return subject.document

    def requirement(
        self, *, subject: Snapshot, paths: Iterable[str], policy: KindPolicy, initiator: Initiator
    ) -> Requirement:
        facts = self.facts(subject.row, policy, initiator)
        return required_for(subject.schema, paths, policy, facts)

    def repeated(self, *, actor: Actor, subject: Snapshot, changes: Sequence[Change]) -> Sequence[Change]:
        return planned_changes(subject, values_set(changes), actor)

    @abstractmethod
    def facts(self, row: Any, policy: KindPolicy, initiator: Initiator) -> Facts:
        """Return what the policy's rules depend on."""

    def presenter(self) -> "DetailsPresenter":
        return DetailsPresenter(current_schema(self.schema_key))


class ContactDetailsKind(AboutContacts, DetailsKind):
    """A member's change to a contact's details."""

    key = CONTACT_DETAILS
    label = _("Contact details")
    profiles = profiles(waits=True, is_flagged_only=True)
    binds_applications = False
    schema_key = CONTACT_SCHEMA
    repository = CONTACTS

    def lock(self, *, actor: Actor, subject_id: int) -> Snapshot:
        subject = super().lock(actor=actor, subject_id=subject_id)
        check_is_subject(subject.row, subject_id)
        return subject

    def subjects(self, ids: Collection[int], *, with_documents: bool = True) -> Mapping[int, SubjectView]:
        contacts = Contact.objects.filter(pk__in=ids).select_related("type")
        rows = contacts if with_documents else contacts.defer("details")
        return {
            row.pk: SubjectView(row.pk, row.uid, str(row), row.details if with_documents else {}, row) for row in rows
        }

    def listed(self, ids: Collection[int], *, with_documents: bool) -> QuerySet[Any, Any]:
        document = "details" if with_documents else None
        return listed_columns(Contact.objects.filter(pk__in=ids), kind=self.key, document=document)

    def amended(self, *, actor: Actor, subject: Snapshot, document: Mapping[str, Any]) -> Sequence[Change]:
        return planned_changes(subject, merged(dict(document)), actor)

    def facts(self, row: Any, policy: KindPolicy, initiator: Initiator) -> Facts:
        return facts_of_contact(row, policy, initiator)

    def presenter(self) -> "ContactDetailsPresenter":
        return ContactDetailsPresenter(current_schema(self.schema_key))


def planned_changes(subject: Snapshot, target: Target, actor: Actor) -> Sequence[Change]:
    """Return the changes that lead to a target. Raises the errors of a submission."""
    found = plan(subject, target, actor)
    if found.refusal:
        raise found.refusal
    return found.changes


class DetailsPresenter(Presenter):
    """Presents changes to details according to one version of the schema."""

    def __init__(self, schema: CompiledSchema) -> None:
        self._schema = schema

    def choosable_fields(self) -> list[ChoosableField]:
        schema = self._schema
        return [
            ChoosableField(field.path, " › ".join(filter(None, (context_of(schema, field.path), field.label()))))
            for field in schema.fields.values()
            if not field.is_in_array
        ]

    def field_labels(self, paths: Iterable[str]) -> list[str]:
        return field_labels(self._schema, paths)

    def label_at(self, path: str) -> str:
        return self._schema.label_at(path)

    def reviewed_changes(
        self, changes: Sequence[Mapping[str, Any]], *, document: Mapping[str, Any], is_open: bool
    ) -> list[ReviewedChange]:
        asked = {change["path"]: Change(change["path"], change["original"], change["target"]) for change in changes}
        outdated = outdated_paths(dict(document), asked.values()) if is_open else []
        required = {change["path"] for change in changes if change["isApprovalRequired"]}
        return [
            self._reviewed(
                asked[path],
                before=value_at(document, path) if path in outdated else asked[path].original,
                is_outdated=path in outdated,
                is_approval_required=path in required,
                is_open=is_open,
            )
            for path in in_form_order(self._schema, asked)
        ]

    def _reviewed(
        self, change: Change, *, before: Any, is_outdated: bool, is_approval_required: bool, is_open: bool
    ) -> ReviewedChange:
        schema = self._schema
        current, proposed = compared(schema, change.path, before, change.target)
        return ReviewedChange(
            path=change.path,
            label=schema.label_at(change.path),
            context=context_of(schema, change.path),
            current=current,
            proposed=proposed,
            original=shown(schema, change.path, change.original) if is_outdated else None,
            is_approval_required=is_approval_required,
            is_verified_after=is_open and change.path in schema.verified_paths and change.target is not None,
        )

    def shown_changes(self, changes: Sequence[Mapping[str, Any]]) -> list[ShownChange]:
        return shown_changes(self._schema, changes)

    def labelled_faults(self, properties: Mapping[str, Any] | None) -> list[str]:
        return [
            f"{self._schema.label_at(path)}: {message}" if path else str(message)
            for path, messages in (properties or {}).items()
            for message in messages
        ]

    def subject_context(self, subject: SubjectView, *, user: Any) -> dict[str, Any]:
        return {}


class ContactDetailsPresenter(DetailsPresenter):
    def address(self, subject: SubjectView, *, user: Any) -> str | None:
        may_open = user.has_perm("contacts.view_contact") or user.has_perm("contacts.change_contact")
        return reverse("admin:contacts_contact_change", args=[subject.id]) if may_open else None

    def amend_address(self, subject: SubjectView, *, change_request_id: int, user: Any) -> str | None:
        if not user.has_perm(MAY_CHANGE_DETAILS):
            return None
        return f"{reverse('admin:contacts_contact_edit', args=[subject.id])}?amend={change_request_id}"

    def subject_context(self, subject: SubjectView, *, user: Any) -> dict[str, Any]:
        contact = subject.row
        return {
            **contact_facts(contact, user=user),
            "created_text": gettext("The contact was created."),
            "history": [
                (entry, shown_changes(self._schema, entry.changes))
                for entry in latest_history(contact_id=contact.pk, limit=RECENT_ENTRIES)
            ],
        }
