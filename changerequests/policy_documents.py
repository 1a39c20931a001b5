"""Checks of policy documents: shape, names and what a kind must not switch off."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django.contrib.auth.models import Group
from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator

from accounts.models import ClientApplication, Participant
from changerequests.kinds import RequestKind, all_kinds
from changerequests.policies import group_ids
from core.text import line_faults

MAX_STAGE_NAME = 100

_IDS = {"type": ["array", "null"], "items": {"type": "integer", "minimum": 1}, "minItems": 1}
_TEXTS = {"type": ["array", "null"], "items": {"type": "string", "minLength": 1}, "minItems": 1}
_STAGE = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": MAX_STAGE_NAME},
        "group": {"type": ["integer", "null"]},
        "approvals": {"type": "integer", "minimum": 1, "maximum": 9},
        "hours": {"type": ["integer", "null"], "minimum": 1, "maximum": 10_000},
        "isEvidenceRequired": {"type": "boolean"},
        "escalatesTo": {"type": ["integer", "null"]},
    },
    "required": ["name", "group", "approvals", "hours"],
    "additionalProperties": False,
}
_RULE = {
    "type": "object",
    "properties": {
        "stages": {"type": "array", "items": {"type": "string"}},
        "paths": _TEXTS,
        "flaggedOnly": {"type": "boolean"},
        "contactTypes": _TEXTS,
        "participants": _IDS,
        "initiatorGroups": _IDS,
        "applications": _IDS,
        "minRows": {"type": ["integer", "null"], "minimum": 1, "maximum": 1_000_000_000},
    },
    "required": [
        *("stages", "paths", "flaggedOnly", "contactTypes", "participants", "initiatorGroups", "applications"),
    ],
    "additionalProperties": False,
}
_POLICY = {
    "type": "object",
    "properties": {
        "stages": {"type": "array", "items": _STAGE, "maxItems": 9},
        "rules": {"type": "array", "items": _RULE, "maxItems": 100},
        "isDigestRequired": {"type": "boolean"},
    },
    "required": ["stages", "rules", "isDigestRequired"],
    "additionalProperties": False,
}
_VALIDATOR = Draft202012Validator({"type": "object", "additionalProperties": _POLICY})

Faults = dict[str, list[str]]


def policy_faults(document: Any) -> Faults:
    """Return what is wrong with the policies of all kinds, by dotted place; empty if nothing is. Runs three queries."""
    faults: Faults = {}
    for error in _VALIDATOR.iter_errors(document):
        faults.setdefault(".".join(map(str, error.absolute_path)), []).append(error.message)
    if faults:
        return faults
    kinds = {kind.key: kind for kind in all_kinds()}
    for key, policy in document.items():
        if key in kinds:
            checks = (_row_faults, _application_faults, _switched_off)
            found = [
                *_naming_faults(policy),
                *_escalation_faults(policy),
                *(fault for check in checks for fault in check(kinds[key], policy)),
            ]
        else:
            found = [("", _("There is no such kind of request."))]
        for place, message in found:
            faults.setdefault(".".join(filter(None, (key, place))), []).append(message)
    for place, message in _unknown_ids(document):
        faults.setdefault(place, []).append(message)
    return faults


def _naming_faults(policy: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    names = [stage["name"] for stage in policy["stages"]]
    for place, name in enumerate(names):
        if name in names[:place]:
            yield f"stages.{place}.name", _("Another stage has this name.")
        for fault in line_faults(name, most=MAX_STAGE_NAME):
            yield f"stages.{place}.name", fault
    for place, rule in enumerate(policy["rules"]):
        for name in rule["stages"]:
            if name not in names:
                yield f"rules.{place}.stages", _("There is no stage “%(name)s”.") % {"name": name}


def _escalation_faults(policy: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for place, stage in enumerate(policy["stages"]):
        group = stage.get("escalatesTo")
        if group is not None and group == stage["group"]:
            yield f"stages.{place}.escalatesTo", _("These are its reviewers already. Name another group.")
        elif group is not None and stage["hours"] is None:
            yield (
                f"stages.{place}.escalatesTo",
                _("It is never due, and so never escalated: enter after how many hours."),
            )


def _row_faults(kind: RequestKind, policy: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for place, rule in enumerate(policy["rules"]):
        if rule.get("minRows") is not None and not kind.counts_rows:
            yield f"rules.{place}.minRows", _("Requests of this kind have no number of rows.")


def _application_faults(kind: RequestKind, policy: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the faults of rules that name applications in vain: who reads them would rely on a review."""
    for place, rule in enumerate(policy["rules"]):
        if rule["applications"] is not None and not kind.binds_applications:
            yield f"rules.{place}.applications", _("Changes by applications never need approval here.")


def _switched_off(kind: RequestKind, policy: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the fault of a policy under which a change of a kind that always waits would not."""
    if not kind.always_waits:
        return
    for place, rule in enumerate(policy["rules"]):
        if not rule["stages"]:
            yield f"rules.{place}.stages", _("These changes need approval: name a stage.")
    if not any(_is_catch_all(rule) for rule in policy["rules"]):
        yield "rules", _("One rule must have no conditions, so that every change needs approval.")


def _is_catch_all(rule: Mapping[str, Any]) -> bool:
    conditions = ("paths", "contactTypes", "participants", "initiatorGroups", "applications")
    return not rule["flaggedOnly"] and all(rule[name] is None for name in conditions)


def _unknown_ids(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    groups = set(Group.objects.filter(pk__in=group_ids(document.values())).values_list("pk", flat=True))
    rules = [rule for policy in document.values() for rule in policy["rules"]]
    participants = _known(Participant, {pk for rule in rules for pk in rule["participants"] or ()})
    applications = _known(ClientApplication, {pk for rule in rules for pk in rule["applications"] or ()})
    for key, policy in document.items():
        for place, stage in enumerate(policy["stages"]):
            if stage["group"] is not None and stage["group"] not in groups:
                yield f"{key}.stages.{place}.group", _("There is no such group.")
            if stage.get("escalatesTo") is not None and stage["escalatesTo"] not in groups:
                yield f"{key}.stages.{place}.escalatesTo", _("There is no such group.")
        for place, rule in enumerate(policy["rules"]):
            for name, known in (
                ("initiatorGroups", groups),
                ("participants", participants),
                ("applications", applications),
            ):
                if set(rule[name] or ()) - known:
                    yield f"{key}.rules.{place}.{name}", _("One of these does not exist.")


def _known(model: Any, ids: Collection[int]) -> set[int]:
    return set(model.objects.filter(pk__in=ids).values_list("pk", flat=True))
