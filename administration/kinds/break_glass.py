"""The kind of the reviews of what commands did with --break-glass."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from administration.break_glass import REVIEWED
from administration.models import BREAK_GLASS, BreakGlass
from changerequests.document_kinds import DocumentPresenter, PermittedKind
from changerequests.kinds import SubjectView
from changerequests.models import ChangeRequest
from changerequests.permissions import REVIEW_PERMISSION
from changerequests.policies import profiles
from core.documents import Change
from core.errors import Forbidden, NotFound

# Five days.
HOURS_TO_REVIEW = 120


class BreakGlassKind(PermittedKind):
    """The review of what a command did at once. It always waits, and nobody can amend it."""

    key = BREAK_GLASS
    label = _("Break glass")
    subject_label = _("use of break glass")
    subject_template = "admin/administration/includes/reviewed_break_glass.html"
    profiles = profiles(waits=True, hours=HOURS_TO_REVIEW)
    always_waits = True
    is_due_on_any_day = True
    seen_with = (REVIEW_PERMISSION,)

    def search(self, term: str) -> QuerySet[Any, Any]:
        return BreakGlass.objects.filter(command__icontains=term).order_by().values("pk")

    def subjects(self, ids: Collection[int], *, with_documents: bool = True) -> Mapping[int, SubjectView]:
        rows = BreakGlass.objects.filter(pk__in=ids)
        return {row.pk: SubjectView(row.pk, None, str(row), _document(row), row) for row in rows}

    def lock(self, *, actor: Actor, subject_id: int) -> BreakGlass:
        used = BreakGlass.objects.select_for_update().filter(pk=subject_id).first()
        if used is None:
            raise NotFound(gettext("There is no such use of break glass."))
        return used

    def apply(self, *, actor: Actor, subject: BreakGlass, changes: Sequence[Change], request: ChangeRequest) -> None:
        subject.is_reviewed = True
        subject.save(update_fields=["is_reviewed"])

    def document_of(self, subject: BreakGlass) -> Mapping[str, Any]:
        return _document(subject)

    def amended(self, *, actor: Actor, subject: BreakGlass, document: Mapping[str, Any]) -> Sequence[Change]:
        raise Forbidden(gettext("A review cannot be amended."))

    def presenter(self) -> DocumentPresenter:
        return DocumentPresenter(BREAK_GLASS, {REVIEWED: _("Reviewed")})


def _document(used: BreakGlass) -> dict[str, Any]:
    return {REVIEWED: True} if used.is_reviewed else {}
