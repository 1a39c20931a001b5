"""What a request asks for, subject by subject, beside what each has now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from changerequests.kinds import Presenter, SubjectView, request_kind
from changerequests.models import ChangeRequest, Proposal
from core.documents import value_at


@dataclass(frozen=True, slots=True)
class RequestedChange:
    """A requested change with its label and the value that the subject has now."""

    path: str
    label: str
    original: Any
    current: Any
    target: Any
    is_approval_required: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One subject of a request with its changes. `id` is that of the RequestSubject."""

    id: int
    kind: str
    subject: SubjectView
    is_outdated: bool
    changes: Sequence[RequestedChange]


def requested_changes(
    changes: Iterable[Mapping[str, Any]], *, document: Mapping[str, Any], presenter: Presenter
) -> list[RequestedChange]:
    """Return the changes of a proposal to a subject with this document."""
    return [
        RequestedChange(
            path=change["path"],
            label=presenter.label_at(change["path"]),
            original=change["original"],
            current=value_at(document, change["path"]),
            target=change["target"],
            is_approval_required=change["isApprovalRequired"],
        )
        for change in changes
    ]


def entries(proposals: Iterable[Proposal], *, request: ChangeRequest) -> list[Entry]:
    """Return the entries of these proposals of a request. Loads their subjects by one query."""
    proposals = list(proposals)
    kind, presenter = request_kind(request.kind), request_kind(request.kind).presenter()
    subjects = kind.subjects([proposal.subject.subject_id for proposal in proposals])
    found = []
    for proposal in proposals:
        subject = subjects[proposal.subject.subject_id]
        is_outdated = request.is_open and bool(kind.outdated_paths(subject.document, proposal.proposed))
        changes = requested_changes(proposal.changes, document=subject.document, presenter=presenter)
        found.append(Entry(proposal.subject_id, kind.key, subject, is_outdated, changes))
    return found
