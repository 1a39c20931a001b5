"""State shared by the clients and the checks."""

from collections.abc import Sequence
from dataclasses import dataclass, field

SHARED = 60  # number of contacts that all clients change, to provoke conflicts
PARTICIPANT = "Zurich"


@dataclass
class World:
    """The contacts and tokens of a run, and the changes and imports acknowledged to the clients."""

    contact_ids: Sequence[int]
    shared_ids: Sequence[int]
    contact_type_id: int
    application_token: str
    participant_token: str
    participant_id: int
    member_tokens: Sequence[str]
    reviewer_tokens: Sequence[str]
    acknowledged: dict[int, list[str]] = field(default_factory=dict)  # phone numbers of successful PATCHes
    imports: list[dict[str, int]] = field(default_factory=list)


def entry(kind: int, number: int, *, notes: str = "") -> dict[str, object]:
    """Return an entry of an import file. Every third contact has the participant."""
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
