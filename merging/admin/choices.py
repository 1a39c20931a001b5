"""The choice of a value for each field of which two contacts have different ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from changerequests.presentation import Shown
from contacts.display import context_of, in_form_order, shown
from core.documents import Document, changes_between, is_same, value_at, with_values
from schemas.compiled import CompiledSchema


class Side(StrEnum):
    """Whose value the survivor gets; of arrays also the items of both."""

    SURVIVOR = "survivor"
    LOSER = "loser"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Choice:
    """A field of which two contacts have different values, and which of them is chosen."""

    path: str
    label: str
    context: str
    survivor: Any
    loser: Any
    chosen: Side
    schema: CompiledSchema

    @property
    def name(self) -> str:
        """The name of its controls in the form."""
        return f"choice:{self.path}"

    @property
    def sides(self) -> list[tuple[Side, Shown, bool]]:
        """What can be chosen: each side, its value and whether it is chosen."""
        values = [(Side.SURVIVOR, self.survivor), (Side.LOSER, self.loser)]
        return [(side, shown(self.schema, self.path, value), side is self.chosen) for side, value in values]

    @property
    def is_united(self) -> bool:
        return self.chosen is Side.BOTH

    @property
    def can_be_united(self) -> bool:
        return isinstance(self.survivor, list) and isinstance(self.loser, list)

    @property
    def value(self) -> Any:
        if self.chosen is not Side.BOTH:
            return self.survivor if self.chosen is Side.SURVIVOR else self.loser
        return [*self.survivor, *(item for item in self.loser if not any(is_same(item, one) for one in self.survivor))]


def choices_between(
    schema: CompiledSchema, survivor: Document, loser: Document, sent: Mapping[str, str]
) -> list[Choice]:
    """Return the choices in form order, as they were `sent`; else the survivor's value, or the only one there is."""
    different = {change.path for change in changes_between(survivor, loser)}
    choices = []
    for path in in_form_order(schema, different):
        own, other = value_at(survivor, path), value_at(loser, path)
        chosen = Side.LOSER if own is None else Side.SURVIVOR
        asked = sent.get(f"choice:{path}")
        both = isinstance(own, list) and isinstance(other, list)
        if asked in (Side.SURVIVOR, Side.LOSER) or (asked == Side.BOTH and both):
            chosen = Side(asked)
        choices.append(Choice(path, schema.label_at(path), context_of(schema, path), own, other, chosen, schema))
    return choices


def chosen_details(survivor: Document, choices: list[Choice]) -> Document:
    """Return the survivor's details with what is chosen."""
    return with_values(survivor, {choice.path: choice.value for choice in choices})
