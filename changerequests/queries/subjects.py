"""Loading what requests are about, for pages and lists: the engine asks each kind once."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import Count, F
from django.utils.translation import ngettext

from changerequests.kinds import Presenter, SubjectView, request_kind
from changerequests.models import ChangeRequest, Proposal, RequestSubject
from changerequests.models.revisions import proposed_changes


def attach_subjects(requests: Collection[ChangeRequest], *, with_documents: bool = False) -> None:
    """Set `subject` of each request: its SubjectView or, if it has several, a view with their number as its name.

    Runs one query per kind, and one more if there are requests about several subjects without `subject_count`.
    """
    ids: dict[str, set[int]] = defaultdict(set)
    for request in requests:
        if request.subject_id is not None:
            ids[request.kind].add(request.subject_id)
    found = {key: request_kind(key).subjects(own, with_documents=with_documents) for key, own in ids.items()}
    several = [request.pk for request in requests if request.subject_id is None and request.subject_count is None]
    numbers = _numbers_of_subjects(several) if several else {}
    for request in requests:
        if request.subject_id is not None:
            request.subject_count = 1
            request.subject = found[request.kind][request.subject_id]
        else:
            if request.subject_count is None:
                request.subject_count = numbers.get(request.pk, 0)
            number = request.subject_count
            name = ngettext("%(number)s entry", "%(number)s entries", number) % {"number": number}
            request.subject = SubjectView(0, None, name, {})


def _numbers_of_subjects(request_ids: Sequence[int]) -> Mapping[int, int]:
    subjects = RequestSubject.objects.filter(request__in=request_ids).order_by()
    return dict(subjects.values_list("request").annotate(number=Count("pk")))


def attach_changes(requests: Collection[ChangeRequest]) -> None:
    """Set `changes` of each request about one subject: those of its current revision. Runs one query."""
    current = Proposal.objects.filter(
        revision__request__in=[request.pk for request in requests if request.subject_id is not None],
        revision__number=F("revision__request__revision_number"),
    )
    changes = dict(current.values_list("revision__request", "changes"))
    for request in requests:
        request.changes = changes.get(request.pk, [])


def is_outdated(request: Any) -> bool:
    """Return whether the subject of an open request no longer has the original values.

    `subject`, with its document, and `changes` must be attached. A request about several subjects never is as a whole.
    """
    if not request.is_open or request.subject_id is None:
        return False
    kind = request_kind(request.kind)
    return bool(kind.outdated_paths(request.subject.document, proposed_changes(request.changes)))


class Presenters:
    """The presenters of one page, one for each kind that turns up."""

    def __init__(self) -> None:
        self._by_kind: dict[str, Presenter] = {}

    def __getitem__(self, key: str) -> Presenter:
        if key not in self._by_kind:
            self._by_kind[key] = request_kind(key).presenter()
        return self._by_kind[key]
