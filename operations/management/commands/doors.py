"""`manage.py doors`: every way in which something is changed, for an auditor."""

import json
from argparse import ArgumentParser
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from django.core.management.base import BaseCommand

from operations.doors.declarations import Exemption
from operations.doors.report import PROFILES, Row, applications, left_by_kind, left_by_profile, rows


class Command(BaseCommand):
    help = (
        "Lists every operation, admin page, command and task that can change something, with the kind of change "
        "request that it goes through, or why it needs none; and what one person can change alone under the present "
        "policies."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="one object for programs")
        form.add_argument("--markdown", action="store_true", help="the table of the documentation, for both profiles")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["markdown"]:
            self.stdout.write(_markdown())
            return
        left = left_by_kind()
        found = [_as_json(row, left) for row in rows()]
        if options["json"]:
            self.stdout.write(json.dumps({"doors": found, "applications": applications()}, indent=2))
            return
        for way, doors in groupby(found, lambda door: door["way"]):
            self.stdout.write(self.style.MIGRATE_HEADING(way))
            for door in doors:
                self.stdout.write(f"  {door['name']:<76} {_in_words(door)}")
        self.stdout.write(self.style.MIGRATE_HEADING("Applications"))
        for application in applications():
            waits = ", ".join(application["waitsFor"]) or "nothing"
            keys = ", ".join(application["keyHolders"]) or "nobody who is known"
            self.stdout.write(
                f"  {application['name']}: changes alone by {', '.join(application['scopes'])}; waits for {waits}; "
                f"its keys have {keys}"
            )


def _as_json(row: Row, left: Mapping[str, str]) -> dict[str, Any]:
    door = row.door
    return {
        "way": row.way,
        "name": row.name,
        "kinds": [] if door is None else list(door.kinds),
        "exemption": None if door is None or door.exemption is None else door.exemption.value,
        "note": "" if door is None else door.note,
        "leftToOnePerson": {} if door is None else {kind: left[kind] for kind in door.kinds},
    }


def _in_words(door: Mapping[str, Any]) -> str:
    if door["kinds"]:
        text = "; ".join(f"{kind}: one person alone changes {left}" for kind, left in door["leftToOnePerson"].items())
    else:
        text = door["exemption"] or "undeclared"
    return f"{text} ({door['note']})" if door["note"] else text


def _markdown() -> str:
    left = left_by_profile()
    lines = []
    for way, found in groupby(filter(_writes, rows()), lambda row: row.way):
        lines += [f"## {way}", "", f"| door | goes through | {' | '.join(PROFILES)} |", "| --- | --- | --- | --- |"]
        lines += [_markdown_row(row, left) for row in found]
        lines.append("")
    return "\n".join(lines).rstrip()


def _writes(row: Row) -> bool:
    return row.door is None or row.door.exemption is not Exemption.READS


def _markdown_row(row: Row, left: Mapping[str, Mapping[str, str]]) -> str:
    door = row.door
    if door is None:
        cells = ["undeclared", "", ""]
    elif door.kinds:
        cells = [_list(f"`{kind}`" for kind in door.kinds)]
        cells += [_list(dict.fromkeys(left[profile][kind] for kind in door.kinds)) for profile in PROFILES]
    else:
        reason = str(door.exemption)
        cells = [f"{reason}: {door.note}" if door.note else reason, "", ""]
    return f"| `{row.name}` | {' | '.join(cells)} |"


def _list(texts: Iterable[str]) -> str:
    return ", ".join(texts)
