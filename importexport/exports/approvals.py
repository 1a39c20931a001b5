"""Exports that may have to wait for somebody else: what a request says about one, and how one is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.views.main import SEARCH_VAR
from django.db.models import QuerySet
from django.http import QueryDict

from accounts.actor import Actor
from changerequests.models import ChangeRequest
from changerequests.policies import NOTHING_REQUIRED, Facts, Requirement
from changerequests.queries.policies import current_policy, initiator_of, may_wait
from changerequests.services.opening import open_request
from core.documents import Change
from importexport.exports.anonymization_lock import hold_anonymization_lock
from importexport.exports.selection import Selection, selected_columns
from importexport.models import EXPORT, ExportApproval, ExportJob, ExportKind

FILTER, COLUMNS, ROWS = "filter", "columns", "rows"
# The parts of a filter: all rows, a GraphQL query, or the query string of a list.
EVERYTHING, QUERY, LIST = "everything", "query", "list"
# Of an export with more rows, a request says that it has at least so many.
MOST_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an export would hold, as changes that a request can ask for, and what they have to wait for."""

    changes: Sequence[Change] = ()
    requirement: Requirement = NOTHING_REQUIRED


def wanted_export(*, actor: Actor, selection: Selection, rows: QuerySet[Any]) -> Wanted:
    """Return what the actor's export of these rows would hold and have to wait for; nothing, if it never has to wait.

    Counts no further than a rule or a reviewer needs.
    """
    policy = current_policy(EXPORT)
    if not policy.rules or not may_wait(actor, policy):
        return Wanted()
    most = max(MOST_COUNTED, policy.most_rows)
    number = rows.order_by()[:most].count()
    values = {
        FILTER: _filter_of(selection),
        COLUMNS: [column.header for column in selected_columns(selection)],
        ROWS: number if number < most else {"atLeast": number},
    }
    changes = [Change(f"{selection.kind}.{name}", None, value) for name, value in values.items()]
    facts = Facts(initiator=initiator_of(actor, policy), rows=number)
    return Wanted(changes, policy.requirement([change.path for change in changes], flagged=(), facts=facts))


def ask_for_export(*, actor: Actor, job: ExportJob, selection: Selection, wanted: Wanted) -> ChangeRequest:
    """Open the request for an export that awaits approval. Waits for an anonymization, which erases such requests."""
    hold_anonymization_lock()
    approval = ExportApproval.objects.create(job=job, may_name_people=_may_name_people(selection))
    request = open_request(
        kind=EXPORT, changes={approval.pk: wanted.changes}, actor=actor, requirement=wanted.requirement, comment=None
    )
    approval.change_request = request
    approval.save(update_fields=["change_request"])
    return request


def approved_selection(kind: str, changes: Sequence[Change]) -> Selection:
    """Return what was approved."""
    values = {change.path: change.target for change in changes}
    chosen: Mapping[str, Any] = values[f"{kind}.{FILTER}"]
    columns = values[f"{kind}.{COLUMNS}"]
    return Selection(kind, query=chosen.get(QUERY, ""), list_filter=chosen.get(LIST, ""), columns=columns)


def _filter_of(selection: Selection) -> dict[str, Any]:
    parts = {QUERY: selection.query, LIST: selection.list_filter}
    return {name: text for name, text in parts.items() if text} or {EVERYTHING: True}


def _may_name_people(selection: Selection) -> bool:
    """Return whether the filter can hold something about a person: a query, or the search of the list."""
    has_search = bool(QueryDict(selection.list_filter).get(SEARCH_VAR))
    return selection.kind == ExportKind.CONTACTS and (bool(selection.query) or has_search)
