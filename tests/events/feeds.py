"""A reader of the feed."""

from typing import Any

from tests.api import Api

FEED = "/v1.0/events"


class Reader:
    """Reads the feed from where it is when this is made."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.position = api.get(f"{FEED}?fromEnd=true").json["next"]

    def read(self, parameters: str = "") -> list[Any]:
        """Return the events since the last time."""
        found: list[Any] = []
        while True:
            answer = self.api.get(f"{FEED}?after={self.position}{parameters}")
            assert answer.status == 200, answer.json
            found += answer.json["events"]
            self.position = answer.json["next"]
            if not answer.json["hasMore"]:
                return found

    def types(self) -> list[str]:
        return [event["type"] for event in self.read()]
