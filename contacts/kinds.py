"""The kind of change request for a contact's details."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.actor import Actor
from changerequests.kinds import ChoosableField, Presenter, RequestKind
from changerequests.models import ChangeRequest, ChangeRequestQuerySet
from changerequests.presentation import ReviewedChange
from contacts.display import compared, context_of, field_labels, in_form_order, shown, shown_changes
from contacts.models import CONTACT_DETAILS, CONTACT_SCHEMA, Contact, ContactParticipant
from contacts.plans import Origin, Snapshot, outdated_paths, plan, values_set
from contacts.queries.contacts import search_contacts
from contacts.queries.history import latest_history
from contacts.services.changes import commit
from contacts.snapshots import locked_contact_snapshot
from core.documents import Change, value_at
from core.errors import UnprocessableEntity
from schemas.compiled import CompiledSchema
from schemas.queries import current_schema

RECENT_ENTRIES = 5


class ContactDetailsKind(RequestKind):
    """A member's change to a contact's details, waiting because the schema requires approval of one of the fields."""

    key = CONTACT_DETAILS
    subject_template = "admin/contacts/includes/reviewed_contact.html"
    history_template = "admin/contacts/includes/reviewed_history.html"
    subject_relations = ("type",)

    def visible(
        self, requests: ChangeRequestQuerySet, actor: Actor, *, exclude_hierarchy: bool = False
    ) -> ChangeRequestQuerySet:
        return Contact.objects.narrowed_to_visible(
            requests, actor, column="subject_id", exclude_hierarchy=exclude_hierarchy
        )

    def search(self, requests: QuerySet[ChangeRequest], term: str) -> QuerySet[ChangeRequest]:
        return requests.filter(subject__in=search_contacts(Contact.objects.all(), term))

    def of_participant(self, requests: QuerySet[ChangeRequest], participant_id: int) -> QuerySet[ChangeRequest]:
        contacts = ContactParticipant.objects.filter(participant=participant_id).values("contact")
        return requests.filter(subject__in=contacts)

    def lock(self, *, actor: Actor, subject_id: int) -> Snapshot:
        return locked_contact_snapshot(actor=actor, subject_id=subject_id)

    def apply(self, *, actor: Actor, subject: Snapshot, request: ChangeRequest) -> None:
        outdated = outdated_paths(subject.document, request.proposed)
        if outdated:
            raise UnprocessableEntity(
                _("The contact has changed since this was asked for. Reject it and ask again."),
                sub_code="ChangeRequestOutdated",
                properties={path: [_("The value is no longer the original one.")] for path in outdated},
            )
        found = plan(subject, values_set(request.proposed), actor, Origin.APPROVAL)
        commit(
            found,
            comment=request.initiator_comment,
            initiator_member_id=request.initiator_member_id,
            change_request_id=request.pk,
        )

    def outdated(self, ids: Collection[int]) -> set[int]:
        if not ids:
            return set()
        requests = ChangeRequest.objects.filter(pk__in=ids).select_related("subject")
        read = requests.only("changes", "subject__details")
        return {row.pk for row in read if outdated_paths(row.subject.details, row.proposed)}

    def presenter(self) -> "DetailsPresenter":
        return DetailsPresenter(current_schema(CONTACT_SCHEMA))


class DetailsPresenter(Presenter):
    """Presents changes to details according to one version of the schema."""

    def __init__(self, schema: CompiledSchema) -> None:
        self._schema = schema

    def field_labels(self, paths: Iterable[str]) -> list[str]:
        return field_labels(self._schema, paths)

    def fields(self) -> list[ChoosableField]:
        schema = self._schema
        return [
            ChoosableField(field.path, " › ".join(filter(None, (context_of(schema, field.path), field.label()))))
            for field in schema.fields.values()
            if not field.is_in_array
        ]

    def reviewed_changes(self, request: ChangeRequest) -> list[ReviewedChange]:
        changes = {change.path: change for change in request.proposed}
        details = request.subject.details
        outdated = outdated_paths(details, request.proposed) if request.is_pending else []
        required = {change["path"] for change in request.changes if change["isApprovalRequired"]}
        return [
            self._reviewed(
                changes[path],
                before=value_at(details, path) if path in outdated else changes[path].original,
                is_outdated=path in outdated,
                is_approval_required=path in required,
                is_pending=request.is_pending,
            )
            for path in in_form_order(self._schema, changes)
        ]

    def _reviewed(
        self, change: Change, *, before: Any, is_outdated: bool, is_approval_required: bool, is_pending: bool
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
            is_verified_after=is_pending and change.path in schema.verified_paths and change.target is not None,
        )

    def labelled_faults(self, properties: Mapping[str, Any] | None) -> list[str]:
        return [
            f"{self._schema.label_at(path)}: {message}" if path else str(message)
            for path, messages in (properties or {}).items()
            for message in messages
        ]

    def review_context(self, request: ChangeRequest, *, user: Any) -> dict[str, Any]:
        contact = request.subject
        return {
            "contact": contact,
            "may_open_contact": user.has_perm("contacts.view_contact") or user.has_perm("contacts.change_contact"),
            "participants": contact.participants.all(),
            "members": contact.members.select_related("user").order_by("pk"),
            "connections": contact.external_connections.all(),
            "history": [
                (entry, shown_changes(self._schema, entry.changes))
                for entry in latest_history(contact_id=contact.pk, limit=RECENT_ENTRIES)
            ],
        }
