#!/usr/bin/env python3
"""Keeps a copy of the contacts that an application sees: replica.py https://kontor.example TOKEN"""

import json
import sys
import time
from itertools import count
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

CONTACTS = "query ($skip: Int) { contacts(order: [{id: ASC}], skip: $skip, take: 200) { items { id } } }"
GONE = ("contact.left", "contact.anonymized")


class Replica:
    """The details of contacts by id, true up to a position of the feed. Store both together."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token
        self.contacts: dict[int, Any] = {}
        self.position: int | None = None

    def follow(self, *, seconds: int = 20) -> None:
        """Do what the next page of events says, or wait for one. Begins again where the feed does not say enough."""
        page = None if self.position is None else self.page(seconds)
        if page is None or any(event["type"] == "resync" for event in page["events"]):
            self.begin()
            return
        events = [event for event in page["events"] if event["subject"]["kind"] == "contact"]
        for contact, type_ in {event["subject"]["id"]: event["type"] for event in events}.items():
            if type_ in GONE:
                self.drop(contact)
            else:
                self.read(contact)
        self.position = page["next"]

    def page(self, seconds: int) -> Any:
        try:
            return self.call(f"/v1.0/events?after={self.position}&limit=1000&waitSeconds={seconds}")
        except HTTPError as error:
            if error.code != 422:  # UnknownPosition: the database was restored to an earlier state
                raise
            return None

    def begin(self) -> None:
        """Note the end of the feed, then read everything: what changes meanwhile comes as an event."""
        position, seen = self.call("/v1.0/events?fromEnd=true")["next"], set[int]()
        self.contacts.clear()
        while new := self.ids() - seen:  # pages shift while contacts come and go
            seen |= new
            for contact in new:
                self.read(contact)
        self.position = position

    def ids(self) -> set[int]:
        found: set[int] = set()
        for skip in count(0, 200):
            answer = self.call("/graphql", {"query": CONTACTS, "variables": {"skip": skip}})
            if not (page := answer["data"]["contacts"]["items"]):
                break
            found |= {row["id"] for row in page}
        return found

    def read(self, contact: int) -> None:
        try:
            self.contacts[contact] = self.call(f"/v1.0/contacts/{contact}/details")["details"]
        except HTTPError as error:
            if error.code != 404:
                raise
            self.drop(contact)

    def drop(self, contact: int) -> None:
        self.contacts.pop(contact, None)

    def call(self, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.url + path, data=data, headers=headers), timeout=60) as answer:  # noqa: S310
            found = json.load(answer)
        time.sleep(int(answer.headers.get("Retry-After", 0)))  # others wait already
        return found


if __name__ == "__main__":
    replica = Replica(*sys.argv[1:])
    while True:
        replica.follow()
        print(replica.position, len(replica.contacts), flush=True)  # noqa: T201
