"""The kind of change request for exports."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from django.db.models import Case, Q, QuerySet, TextField, Value, When
from django.http import QueryDict
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from accounts.models import Participant
from changerequests.document_kinds import DocumentKind, DocumentPresenter, seen_by_members_with
from changerequests.kinds import NO_UID, ChoosableField, SubjectView, listed_columns
from changerequests.models import ChangeRequest, Status
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.policies import profiles
from changerequests.presentation import Mark, Row, Shown
from contacts.display import context_of
from contacts.models import CONTACT_SCHEMA, CONTACT_TYPES
from core.documents import Change
from core.errors import NotFound, UnprocessableEntity
from core.jobs import send_on_commit
from importexport.exports.approvals import COLUMNS, FILTER, LIST, QUERY, ROWS, approved_selection
from importexport.exports.selection import FILTER_SETS, NO_FILTERS
from importexport.exports.tasks import run_export
from importexport.job_ownership import requested_by, requester_of
from importexport.models import EXPORT, ExportApproval, ExportJob, ExportKind, ExportStatus
from legalentities.models import LEGAL_ENTITY_SCHEMA
from schemas.queries import current_schema, list_data

# Under the profile `standard`, exports of so many rows wait.
ROWS_THAT_WAIT = 10_000
RECENT_EXPORTS = 5
# In the order in which they are shown.
PARTS = (FILTER, ROWS, COLUMNS)
SCHEMAS: Mapping[str, str] = {ExportKind.CONTACTS: CONTACT_SCHEMA, ExportKind.LEGAL_ENTITIES: LEGAL_ENTITY_SCHEMA}
LABELS = {**dict(ExportKind.choices), FILTER: _("Filter"), COLUMNS: _("Columns"), ROWS: _("Rows")}
FILTER_LABELS = {
    "q": _("Search"),
    "type": _("Type"),
    "participants__id__exact": _("Participant"),
    "participants__isnull": _("Without participants"),
    "pending": _("Change request"),
}
CLOSED = {Status.REJECTED: ExportStatus.REJECTED, Status.CANCELLED: ExportStatus.CANCELLED}


class ExportRequestKind(DocumentKind):
    """An export: its filter, its columns and the number of rows when it was asked for.

    Who may review sees all of them, because a request shows no row of the file.
    """

    key = EXPORT
    label = _("Export")
    subject_label = _("export")
    history_template = "admin/importexport/includes/recent_exports.html"
    profiles = profiles(waits=True, min_rows=ROWS_THAT_WAIT)
    counts_rows = True

    def visible(self, actor: Actor) -> Q | None:
        reviewed = seen_by_members_with(actor, REVIEW_PERMISSION)
        if reviewed is None:
            return None
        own = requested_by(ExportJob.objects.all(), actor).order_by().values("approval")
        return reviewed | Q(subject_id__in=own)

    def search(self, term: str) -> QuerySet[Any, Any]:
        return ExportApproval.objects.none().values("pk")

    def subjects(self, ids: Collection[int], *, with_documents: bool = True) -> Mapping[int, SubjectView]:
        rows = ExportApproval.objects.filter(pk__in=ids).select_related(
            "job__requested_by_member__user", "job__requested_by_application"
        )
        return {row.pk: SubjectView(row.pk, None, row.job.get_kind_display(), {}, row) for row in rows}

    def listed(self, ids: Collection[int], *, with_documents: bool) -> QuerySet[Any, Any]:
        names = [When(job__kind=kind, then=Value(str(label), TextField())) for kind, label in ExportKind.choices]
        rows = ExportApproval.objects.filter(pk__in=ids).annotate(name=Case(*names, output_field=TextField()))
        return listed_columns(rows, kind=self.key, name="name", uid=NO_UID, document=None)

    def lock(self, *, actor: Actor, subject_id: int) -> ExportApproval:
        locked = ExportApproval.objects.select_for_update(of=("self",)).select_related("job").filter(pk=subject_id)
        found = locked.first()
        if found is None:
            raise NotFound(gettext("There is no such export."))
        return found

    def apply(
        self, *, actor: Actor, subject: ExportApproval, changes: Sequence[Change], request: ChangeRequest
    ) -> None:
        """Start the export: it runs as its initiator, with what the initiator sees by then."""
        selection = approved_selection(subject.job.kind, changes)
        ExportJob.objects.filter(pk=subject.job_id, status=ExportStatus.AWAITING_APPROVAL).update(
            status=ExportStatus.PENDING,
            query=selection.query,
            list_filter=selection.list_filter,
            columns=selection.columns,
        )
        send_on_commit(run_export, str(subject.job_id))

    def abandoned(self, request: ChangeRequest) -> None:
        waiting = ExportJob.objects.filter(approval=request.subject_id, status=ExportStatus.AWAITING_APPROVAL)
        waiting.update(status=CLOSED[Status(request.status)], finished_at=timezone.now())

    def document_of(self, subject: ExportApproval) -> Mapping[str, Any]:
        """Return the document of an export that is not made yet."""
        return {}

    def amended(self, *, actor: Actor, subject: ExportApproval, document: Mapping[str, Any]) -> Sequence[Change]:
        raise UnprocessableEntity(gettext("An export cannot be amended. Cancel it and request another one."))

    def check_kept(self, paths: Collection[str], kept: Collection[str]) -> None:
        """Refuse to approve an export without its filter, its columns or its number of rows."""
        raise UnprocessableEntity(
            gettext("An export is approved as a whole: filter, columns and rows."), sub_code="ValidationFailed"
        )

    def presenter(self) -> "ExportPresenter":
        return ExportPresenter()


class ExportPresenter(DocumentPresenter):
    """Presents what an export would hold, with the filter of a list in words."""

    def __init__(self) -> None:
        super().__init__(EXPORT, LABELS)

    def choosable_fields(self) -> list[ChoosableField]:
        return [ChoosableField(key, str(label)) for key, label in ExportKind.choices]

    def context(self, path: str) -> str:
        """Return nothing: the sort of export is the subject's name."""
        return ""

    def place(self, path: str) -> tuple[int, str]:
        part = path.rpartition(".")[2]
        return (PARTS.index(part) if part in PARTS else len(PARTS), path)

    def shown_at(self, path: str, value: Any, mark: Mark = Mark.SAME, *, beside: Any = None) -> Shown:
        kind, _dot, part = path.partition(".")
        if value is None:
            return Shown()
        if part == FILTER:
            return self._shown_filter(kind, value, mark)
        if part == COLUMNS:
            return self._shown_columns(kind, value, mark)
        return Shown(text=_number(value), mark=mark)

    def _shown_filter(self, kind: str, chosen: Mapping[str, Any], mark: Mark) -> Shown:
        rows = []
        if QUERY in chosen:
            rows.append(Row(gettext("GraphQL query"), Shown(text=chosen[QUERY])))
        if LIST in chosen:
            rows += [Row(label, Shown(text=text)) for label, text in self._conditions(kind, chosen[LIST])]
        if not rows:
            return Shown(text=gettext("None: everything that the initiator sees when it runs"), mark=mark)
        return Shown(rows=tuple(rows), mark=mark)

    def _shown_columns(self, kind: str, headers: Sequence[str], mark: Mark) -> Shown:
        """Return the labels of the columns, section by section; what is in no section has its header."""
        schema = current_schema(SCHEMAS[kind])
        sections: dict[str, list[str]] = {}
        for header in headers:
            sections.setdefault(context_of(schema, header), []).append(schema.label_at(header))
        rows = [
            Row(section or gettext("Identity"), Shown(text=", ".join(names))) for section, names in sections.items()
        ]
        return Shown(rows=tuple(rows), mark=mark)

    def _conditions(self, kind: str, list_filter: str) -> Iterable[tuple[str, str]]:
        """Yield label and value of what narrows a list."""
        filters = FILTER_SETS[kind].base_filters
        for name, values in QueryDict(list_filter).lists():
            if name in NO_FILTERS:
                continue
            choices = filters[name].extra.get("choices", ()) if name in filters else ()
            names = self._names.get(name) or dict(choices)
            for value in values:
                yield str(FILTER_LABELS.get(name, name)), str(names.get(value, value))

    @cached_property
    def _names(self) -> Mapping[str, Mapping[str, Any]]:
        """What values of a list's filter mean."""
        return {
            "type": {str(item.id): item.name() for item in list_data(CONTACT_TYPES).sorted_items("")},
            "participants__id__exact": {str(pk): name for pk, name in Participant.objects.values_list("pk", "name")},
            "participants__isnull": {"True": gettext("Yes"), "False": gettext("No")},
        }

    def subject_context(self, subject: SubjectView, *, user: Any) -> dict[str, Any]:
        jobs = requested_by(ExportJob.objects.all(), requester_of(subject.row.job)).exclude(pk=subject.row.job_id)
        return {
            "subject": subject,
            "exports": jobs.order_by("-created_at")[:RECENT_EXPORTS],
        }


def _number(value: Any) -> str:
    if isinstance(value, Mapping):
        return gettext("%(number)s or more") % {
            "number": number_format(value["atLeast"], use_l10n=True, force_grouping=True)
        }
    return number_format(value, use_l10n=True, force_grouping=True)
