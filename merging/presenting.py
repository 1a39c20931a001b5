"""How a merge and its end are shown to those who decide them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from changerequests.kinds import Presenter, SubjectView
from changerequests.presentation import Mark, ReviewedChange, Row, Shown
from changerequests.queries.revisions import open_proposals
from contactgroups.models import ACCESS_POLICIES, ContactGroup
from contacts.display import context_of, in_form_order, shown
from contacts.kinds.access import AccessPresenter
from contacts.kinds.contacts import contact_facts
from contacts.kinds.details import ContactDetailsPresenter
from contacts.models import CONTACT_SCHEMA, Contact
from contacts.services.access import MEMBERS, PARTICIPANTS
from contacts.services.identity import USERNAME
from core.documents import Document, changes_between, is_same, value_at, with_values
from merging.documents import CONFLICTS, DETAILS, GROUPS, LOSER, MERGED_INTO, details_changes, in_details
from merging.pairs import other_subjects
from schemas.compiled import CompiledSchema
from schemas.queries import current_schema, list_data

LABELS = {
    LOSER: _("Merged contact"),
    DETAILS: _("Details"),
    PARTICIPANTS: _("Participants"),
    MEMBERS: _("Relationship managers"),
    GROUPS: _("Contact groups"),
    CONFLICTS: _("Changed after the merge where the merge had changed something"),
    USERNAME: _("Username"),
    "version": _("Version of the details"),
    MERGED_INTO: _("Merged into"),
    "id": _("Contact"),
}


@dataclass(frozen=True, slots=True)
class ComparedField:
    """A field of two contacts side by side, and what it becomes."""

    path: str
    label: str
    context: str
    survivor: Shown
    loser: Shown
    result: Shown


class PairPresenter(Presenter):
    """Presents details by the schema, and all else by the names of what its ids refer to."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._others = _BelongingsPresenter(key, LABELS)
        self._named: set[int] = set()

    @cached_property
    def _schema(self) -> CompiledSchema:
        return current_schema(CONTACT_SCHEMA)

    @cached_property
    def _details(self) -> ContactDetailsPresenter:
        return ContactDetailsPresenter(self._schema)

    def field_labels(self, paths: Iterable[str]) -> list[str]:
        known = list(paths)
        inside = [path for place in known if (path := in_details(place)) is not None]
        outside = {path.partition(".")[0] for path in known} - {DETAILS}
        others = [str(label) for path, label in LABELS.items() if path in outside]
        return [*others, *self._details.field_labels(inside)]

    def label_at(self, path: str) -> str:
        inside = in_details(path)
        return self._others.label_at(path) if inside is None else self._details.label_at(inside)

    def reviewed_changes(
        self, changes: Sequence[Mapping[str, Any]], *, document: Mapping[str, Any], is_open: bool
    ) -> list[ReviewedChange]:
        """Like that of the base. A conflict is shown with what there was before, not as a change to what there is."""
        inside = [
            {**change, "path": path}
            for change in changes
            if (path := in_details(change["path"])) is not None and not is_same(change["original"], change["target"])
        ]
        of_details = self._details.reviewed_changes(inside, document=document.get(DETAILS, {}), is_open=is_open)
        outside = [change for change in changes if in_details(change["path"]) is None]
        others = self._others.reviewed_changes(outside, document=document, is_open=is_open)
        return [
            *(change for change in others if change.path == LOSER),
            *(replace(change, path=f"{DETAILS}.{change.path}") for change in of_details),
            *(
                replace(change, proposed=self._conflicts(outside)) if change.path == CONFLICTS else change
                for change in others
                if change.path != LOSER
            ),
        ]

    def _conflicts(self, changes: Sequence[Mapping[str, Any]]) -> Shown:
        found = next(change["target"] for change in changes if change["path"] == CONFLICTS) or ()
        return Shown(
            items=tuple(
                Shown(
                    rows=(
                        Row(gettext("Field"), Shown(text=self._details.label_at(one["path"]))),
                        Row(gettext("Before the merge"), shown(self._schema, one["path"], one["original"])),
                        Row(gettext("Stays"), shown(self._schema, one["path"], one["target"])),
                    )
                )
                for one in found
            )
        )

    def labelled_faults(self, properties: Mapping[str, Any] | None) -> list[str]:
        faults = {in_details(path) or path: messages for path, messages in (properties or {}).items()}
        return self._details.labelled_faults(faults)

    def address(self, subject: SubjectView, *, user: Any) -> str | None:
        return self._details.address(subject, user=user)

    def subject_context(self, subject: SubjectView, *, user: Any) -> dict[str, Any]:
        """Return both contacts of an open request, with their details and what they become; else the survivor alone."""
        other = other_subjects(self._key, [subject.id]).get(subject.id)
        loser = None if other is None else Contact.objects.select_related("type").get(pk=other)
        if other is not None:
            self._named.add(other)
        return {
            "pair": [
                (label, contact_facts(contact, user=user))
                for label, contact in ((gettext("Survivor"), subject.row), (gettext("Merged contact"), loser))
                if contact is not None
            ],
            "compared": [] if loser is None else self._compared(subject.row, loser),
        }

    def named_contacts(self) -> Collection[int]:
        return self._named

    def _compared(self, survivor: Contact, loser: Contact) -> list[ComparedField]:
        proposals = open_proposals(self._key).filter(subject__subject_id=survivor.pk)
        asked = [change for proposal in proposals for change in proposal.proposed]
        result = with_values(survivor.details, {change.path: change.target for change in details_changes(asked)})
        return compared_fields(self._schema, survivor.details, loser.details, result)


