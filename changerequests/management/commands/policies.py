"""Show, export and change the policies: which changes wait, for whom and in how many stages."""

import getpass
import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.actor import system_actor
from changerequests.kinds import RequestKind, all_kinds
from changerequests.policies import kind_policy
from changerequests.policy_files import with_ids, with_names
from changerequests.queries.policies import policies_now
from changerequests.services.policies import request_policies
from core.errors import ApiError

PROFILES = ("standard", "strict")


class Command(BaseCommand):
    help = (
        "Shows, exports or changes the policies. A change is a request that reviewers have to approve in the admin: "
        "this command makes it and prints its number."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="subcommand", required=True)
        commands.add_parser("show", help="print what waits for whom, in words")
        commands.add_parser("export", help="print the policies as JSON, with the names of groups")
        takes_over = commands.add_parser("import", help="ask for the policies of a file as `export` prints it")
        takes_over.add_argument("file", help="the file, or - for the standard input")
        use = commands.add_parser("use", help="ask for a profile that Kontor ships with, for all kinds")
        use.add_argument("profile", choices=PROFILES)
        for changing in (takes_over, use):
            changing.add_argument("--comment", help="for those who review the request")

    def handle(self, *args: Any, **options: Any) -> None:
        subcommand = options["subcommand"]
        if subcommand == "show":
            self._show()
        elif subcommand == "export":
            self.stdout.write(json.dumps(with_names(policies_now()[0]), indent=2, ensure_ascii=False))
        elif subcommand == "use":
            document = {kind.key: kind.profiles[options["profile"]] for kind in all_kinds()}
            self._request(document, options["comment"] or f"Profile {options['profile']}")
        else:
            self._request(_read(options["file"]), options["comment"])

    def _show(self) -> None:
        document, version = policies_now()
        self.stdout.write(f"Version {version}." if version else "The policies that Kontor ships with.")
        named = with_names(document)
        for kind in all_kinds():
            self.stdout.write(f"\n{kind.label} ({kind.key})")
            policy = named[kind.key]
            for stage in policy["stages"]:
                reviewers = stage["group"] or "everybody who may review"
                due = f", due after {stage['hours']} hours" if stage["hours"] else ""
                if stage.get("escalatesTo"):
                    due += f", then escalated to {stage['escalatesTo']}"
                evidence = ", with a file" if stage.get("isEvidenceRequired") else ""
                self.stdout.write(f"  stage {stage['name']}: {stage['approvals']} of {reviewers}{due}{evidence}")
            for number, rule in enumerate(policy["rules"], 1):
                self.stdout.write(f"  rule {number}: {_in_words(kind, rule)}")
            if not kind_policy(document[kind.key], version=version).rules:
                self.stdout.write("  nothing waits")

    def _request(self, document: Any, comment: str | None) -> None:
        try:
            request = request_policies(
                actor=system_actor(f"policies by {getpass.getuser()}"[:50]), document=document, comment=comment
            )
        except ApiError as error:
            faults = [f"  {place}: {text}" for place, texts in (error.properties or {}).items() for text in texts]
            raise CommandError("\n".join([str(error), *faults])) from error
        if request is None:
            self.stdout.write("Nothing would change.")
        else:
            self.stdout.write(f"Change request {request.pk} is pending review.")


def _read(file: str) -> dict[str, Any]:
    """Return the policies in a file. Raises CommandError if it cannot be read; ApiError for unknown names."""
    try:
        if file == "-":
            found = json.load(sys.stdin)
        else:
            with open(file, encoding="utf-8") as opened:
                found = json.load(opened)
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} cannot be read: {error}") from error
    return with_ids(found)


def _in_words(kind: RequestKind, rule: dict[str, Any]) -> str:
    what = str(kind.flagged) if rule["flaggedOnly"] else "every field"
    if rule["paths"]:
        what = f"{what} in {', '.join(rule['paths'])}"
    conditions = [
        f"{label} {', '.join(map(str, rule[name]))}"
        for name, label in (
            ("contactTypes", "contacts of type"),
            ("participants", "participants"),
            ("initiatorGroups", "asked by members of"),
            ("applications", "asked by the applications"),
        )
        if rule[name] is not None
    ]
    if rule.get("minRows") is not None:
        conditions.append(f"from {rule['minRows']} rows on")
    waits = " and then ".join(rule["stages"]) or "nobody"
    return f"{what}{''.join(f', {condition}' for condition in conditions)}: {waits}"
