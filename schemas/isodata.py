"""ISO lists of countries, states, languages and currencies, from pycountry and Babel."""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from dataclasses import dataclass

import pycountry
from babel import Locale
from django.conf import settings

# ISO 4217 codes that are not currencies: for testing, and for "no currency".
NO_CURRENCIES = frozenset({"XTS", "XXX"})

Names = dict[str, str]


@dataclass(frozen=True, slots=True)
class ItemContent:
    key: str
    names: Names
    parent_key: str | None = None
    order: int = 0


@dataclass(frozen=True, slots=True)
class ListContent:
    """A shipped list. `parent_key` is the key of its parent list."""

    key: str
    names: Names
    items: tuple[ItemContent, ...]
    parent_key: str | None = None


def iso_lists() -> list[ListContent]:
    """Return countries (ISO 3166-1), states (3166-2), languages (639-1) and currencies (4217), parents first."""
    locales = {code: Locale(code) for code, _name in settings.LANGUAGES}
    territories = {code: locale.territories for code, locale in locales.items()}
    languages = {code: locale.languages for code, locale in locales.items()}
    currencies = {code: locale.currencies for code, locale in locales.items()}
    return [
        ListContent(
            key="country",
            names={"en": "Country", "de": "Land", "fr": "Pays", "it": "Paese"},
            items=tuple(
                ItemContent(country.alpha_2, _names(territories, country.alpha_2, country.name))
                for country in pycountry.countries
            ),
        ),
        ListContent(
            key="state",
            names={"en": "State", "de": "Bundesland oder Kanton", "fr": "État ou canton", "it": "Stato o cantone"},
            items=_states(),
            parent_key="country",
        ),
        ListContent(
            key="language",
            names={"en": "Language", "de": "Sprache", "fr": "Langue", "it": "Lingua"},
            items=tuple(
                ItemContent(language.alpha_2, _names(languages, language.alpha_2, language.name))
                for language in pycountry.languages
                if hasattr(language, "alpha_2")
            ),
        ),
        ListContent(
            key="currency",
            names={"en": "Currency", "de": "Währung", "fr": "Monnaie", "it": "Valuta"},
            items=tuple(
                ItemContent(currency.alpha_3, _names(currencies, currency.alpha_3, currency.name))
                for currency in pycountry.currencies
                if currency.alpha_3 not in NO_CURRENCIES
            ),
        ),
    ]


def _states() -> tuple[ItemContent, ...]:
    """Return subdivisions of all levels, each with its country as parent. Untranslated ones have their local name."""
    catalogs = {
        code: gettext.translation("iso3166-2", pycountry.LOCALES_DIR, languages=[code], fallback=True)
        for code, _name in settings.LANGUAGES
    }
    return tuple(
        ItemContent(
            state.code,
            {code: catalog.gettext(state.name) for code, catalog in catalogs.items()},
            parent_key=state.country_code,
        )
        for state in pycountry.subdivisions
    )


def _names(sources: Mapping[str, Mapping[str, str]], key: str, fallback: str) -> Names:
    """Return the localized names, capitalized: in French and Italian, CLDR has some of them in lower case."""
    found = {code: source.get(key) for code, source in sources.items()}
    return {"en": fallback} | {code: name[:1].upper() + name[1:] for code, name in found.items() if name}
