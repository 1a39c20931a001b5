#!/usr/bin/env python3
"""Keeps a copy of the contacts that an application sees: replica.py https://kontor.example TOKEN"""

import sys
import time
from typing import Any

import requests

CONTACTS = "query ($id: Int) { contacts(where: {id: {gt: $id}}, order: [{id: ASC}], take: 200) { items { id } } }"


class Replica:
    """The details of contacts by id, true up to a position of the feed. Store both together."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.session = url, requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"
        self.contacts: dict[int, Any] = {}
        self.position: int | None = None

    def follow(self, *, seconds: int = 20) -> None:
        """Do what the next page of events says, or wait for one. Begin again where the feed does not say enough."""
        feed = f"/v1.0/events?after={self.position}&limit=1000&waitSeconds={seconds}"
        page = None if self.position is None else self.call(feed)
        if page is None or any(event["type"] == "resync" for event in page["events"]):
            self.begin()
            return
        events = [event for event in page["events"] if event["subject"]["kind"] == "contact"]
        for contact, type_ in {event["subject"]["id"]: event["type"] for event in events}.items():
            self.read(contact, is_gone=type_ == "contact.anonymized")
        self.position = page["next"]

    def begin(self) -> None:
        """Note the end of the feed, then read everything: what changes meanwhile comes as an event."""
        position, last = self.call("/v1.0/events?fromEnd=true")["next"], 0
        self.contacts.clear()
        while ids := self.ids_after(last):
            for contact in ids:
                self.read(contact)
            last = ids[-1]
        self.position = position

    def ids_after(self, contact: int) -> list[int]:
        answer = self.call("/graphql", {"query": CONTACTS, "variables": {"id": contact}})
        return [row["id"] for row in answer["data"]["contacts"]["items"]]

    def read(self, contact: int, *, is_gone: bool = False) -> None:
        found = None if is_gone else self.call(f"/v1.0/contacts/{contact}/details")
        self.contacts.pop(contact, None)
        if found:  # of a merged contact, those of the one that answers for it
            self.contacts[found["id"]] = found["details"]

    def call(self, path: str, body: Any = None) -> Any:
        answer = self.session.request("GET" if body is None else "POST", self.url + path, json=body, timeout=60)
        if answer.status_code in {404, 422}:  # not visible, or past the end of a feed that was restored
            return None
        answer.raise_for_status()
        time.sleep(int(answer.headers.get("Retry-After", 0)))  # others wait already
        return answer.json()


if __name__ == "__main__":
    replica = Replica(*sys.argv[1:])
    while True:
        replica.follow()
        print(replica.position, len(replica.contacts), flush=True)  # noqa: T201
