"""Generates fictional clients. A number always gives the same client, on every machine and for every demo size."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from core.documents import Document, merge_patch
from devstack.demo import vocabulary
from devstack.demo.vocabulary import DIALLING, MOBILE_AREAS, PLACES, TAX_NUMBERS, Place

# Generated dates lie before this fixed day, so that every run gives the same dates.
TODAY = date(2026, 1, 1)
_DAY = timedelta(days=1)
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_PLACES_OF = {
    office: tuple(place for place in PLACES if place.office == office) for office in {place.office for place in PLACES}
}
_REVIEW_YEARS = {"low": 3, "medium": 2, "increased": 1, "high": 1}
_RISKS = ("low", "medium", "increased", "high")


@dataclass(frozen=True, slots=True)
class Client:
    """The data of a fictional client."""

    number: int
    type: str
    username: str
    details: Document
    created_at: datetime
    connections: Mapping[str, str]


def made_up_client(number: int, *, office: str, known: Mapping[str, Any]) -> Client:
    """Return the client with this number at `office`; `known` is merged into the generated details."""
    draw = Random(f"kontor-demo-{number}")  # noqa: S311 - the same data each time, nothing secret
    is_client = bool(known) or draw.random() < 0.85
    details = merge_patch(_details(draw, draw.choice(_PLACES_OF[office]), is_client=is_client), known)
    username = _username(details["personalInformation"], number)
    details["contactInformation"]["email"] = f"{username}@{draw.choice(vocabulary.MAIL_HOSTS)}"
    registered = details["relationship"]["since"] if is_client else str(_day(draw, TODAY.year - 1, TODAY.year))
    return Client(
        number=number,
        type="client" if is_client else "prospect",
        username=username,
        details=details,
        created_at=_working_hour(draw, date.fromisoformat(registered)),
        connections=_connections(draw, number),
    )


def _connections(draw: Random, number: int) -> dict[str, str]:
    """Every client has an id in the core banking system; one in three has one in the CRM, too."""
    connections = {"Default": f"CBS-{100_000 + number}"}
    if draw.random() < 0.33:
        connections["CRM"] = f"CRM-{number:07}"
    return connections


def _username(person: Mapping[str, Any], number: int) -> str:
    return f"{_plain(person['firstName'])}.{_plain(person['lastName'])}{number}"


def _plain(name: str) -> str:
    """Return a name in ASCII for an email address: `Jürg` becomes `juerg`, `L'Épée` becomes `lepee`."""
    decomposed = unicodedata.normalize("NFKD", name.lower().translate(_GERMAN))
    return "".join(letter for letter in decomposed if letter.isascii() and letter.isalnum())


def _details(draw: Random, place: Place, *, is_client: bool) -> Document:
    born = _day(draw, TODAY.year - 88, TODAY.year - 19)
    nationalities = _nationalities(draw, place)
    risk = draw.choices(_RISKS, weights=(50, 35, 12, 3))[0]
    return {
        "personalInformation": _personal(draw, place, born, nationalities),
        "contactInformation": _contact_information(draw, place),
        "taxInformation": _tax(draw, place, nationalities),
        "occupation": _occupation(draw, place, age=TODAY.year - born.year),
        "regulatory": _regulatory(draw, place, risk, is_client=is_client),
        "relationship": _relationship(draw, place, is_client=is_client),
    }


def _nationalities(draw: Random, place: Place) -> list[str]:
    own = "CH" if place.country != "CH" and draw.random() < 0.2 else place.country
    if draw.random() < 0.8:
        return [own]
    others = ("CH", "DE", "FR", "IT", "AT", "GB", "ES", "PT", "US", "SE", "NL")
    return [own, draw.choice([country for country in others if country != own])]


def _personal(draw: Random, place: Place, born: date, nationalities: Sequence[str]) -> Document:
    sex = draw.choice(("female", "male"))
    names = vocabulary.FIRST_NAMES[place.language, sex]
    first, middle = draw.sample(names, 2)
    last = draw.choice(vocabulary.LAST_NAMES[place.language])
    title = draw.choice(vocabulary.TITLES) if draw.random() < 0.12 else None
    is_other = draw.random() < 0.01
    return {
        "displayName": f"{title} {first} {last}" if title else None,
        "salutation": "neutral" if is_other else {"female": "ms", "male": "mr"}[sex],
        "title": title,
        "firstName": first,
        "middleName": middle if draw.random() < 0.2 else None,
        "lastName": last,
        "dateOfBirth": str(born),
        "placeOfBirth": draw.choice([other.city for other in PLACES if other.country == place.country]),
        "countryOfBirth": place.country,
        "gender": "other" if is_other else sex,
        "maritalStatus": draw.choices(
            ("single", "married", "registered-partnership", "separated", "divorced", "widowed"),
            weights=(25, 50, 4, 3, 12, 6),
        )[0],
        "nationalities": list(nationalities),
        "language": "en" if draw.random() < 0.05 else place.language,
    }


def _contact_information(draw: Random, place: Place) -> Document:
    addresses = [_address(draw, place, "domicile")]
    if draw.random() < 0.2:
        addresses.append(_address(draw, draw.choice(PLACES), draw.choice(("correspondence", "business", "holiday"))))
    return {
        "mobile": f"+{DIALLING[place.country]}{MOBILE_AREAS[place.country]}000{draw.randrange(10_000):04}",
        "phone": _phone(draw, place) if draw.random() < 0.6 else None,
        "website": f"https://www.{draw.choice(('praxis', 'atelier', 'etude', 'studio'))}.example/"
        if draw.random() < 0.05
        else None,
        "preferredChannel": draw.choice(("email", "mobile", "phone", "letter", "in-person")),
        "isMarketingAllowed": draw.random() < 0.5,
        "addresses": addresses,
    }


def _phone(draw: Random, place: Place) -> str:
    number = draw.randrange(10_000)
    code = f"+{DIALLING[place.country]} {place.area}".strip()
    return f"{code} 000 {number // 100:02} {number % 100:02}"


def _address(draw: Random, place: Place, kind: str) -> Document:
    return {
        "type": kind,
        "street": draw.choice(vocabulary.STREETS[place.language]),
        "houseNumber": f"{draw.randint(1, 140)}{draw.choice(('', '', '', 'a', 'b'))}",
        "postalCode": place.postal_code,
        "city": place.city,
        "country": place.country,
        "state": place.state,
    }


def _tax(draw: Random, place: Place, nationalities: Sequence[str]) -> Document:
    is_us_person = "US" in nationalities
    residencies = [_residency(draw, place.country)]
    if is_us_person:
        residencies.append({"country": "US", "taxNumber": f"000-{draw.randrange(100):02}-{draw.randrange(10_000):04}"})
    return {
        "taxResidencies": residencies,
        "isUsPerson": is_us_person,
        "fatcaStatus": "us-consenting" if is_us_person else "non-us",
    }


def _residency(draw: Random, country: str) -> Document:
    pattern = TAX_NUMBERS.get(country)
    if pattern is None:
        return {"country": country, "missingTaxNumberReason": "not-obtained"}
    number = "".join(str(draw.randrange(10)) if sign == "#" else sign for sign in pattern)
    return {"country": country, "taxNumber": number}


def _occupation(draw: Random, place: Place, *, age: int) -> Document:
    if age >= 65:
        return {"status": "retired", "annualIncome": draw.randrange(4, 25) * 10_000, "incomeCurrency": _currency(place)}
    if age < 25 and draw.random() < 0.7:
        return {"status": "student"}
    status = draw.choices(
        ("employed", "self-employed", "entrepreneur", "homemaker", "not-employed"), weights=(60, 15, 18, 4, 3)
    )[0]
    if status in ("homemaker", "not-employed"):
        return {"status": status}
    employer, industry = draw.choice(vocabulary.EMPLOYERS)
    return {
        "status": status,
        "employer": employer if status == "employed" else None,
        "position": draw.choice(vocabulary.POSITIONS) if status == "employed" else None,
        "industry": industry,
        "annualIncome": draw.randrange(8, 90) * 10_000,
        "incomeCurrency": _currency(place),
    }


def _regulatory(draw: Random, place: Place, risk: str, *, is_client: bool) -> Document:
    if not is_client:
        return {"isPoliticallyExposed": False}
    checked = _day(draw, TODAY.year - 2, TODAY.year)
    is_exposed = risk == "high"
    exposure = {
        "function": draw.choice(vocabulary.POLITICAL_FUNCTIONS),
        "country": place.country,
        "since": str(_day(draw, TODAY.year - 12, TODAY.year - 2)),
    }
    return {
        "isPoliticallyExposed": is_exposed,
        "politicalExposure": exposure if is_exposed else None,
        "riskProfile": risk,
        "riskScore": 2 * _RISKS.index(risk) + draw.randint(1, 3),
        "kycDate": str(checked),
        "nextReviewDate": str(checked + 365 * _REVIEW_YEARS[risk] * _DAY),
        "sanctionsCheckedAt": _working_hour(draw, TODAY - draw.randint(1, 30) * _DAY).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _relationship(draw: Random, place: Place, *, is_client: bool) -> Document:
    segment = draw.choices(("affluent", "high-net-worth", "ultra-high-net-worth"), weights=(55, 38, 7))[0]
    least = {"affluent": 3, "high-net-worth": 20, "ultra-high-net-worth": 300}[segment]
    sources = ("employment", "business", "sale-of-company", "inheritance", "real-estate", "investments", "pension")
    return {
        "since": str(_day(draw, TODAY.year - 25, TODAY.year - 2)) if is_client else None,
        "segment": segment,
        "sourcesOfWealth": draw.sample(sources, draw.randint(1, 3)),
        "totalWealth": draw.randrange(least, least * 8) * 100_000,
        "wealthCurrency": _currency(place),
        "referredBy": draw.choice(vocabulary.EMPLOYERS)[0] if draw.random() < 0.1 else None,
        "formerClientNumber": f"K-{draw.randrange(1_000_000):06}" if is_client and draw.random() < 0.1 else None,
        "notes": draw.choice(vocabulary.NOTES) if draw.random() < 0.3 else None,
    }


def _currency(place: Place) -> str:
    return "CHF" if place.country in ("CH", "LI") else "EUR"


def _day(draw: Random, first_year: int, last_year: int) -> date:
    """Return a day from the start of `first_year` up to, but excluding, `last_year`."""
    first = date(first_year, 1, 1)
    return first + draw.randrange((date(last_year, 1, 1) - first).days) * _DAY


def _working_hour(draw: Random, day: date) -> datetime:
    return datetime.combine(day, time(draw.randint(7, 17), draw.randrange(60), draw.randrange(60)), UTC)
