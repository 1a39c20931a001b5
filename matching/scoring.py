"""How likely it is that two contacts are one person, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from django.utils.translation import gettext_lazy as _

from matching import comparing
from matching.people import Person
from matching.weights import DECISIVE, HOUSEHOLD, HOUSEHOLD_AT_MOST, PRIOR, Attribute, Level, Table, configured

# What keeps a contradicted pair below the threshold.
_BELOW: Final = 0.01

_SAME: Final = {
    Attribute.GIVEN: _("First name"),
    Attribute.FAMILY: _("Last name"),
    Attribute.BIRTH_DATE: _("Date of birth"),
    Attribute.EMAIL: _("Email"),
    Attribute.PHONE: _("Phone"),
    Attribute.TAX_NUMBER: _("Tax number"),
    Attribute.ADDRESS: _("Address"),
}
_SIMILAR: Final = {
    Attribute.GIVEN: _("Similar first name"),
    Attribute.FAMILY: _("Similar last name"),
    Attribute.BIRTH_DATE: _("Similar date of birth"),
    Attribute.EMAIL: _("Similar email"),
    Attribute.PHONE: _("Similar phone"),
    Attribute.TAX_NUMBER: _("Similar tax number"),
    Attribute.ADDRESS: _("Similar address"),
}
# In the order in which a person would name them.
_ORDER: Final = (
    Attribute.TAX_NUMBER,
    Attribute.BIRTH_DATE,
    Attribute.EMAIL,
    Attribute.PHONE,
    Attribute.FAMILY,
    Attribute.GIVEN,
    Attribute.ADDRESS,
)


class Verdict(Enum):
    PROBABLE = "probable"
    POSSIBLE = "possible"
    UNLIKELY = "unlikely"


@dataclass(frozen=True, slots=True)
class Match:
    """`score` is between 0 and 1: how likely it is that two are one person, by the weights."""

    score: float
    verdict: Verdict
    levels: Mapping[Attribute, Level]

    @property
    def shown_score(self) -> float:
        """The score to four digits. Two contacts that agree in everything differ from better ones in later digits."""
        return round(self.score, 4)

    @property
    def reasons(self) -> list[str]:
        """What agrees, in the active language."""
        found = []
        for attribute in _ORDER:
            level = self.levels.get(attribute)
            if level is Level.SAME:
                found.append(str(_SAME[attribute]))
            elif level in (Level.PART, Level.SIMILAR, Level.SOUND):
                found.append(str(_SIMILAR[attribute]))
        return found


def compared(one: Person, other: Person, table: Table | None = None) -> Match:
    """Compare two people by a table of weights, that of the settings unless given. The order makes no difference."""
    table = table or configured()
    levels, total = comparing.names(one, other, table)
    others = {
        Attribute.BIRTH_DATE: comparing.birth_date(one.birth_date, other.birth_date),
        Attribute.EMAIL: comparing.emails(one.emails, other.emails),
        Attribute.PHONE: comparing.phones(one.phones, other.phones),
        Attribute.TAX_NUMBER: comparing.tax_numbers(one.tax_numbers, other.tax_numbers),
        Attribute.ADDRESS: comparing.addresses(one.addresses, other.addresses),
        Attribute.NATIONALITY: comparing.nationalities(one.nationalities, other.nationalities),
    }
    levels |= {attribute: level for attribute, level in others.items() if level is not None}
    found = {attribute: table.of(attribute, level) for attribute, level in levels.items()}
    household = sum(found.pop(attribute, 0.0) for attribute in HOUSEHOLD)
    total += min(household, HOUSEHOLD_AT_MOST) + sum(found.values())
    score = 1 / (1 + 2 ** -(PRIOR + total))
    is_contradicted = any(levels.get(attribute) is Level.DIFFERENT for attribute in DECISIVE)
    if is_contradicted and levels.get(Attribute.TAX_NUMBER) is not Level.SAME:
        score = min(score, table.probable - _BELOW)
    return Match(score, _verdict(score, table), levels)


def _verdict(score: float, table: Table) -> Verdict:
    if score >= table.probable:
        return Verdict.PROBABLE
    return Verdict.POSSIBLE if score >= table.possible else Verdict.UNLIKELY
