"""Loading what requests are about, for pages and lists: the engine asks each kind once."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import Count, F, JSONField, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import ngettext

from accounts.actor import Actor
from changerequests.kinds import Presenter, SubjectView, request_kind
from changerequests.models import OPEN, ChangeRequest, Proposal, RequestSubject
from changerequests.models.revisions import proposed_changes


def attach_subject(request: ChangeRequest) -> None:
    """Set `subject` of a request for its page, with row and document. Runs one query."""
    if request.subject_id is None:
        attach_subjects([request])
    else:
        request.subject_count = 1
        request.subject = request_kind(request.kind).subjects([request.subject_id])[request.subject_id]


def attach_subjects(requests: Collection[ChangeRequest], *, with_documents: bool = False) -> None:
    """Set `subject` of each request: its SubjectView or, if it has several, a view with their number as its name.

    The views have no `row`. Runs one query, one more for each kind that columns cannot describe, and one if there are
    requests about several subjects without `subject_count`.
    """
    ids: dict[str, set[int]] = defaultdict(set)
    for request in requests:
        if request.subject_id is not None:
            ids[request.kind].add(request.subject_id)
    found = found_subjects(ids, with_documents=with_documents)
    several = [request.pk for request in requests if request.subject_id is None and request.subject_count is None]
    numbers = _numbers_of_subjects(several) if several else {}
    for request in requests:
        if request.subject_id is not None:
            request.subject_count = 1
            request.subject = found[request.kind, request.subject_id]
        else:
            if request.subject_count is None:
                request.subject_count = numbers.get(request.pk, 0)
            number = request.subject_count
            name = ngettext("%(number)s entry", "%(number)s entries", number) % {"number": number}
            request.subject = SubjectView(0, None, name, {})


def found_subjects(
    ids: Mapping[str, Collection[int]], *, with_documents: bool
) -> Mapping[tuple[str, int], SubjectView]:
    """Return the subjects of several kinds by kind and id."""
    listed, found = [], {}
    for key, own in ids.items():
        kind = request_kind(key)
        rows = kind.listed(own, with_documents=with_documents)
        if rows is None:
            views = kind.subjects(own, with_documents=with_documents)
            found.update({(key, pk): view for pk, view in views.items()})
        else:
            listed.append(rows)
    if listed:
        for key, pk, uid, name, document in listed[0].union(*listed[1:], all=True):
            found[key, pk] = SubjectView(pk, uid, name, document)
    return found


def _numbers_of_subjects(request_ids: Sequence[int]) -> Mapping[int, int]:
    subjects = RequestSubject.objects.filter(request__in=request_ids).order_by()
    return dict(subjects.values_list("request").annotate(number=Count("pk")))


def with_subjects(requests: Any) -> Any:
    """Select the number of subjects, and of open requests about one subject the current changes."""
    subjects = RequestSubject.objects.filter(request=OuterRef("pk")).order_by().values("request")
    current = Proposal.objects.filter(
        revision__request=OuterRef("pk"),
        revision__number=OuterRef("revision_number"),
        revision__request__status__in=OPEN,
        revision__request__subject_id__isnull=False,
    )
    return requests.annotate(
        subject_count=Coalesce(Subquery(subjects.annotate(number=Count("pk")).values("number")), 0),
        changes=Subquery(current.order_by().values("changes")[:1], output_field=JSONField()),
    )


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


def subjects_beside(kind: str, subject_ids: Collection[int]) -> list[int]:
    """Return the ids of the other subjects of the requests of a kind about these subjects."""
    requests = RequestSubject.objects.filter(kind=kind, subject_id__in=subject_ids).order_by().values("request")
    others = RequestSubject.objects.filter(kind=kind, request__in=requests).exclude(subject_id__in=subject_ids)
    return list(others.order_by("subject_id").values_list("subject_id", flat=True).distinct())


class Presenters:
    """The presenters of one page, one for each kind that turns up; for an actor, they name what it sees."""

    def __init__(self, actor: Actor | None = None) -> None:
        self._actor = actor
        self._by_kind: dict[str, Presenter] = {}

    def __getitem__(self, key: str) -> Presenter:
        if key not in self._by_kind:
            kind = request_kind(key)
            self._by_kind[key] = kind.presenter() if self._actor is None else kind.presenter_for(self._actor)
        return self._by_kind[key]
