"""The changelog: what has changed in everything that its reader sees, from the ledger's entries of all kinds."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from accounts.actor import Actor
from audit.models import Entry, EntryQuerySet
from changerequests.kinds import RequestKind, SubjectView, all_kinds, request_kind
from changerequests.presentation import ShownChange
from changerequests.queries.subjects import Presenters, found_subjects
from core.places import Place, latest

PAGE_SIZE = 20


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """An entry with its kind, the subject as lists call it, and its changes as the kind shows them."""

    entry: Entry
    kind: RequestKind
    subject: SubjectView | None
    address: str | None
    changes: Sequence[ShownChange]


@dataclass(frozen=True, slots=True)
class ChangelogPage:
    """A page of the changelog, where the next one begins, if there is one, and which contacts it shows."""

    lines: Sequence[LoggedChange]
    following: Place | None
    contact_ids: Collection[int]


def seen_entries(actor: Actor, kinds: Collection[RequestKind] | None = None) -> EntryQuerySet:
    """Return the entries about subjects that the actor sees: of all kinds, or only of these."""
    condition = Q(pk__in=[])
    sights: dict[object, list[RequestKind]] = defaultdict(list)
    for kind in all_kinds() if kinds is None else kinds:
        sights[kind.sight or kind.seen_with or kind.key].append(kind)
    for alike in sights.values():
        of_kinds = Q(kind__in=[kind.key for kind in alike])
        seen = alike[0].visible(actor)
        condition |= of_kinds if seen is None else of_kinds & seen
    return Entry.objects.filter(condition)


def changelog_page(entries: EntryQuerySet, *, actor: Actor, user: object, after: Place | None) -> ChangelogPage:
    """Return a page of the entries, latest first."""
    rows = entries.with_people().select_related("initiator_application", "change_request__review_member__user")
    rows = rows.defer("change_request__paths")
    shown, following = latest(rows, column="recorded_at", after=after, size=PAGE_SIZE)
    presenters = Presenters(actor)
    lines = _lines(shown, presenters, user)
    contacts = {line.entry.subject_id for line in lines if line.kind.is_about_contacts}
    contacts.update(*(presenters[key].named_contacts() for key in {entry.kind for entry in shown}))
    return ChangelogPage(lines, following, contacts)


def _lines(entries: Sequence[Entry], presenters: Presenters, user: object) -> list[LoggedChange]:
    ids: dict[str, set[int]] = defaultdict(set)
    changes: dict[str, list[Any]] = defaultdict(list)
    for entry in entries:
        ids[entry.kind].add(entry.subject_id)
        changes[entry.kind] += entry.changes
    subjects = found_subjects(ids, with_documents=False)
    for key, of_kind in changes.items():
        presenters[key].prepare(of_kind)
    lines = []
    for entry in entries:
        kind, presenter = request_kind(entry.kind), presenters[entry.kind]
        subject = subjects.get((entry.kind, entry.subject_id))
        has_page = kind.is_about_contacts and not kind.is_creation and subject is not None
        address = presenter.address(subject, user=user) if has_page and subject is not None else None
        lines.append(LoggedChange(entry, kind, subject, address, presenter.shown_changes(entry.changes)))
    return lines
