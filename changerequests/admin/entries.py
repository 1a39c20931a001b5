"""The entries of a request about many subjects on its review page: a page of them, found by name or id."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext

from accounts.actor import Actor
from changerequests.kinds import Presenter, SubjectView, request_kind
from changerequests.models import ChangeRequest, Proposal, RequestSubject, Status
from changerequests.presentation import ReviewedChange
from core.serializers import INT32_MAX
from core.text import normalized

PAGE_SIZE = 25
Outcome = RequestSubject.Outcome
WAITS = "waits"
COLOURS = {
    Outcome.APPLIED: "success",
    Outcome.OUTDATED: "warning",
    Outcome.REFUSED: "danger",
    Outcome.EXCLUDED: "info",
}


@dataclass(frozen=True, slots=True)
class ReviewedEntry:
    """One subject with its changes. `outcome` is empty while nobody has left it out and it is not applied."""

    id: int
    subject: SubjectView
    address: str | None
    changes: Sequence[ReviewedChange]
    outcome: str
    colour: str
    message: str
    is_left_out: bool

    @property
    def is_outdated(self) -> bool:
        return any(change.is_outdated for change in self.changes)


def left_out_in(sent: QueryDict) -> set[int]:
    """Return the ids of the entries that a form leaves out."""
    ids = {int(text) for text in sent.getlist("left_out") if text.isascii() and text.isdecimal()}
    return {number for number in ids if number <= INT32_MAX}


class EntryList:
    """What the page shows of a request's entries. The fields of its form say what to find, and what is left out."""

    def __init__(self, change_request: ChangeRequest, sent: QueryDict, *, actor: Actor, user: Any) -> None:
        self._request = change_request
        self._actor = actor
        self._user = user
        self.term = normalized(sent.get("term", ""))
        self.outcome = sent.get("outcome", "")
        self._page = sent.get("page", "1")
        self.left_out = left_out_in(sent)

    @cached_property
    def page(self) -> Page[RequestSubject]:
        return Paginator(self._found(), PAGE_SIZE).get_page(self._page)

    def _found(self) -> QuerySet[RequestSubject]:
        rows = self._request.subjects.order_by("pk")
        if self.term:
            rows = rows.filter(subject_id__in=request_kind(self._request.kind).search(self.term))
        if self.outcome == WAITS:
            return rows.filter(outcome="")
        return rows.filter(outcome=self.outcome) if self.outcome in Outcome.values else rows

    @cached_property
    def rows(self) -> list[ReviewedEntry]:
        """The entries of the page, with the changes of the latest revision that has them. Runs three queries."""
        rows = list(self.page.object_list)
        kind, presenter = request_kind(self._request.kind), self._presenter
        subjects = kind.subjects([row.subject_id for row in rows])
        latest = Proposal.objects.filter(subject__in=rows).order_by("subject", "-revision__number").distinct("subject")
        changes = dict(latest.values_list("subject", "changes"))
        presenter.prepare(chain.from_iterable(changes.values()))
        return [self._entry(row, subjects[row.subject_id], changes.get(row.pk, []), presenter) for row in rows]

    @cached_property
    def _presenter(self) -> Presenter:
        return request_kind(self._request.kind).presenter_for(self._actor)

    @property
    def named_contacts(self) -> Collection[int]:
        """The contacts that the rows name besides their subjects."""
        return self._presenter.named_contacts() if self.rows else ()

    def _entry(
        self, row: RequestSubject, subject: SubjectView, changes: list[dict[str, Any]], presenter: Presenter
    ) -> ReviewedEntry:
        is_open = self._request.is_open and not row.outcome
        reviewed = presenter.reviewed_changes(changes, document=subject.document, is_open=is_open)
        return ReviewedEntry(
            id=row.pk,
            subject=subject,
            address=presenter.address(subject, user=self._user),
            # An import needs no verification, and neither does it once it is approved.
            changes=[replace(change, is_verified_after=False) for change in reviewed]
            if self._request.source
            else reviewed,
            outcome=self._outcome(row),
            colour=COLOURS.get(Outcome(row.outcome), "info") if row.outcome else "info",
            message=row.message,
            is_left_out=row.pk in self.left_out,
        )

    def _outcome(self, row: RequestSubject) -> str:
        if row.outcome:
            return row.get_outcome_display()
        return gettext("Not applied yet") if self._request.status == Status.APPROVED else ""

    @cached_property
    def left_out_elsewhere(self) -> list[int]:
        """The entries that are left out and not on this page."""
        return sorted(self.left_out - {row.id for row in self.rows})

    @cached_property
    def counts(self) -> Sequence[tuple[str, str, int]]:
        """Value, label and number of each outcome that there is; none as long as all entries wait."""
        counted: Mapping[str, int] = dict(
            self._request.subjects.order_by().values_list("outcome").annotate(number=Count("pk"))
        )
        if set(counted) <= {""}:
            return []
        labels = {"": gettext("Not applied yet"), **{outcome.value: str(outcome.label) for outcome in Outcome}}
        if self._request.is_open:
            labels[""] = gettext("Requested")
        return [(value or WAITS, label, counted[value]) for value, label in labels.items() if value in counted]
