"""Stories of some clients: pending, decided and withdrawn change requests, and direct changes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

from changerequests.models import Status
from core.documents import Document
from devstack.demo.accounts import caretakers


@dataclass(frozen=True, kw_only=True)
class Update:
    """A change that takes effect at once, made by the member `by` or else by the client application."""

    number: int
    patch: Document
    by: str | None = None
    comment: str | None = None


@dataclass(frozen=True, kw_only=True)
class Story:
    """A change request made some time ago: the client's initial details, the change, and the outcome.

    `overtaken_by` is a later change by the client application.
    """

    by: str
    asked: timedelta
    known: Document
    patch: Document
    comment: str | None = None
    status: Status = Status.PENDING
    reviewer: str | None = None
    review_comment: str | None = None
    overtaken_by: Document | None = None


def _address(street: str, house_number: str, postal_code: str, city: str, state: str) -> Document:
    return {
        "type": "domicile",
        "street": street,
        "houseNumber": house_number,
        "postalCode": postal_code,
        "city": city,
        "country": state.partition("-")[0],
        "state": state,
    }


def _woman(first_name: str, last_name: str, **more: object) -> Document:
    return {"salutation": "ms", "gender": "female", **_person(first_name, last_name), **more}


def _man(first_name: str, last_name: str, **more: object) -> Document:
    return {"salutation": "mr", "gender": "male", **_person(first_name, last_name), **more}


def _person(first_name: str, last_name: str) -> Document:
    """Return a merge patch for a name without title and middle name; null removes the generated value."""
    names = {"firstName": first_name, "lastName": last_name}
    return {"displayName": None, "title": None, "middleName": None, **names}


def _risk(profile: str, score: int) -> Document:
    return {"isPoliticallyExposed": False, "politicalExposure": None, "riskProfile": profile, "riskScore": score}


_PENDING = (
    Story(
        by="anna",
        asked=timedelta(minutes=4),
        known={"personalInformation": _woman("Lea", "Brunner", maritalStatus="single", dateOfBirth="1991-08-17")},
        patch={"personalInformation": {"lastName": "Brunner Hürlimann", "maritalStatus": "married"}},
        comment="Married last Saturday; the certificate of the civil registry office is on file.",
    ),
    Story(
        by="ben",
        asked=timedelta(minutes=35),
        known={"personalInformation": _man("Étienne", "Maréchal", dateOfBirth="1968-04-09")},
        patch={"personalInformation": {"dateOfBirth": "1968-09-04"}},
        comment="Day and month were swapped when the passport was typed in.",
    ),
    Story(
        by="anna",
        asked=timedelta(hours=2, minutes=10),
        known={"personalInformation": _man("Niccolò", "Tettamanti", nationalities=["IT"])},
        patch={"personalInformation": {"nationalities": ["IT", "CH"]}},
        comment="Naturalised in Lugano. Copy of the new passport attached to the file.",
    ),
    Story(
        by="ben",
        asked=timedelta(hours=5, minutes=22),
        known={
            "personalInformation": _woman("Maëlle", "Péclard", nationalities=["FR"]),
            "contactInformation": {"addresses": [_address("Rue Sainte-Claire", "12", "74000", "Annecy", "FR-74")]},
            "taxInformation": {"taxResidencies": [{"country": "FR", "taxNumber": "0001174000218"}]},
        },
        patch={
            "contactInformation": {"addresses": [_address("Rue Saint-Joseph", "7", "1227", "Carouge", "CH-GE")]},
            "taxInformation": {"taxResidencies": [{"country": "CH", "taxNumber": "756.0000.4821.07"}]},
        },
        comment="Has moved to Carouge for good, residence permit B. New self-certification signed.",
    ),
    Story(
        by="anna",
        asked=timedelta(hours=26, minutes=47),
        known={
            "personalInformation": _man("Götz", "Camenzind"),
            "regulatory": _risk("medium", 4),
        },
        patch={
            "regulatory": {
                "isPoliticallyExposed": True,
                "politicalExposure": {"function": "Member of the cantonal government", "country": "CH"},
                "riskProfile": "high",
            },
        },
        comment="Elected in the second ballot. To be treated as politically exposed from now on.",
    ),
    Story(
        by="ben",
        asked=timedelta(hours=31, minutes=3),
        known={"personalInformation": _man("Jérome", "Vuilleumier", displayName="Jérome Vuilleumier")},
        patch={"personalInformation": {"firstName": "Jérôme", "displayName": "Jérôme Vuilleumier"}},
        comment="He asks us, politely and for the second time, to spell his name right.",
    ),
    Story(
        by="head",
        asked=timedelta(days=2, hours=6, minutes=23),
        known={
            "personalInformation": _woman("Franziska", "von Arx", dateOfBirth="1971-03-08"),
            "occupation": {"status": "employed", "employer": "Alpstrom Energie AG", "annualIncome": 320_000},
        },
        patch={"occupation": {"position": "Chairwoman", "annualIncome": 410_000}},
        comment="Income according to the contract as chairwoman. Mine, so somebody else must look at it.",
    ),
    Story(
        by="anna",
        asked=timedelta(days=3, hours=4, minutes=40),
        known={
            "personalInformation": _man("Reto", "Tschümperlin"),
            "relationship": {"sourcesOfWealth": ["business"], "totalWealth": 4_500_000, "segment": "high-net-worth"},
        },
        patch={"relationship": {"sourcesOfWealth": ["business", "sale-of-company"], "totalWealth": 38_000_000}},
        comment="Sold his timber works; purchase agreement and tax ruling seen.",
    ),
    Story(
        by="ben",
        asked=timedelta(days=4, hours=9, minutes=57),
        known={
            "personalInformation": _woman("Noémie", "Blanchet", nationalities=["CH"]),
            "taxInformation": {
                "taxResidencies": [{"country": "CH", "taxNumber": "756.0000.1177.35"}],
                "isUsPerson": False,
                "fatcaStatus": "non-us",
            },
        },
        patch={
            "personalInformation": {"nationalities": ["CH", "US"]},
            "taxInformation": {
                "taxResidencies": [
                    {"country": "CH", "taxNumber": "756.0000.1177.35"},
                    {"country": "US", "missingTaxNumberReason": "not-obtained"},
                ],
                "isUsPerson": True,
                "fatcaStatus": "us-consenting",
            },
        },
        comment="Born in Boston, found at the periodic review. Form W-9 is signed, the number follows.",
    ),
    Story(
        by="anna",
        asked=timedelta(days=7, hours=10, minutes=14),
        known={"personalInformation": _woman("Käthi", "Gössi", dateOfBirth=None, placeOfBirth=None)},
        patch={"personalInformation": {"dateOfBirth": "1947-11-30", "placeOfBirth": "Einsiedeln"}},
        comment="Was never entered. From the identity card.",
    ),
    Story(
        by="ben",
        asked=timedelta(days=11, hours=4, minutes=31),
        known={"personalInformation": _woman("Océane", "Thévoz-Savoy", maritalStatus="separated")},
        patch={"personalInformation": {"lastName": "Thévoz", "maritalStatus": "divorced"}},
        comment="Divorce decree of the district court; takes her former name again.",
    ),
    Story(
        by="anna",
        asked=timedelta(days=17, hours=9, minutes=48),
        known={"personalInformation": _man("Dominik", "Rüegg", nationalities=["CH"])},
        patch={"personalInformation": {"nationalities": ["CH", "DE"]}},
        comment="German through his mother, passport seen.",
        # The request is outdated: it can only be rejected and submitted again.
        overtaken_by={"personalInformation": {"nationalities": ["CH", "AT"]}},
    ),
    Story(
        by="ben",
        asked=timedelta(days=24, hours=3, minutes=5),
        known={
            "personalInformation": _man("Grégoire", "Mézières"),
            "regulatory": _risk("increased", 6),
        },
        patch={"regulatory": {"riskProfile": "medium"}},
        comment="The holding in question was wound up last year.",
    ),
)

_APPROVED = (
    Story(
        by="anna",
        asked=timedelta(days=1, hours=3, minutes=22),
        known={"personalInformation": _woman("Bärbel", "Fässler", maritalStatus="single", dateOfBirth="1986-10-21")},
        patch={"personalInformation": {"lastName": "Fässler-Iselin", "maritalStatus": "married"}},
        comment="Marriage certificate on file.",
        status=Status.APPROVED,
        reviewer="rita",
        review_comment="Certificate checked.",
    ),
    Story(
        by="ben",
        asked=timedelta(days=2, hours=6, minutes=39),
        known={"personalInformation": _man("Loïc", "Oberson", nationalities=["CH"])},
        patch={"personalInformation": {"nationalities": ["CH", "PT"]}},
        comment="Second passport.",
        status=Status.APPROVED,
        reviewer="head",
    ),
    Story(
        by="anna",
        asked=timedelta(days=3, hours=7, minutes=56),
        known={
            "personalInformation": _man("Kaspar", "Odermatt", dateOfBirth="1988-01-27"),
            "occupation": {"status": "employed", "employer": "Säntis Software AG", "annualIncome": 145_000},
        },
        patch={"occupation": {"employer": "Rütli Rückversicherung AG", "position": "Actuary", "annualIncome": 182_000}},
        comment="New employer since the beginning of the month; salary certificate seen.",
        status=Status.APPROVED,
        reviewer="head",
        review_comment="Fine.",
    ),
    Story(
        by="ben",
        asked=timedelta(days=5, hours=1, minutes=13),
        known={"personalInformation": _woman("Inès", "Genoud", dateOfBirth="1985-02-03")},
        patch={"personalInformation": {"dateOfBirth": "1985-03-02"}},
        comment="According to the passport.",
        status=Status.APPROVED,
        reviewer="rita",
        review_comment="Compared with the copy of the passport.",
    ),
    Story(
        by="head",
        asked=timedelta(days=6, hours=6, minutes=30),
        known={
            "personalInformation": _man("Hansjörg", "Bürgi"),
            "regulatory": _risk("low", 2),
        },
        patch={"regulatory": {"riskProfile": "medium"}},
        comment="Invests in commodities now.",
        status=Status.APPROVED,
        reviewer="rita",
    ),
)

_REJECTED = (
    Story(
        by="anna",
        asked=timedelta(days=5, hours=7, minutes=47),
        known={"personalInformation": _man("Beat", "Jäggi", dateOfBirth="1959-06-12")},
        patch={"personalInformation": {"dateOfBirth": "1969-06-12"}},
        comment="He told me on the phone.",
        status=Status.REJECTED,
        reviewer="rita",
        review_comment="Not on a phone call alone. Please get a copy of the identity card.",
    ),
    Story(
        by="ben",
        asked=timedelta(days=8, hours=5, minutes=4),
        known={
            "personalInformation": _woman("Sylvie", "Décosterd"),
            "regulatory": _risk("increased", 5),
        },
        patch={"regulatory": {"riskProfile": "low"}},
        comment="She does not feel like a risk.",
        status=Status.REJECTED,
        reviewer="head",
        review_comment="Two steps down at once need a new assessment first.",
    ),
    Story(
        by="anna",
        asked=timedelta(days=15, hours=10, minutes=21),
        known={"personalInformation": _woman("Ursula", "Nägeli", maritalStatus="single", dateOfBirth="1979-05-14")},
        patch={"personalInformation": {"lastName": "Nägeli Zgraggen", "maritalStatus": "married"}},
        status=Status.REJECTED,
        reviewer="rita",
        review_comment="The wedding is in June. Ask again when there is a certificate.",
    ),
    Story(
        by="ben",
        asked=timedelta(days=29, hours=4, minutes=38),
        known={
            "personalInformation": _man("Hervé", "Chappuis"),
            "taxInformation": {"taxResidencies": [{"country": "CH", "taxNumber": "756.0000.9034.62"}]},
        },
        patch={"taxInformation": {"taxResidencies": [{"country": "AE", "missingTaxNumberReason": "not-issued"}]}},
        comment="Moves to Dubai.",
        status=Status.REJECTED,
        reviewer="rita",
        review_comment="The deregistration from Geneva is missing.",
    ),
)

_CANCELLED = (
    Story(
        by="anna",
        asked=timedelta(days=9, hours=9, minutes=55),
        known={"personalInformation": _man("Jürg", "Häberli")},
        patch={"personalInformation": {"firstName": "Jörg"}},
        comment="Spelling.",
        status=Status.CANCELLED,
    ),
    Story(
        by="ben",
        asked=timedelta(days=13, hours=3, minutes=12),
        known={
            "personalInformation": _woman("Adèle", "Cornuz"),
            "relationship": {"sourcesOfWealth": ["inheritance"]},
        },
        patch={"relationship": {"sourcesOfWealth": ["inheritance", "real-estate"]}},
        comment="House in Montreux.",
        status=Status.CANCELLED,
    ),
    Story(
        by="anna",
        asked=timedelta(days=21, hours=8, minutes=29),
        known={"personalInformation": _woman("Regula", "Wäfler", nationalities=["CH"])},
        patch={"personalInformation": {"nationalities": ["CH", "LI"]}},
        status=Status.CANCELLED,
    ),
)

_RETURNED = (
    Story(
        by="anna",
        asked=timedelta(hours=7, minutes=12),
        known={
            "personalInformation": _woman("Seraina", "Caduff", nationalities=["CH"]),
            "taxInformation": {"taxResidencies": [{"country": "CH", "taxNumber": "756.0000.3317.90"}]},
        },
        patch={
            "contactInformation": {"addresses": [_address("Via Dufour", "3", "22100", "Como", "IT-CO")]},
            "taxInformation": {"taxResidencies": [{"country": "IT", "taxNumber": "CDFSRN80A41C933T"}]},
        },
        comment="Has moved to Como with her family.",
        status=Status.RETURNED,
        reviewer="rita",
        review_comment="Compliance will need the certificate of residence. Please attach it, then submit this again.",
    ),
)


def _cast(stories: tuple[Story, ...]) -> Iterator[tuple[int, Story]]:
    """Return each story with the next client whose only caretaker is its initiator."""
    clients = {name: _clients_of(name) for name in {story.by for story in stories}}
    return ((next(clients[story.by]), story) for story in stories)


def _clients_of(username: str) -> Iterator[int]:
    return (number for number in count(1) if [one.username for one in caretakers(number)] == [username])


STORIES: Mapping[int, Story] = dict(_cast((*_PENDING, *_APPROVED, *_REJECTED, *_CANCELLED, *_RETURNED)))

# Clients of anna (odd numbers) and of ben (even numbers). None of these changes needs approval.
UPDATES = (
    Update(number=1, patch={"contactInformation": {"phone": "+41 44 000 71 18"}}, comment="From the mobile app."),
    Update(number=2, patch={"contactInformation": {"preferredChannel": "letter"}}, by="ben", comment="Wants paper."),
    Update(number=3, patch={"personalInformation": {"language": "en"}}, by="anna"),
    Update(number=4, patch={"contactInformation": {"isMarketingAllowed": False}}),
    Update(number=5, patch={"regulatory": {"riskScore": 5, "sanctionsCheckedAt": "2026-01-02T05:00:00Z"}}),
    # A new address is pending until its owner confirms it.
    Update(number=6, patch={"contactInformation": {"email": "j.vuilleumier@courrier.example"}}),
    Update(number=51, patch={"contactInformation": {"phone": "+41 61 000 20 31", "preferredChannel": "phone"}}),
    Update(number=52, patch={"contactInformation": {"website": "https://www.atelier.example/"}}),
    Update(number=52, patch={"contactInformation": {"website": None}}),
    Update(number=53, patch={"relationship": {"notes": "Moves to the new office in spring."}}, by="anna"),
    Update(number=54, patch={"contactInformation": {"preferredChannel": "email"}}, comment="E-banking."),
    Update(
        number=55,
        patch={"regulatory": {"kycDate": "2026-01-05", "nextReviewDate": "2028-01-05"}},
        by="anna",
        comment="Periodic review, nothing new.",
    ),
)
