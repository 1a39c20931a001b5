"""What the clients and the checks have in common."""

from collections.abc import Sequence
from dataclasses import dataclass, field

SHARED = 60  # contacts that all clients change, so that they meet
PARTICIPANT = "Zurich"


@dataclass
class World:
    """Who and what takes part, and what the clients know to have been done."""

    contact_ids: Sequence[int]
    shared_ids: Sequence[int]
    contact_type_id: int
    application_token: str
    participant_token: str
    participant_id: int
    member_tokens: Sequence[str]
    reviewer_tokens: Sequence[str]
    acknowledged: dict[int, list[str]] = field(default_factory=dict)  # phone numbers that a PATCH was answered 200 for
    imports: list[dict[str, int]] = field(default_factory=list)


def entry(kind: int, number: int, *, notes: str = "") -> dict[str, object]:
    """An entry of an import file; every third contact belongs to the participant."""
    details: dict[str, object] = {
        "personalInformation": {
            "firstName": f"First {number}",
            "lastName": f"Last {number}",
            "dateOfBirth": f"19{number % 90 + 10}-03-{number % 27 + 1:02}",
            "nationalities": ["CH", "LI"] if number % 4 else ["CH"],
        },
    }
    if notes:
        details["relationship"] = {"notes": notes}
    made: dict[str, object] = {
        "externalId": f"E-{number}",
        "contactTypeId": kind,
        "username": f"load-{number}",
        "details": details,
    }
    if number % 3 == 0:
        made["participants"] = [PARTICIPANT]
    return made