class _BelongingsPresenter(AccessPresenter):
    """Presents participants, members, contacts and groups by their names, the latter with their access policies."""

    @cached_property
    def _contacts(self) -> dict[int, str]:
        return {}

    @cached_property
    def _groups(self) -> dict[str, str]:
        return {}

    def reviewed_changes(
        self, changes: Sequence[Mapping[str, Any]], *, document: Mapping[str, Any], is_open: bool
    ) -> list[ReviewedChange]:
        self._load(changes)
        return super().reviewed_changes(changes, document=document, is_open=is_open)

    def _load(self, changes: Sequence[Mapping[str, Any]]) -> None:
        states = [change[side] for change in changes if change["path"] == LOSER for side in ("original", "target")]
        contacts = {state[key] for state in states if state for key in ("id", MERGED_INTO) if key in state}
        named = Contact.objects.filter(pk__in=contacts).order_by().only("uid", "name")
        self._contacts.update({contact.pk: f"{contact} (#{contact.pk})" for contact in named})
        groups = {pk for state in states if state for pk in state.get(GROUPS, ())}
        groups |= {change["path"].partition(".")[2] for change in changes if change["path"].startswith(f"{GROUPS}.")}
        found = ContactGroup.objects.filter(pk__in=list(map(int, groups)))
        self._groups.update({str(group.pk): str(group) for group in found})

    def shown_at(self, path: str, value: Any, mark: Mark = Mark.SAME, *, beside: Any = None) -> Shown:
        """Like that of the base. The state of the other contact is not compared: nothing of it is lost or new."""
        is_state = path == LOSER
        return super().shown_at(path, value, Mark.SAME if is_state else mark, beside=None if is_state else beside)

    def label(self, name: str) -> str:
        return self._groups.get(name, f"#{name}") if name.isdecimal() else super().label(name)

    def text(self, value: Any, *, name: str) -> str:
        if name in ("id", MERGED_INTO) and value is not None:
            return self._contacts.get(value, f"#{value}")
        if name.isdecimal() and value is not None:
            return self._policies.get(value, f"#{value}")
        return super().text(value, name=name)

    @cached_property
    def _policies(self) -> Mapping[int, str]:
        return {pk: item.name() for pk, item in list_data(ACCESS_POLICIES).by_id.items()}


def compared_fields(
    schema: CompiledSchema, survivor: Document, loser: Document, result: Document
) -> list[ComparedField]:
    """Return the fields that are not the same in two contacts and in what they become, in form order."""
    paths = {change.path for document in (loser, result) for change in changes_between(survivor, document)}
    return [
        ComparedField(
            path=path,
            label=schema.label_at(path),
            context=context_of(schema, path),
            survivor=shown(schema, path, value_at(survivor, path)),
            loser=shown(schema, path, value_at(loser, path)),
            result=shown(schema, path, value_at(result, path)),
        )
        for path in in_form_order(schema, paths)
    ]
