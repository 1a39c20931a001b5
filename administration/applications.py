"""The document of a client application: what is valid, and what a change of it gives and takes away. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from accounts.decisions import DECIDES_WITH
from accounts.models import ClientApplication
from accounts.registration import faults_of, normalised_keys, origin_fault, redirect_fault
from accounts.scopes import ALL_SCOPES
from core.documents import Change, Document, changes_between
from core.text import required_line_faults

APPLICATION = "application"
FOR_ITSELF = ClientApplication.GRANT_CLIENT_CREDENTIALS
FOR_PEOPLE = ClientApplication.GRANT_AUTHORIZATION_CODE
MAX_NAME = 255

# Lists of which each item gives something. Of participants each takes sight away, but for the first.
_GIVING_LISTS = ("scopes", "redirectUris", "origins", "publicKeys")
_FLAGS = ("isSecretDue", "isPublic", "carriesDecisions")


def with_sight(document: Mapping[str, Any]) -> Document:
    """Return the document saying whether the application sees all contacts: it does without participants.

    One without scopes sees nothing, and one that acts for people sees what they see. So a request shows what removing
    the last participant gives.
    """
    acts = bool(document["scopes"]) and document["grant"] == FOR_ITSELF
    return {**document, "seesAllContacts": acts and not document["participants"]}


NOTHING: Document = with_sight(
    {
        "name": None,
        "grant": FOR_ITSELF,
        "isPublic": False,
        "scopes": [],
        "carriesDecisions": False,
        "participants": [],
        "redirectUris": [],
        "origins": [],
        "owner": None,
        "isSecretDue": False,
        "publicKeys": [],
    }
)


def split(current: Mapping[str, Any], target: Mapping[str, Any]) -> tuple[Sequence[Change], Sequence[Change]]:
    """Return the changes that take away, and those that give once they are made. Both documents are `with_sight`.

    Removing the owner gives: nobody would answer for it any more. So does another grant or type of client.
    """
    reduced = with_sight(
        {
            **current,
            **{path: [item for item in current[path] if item in target[path]] for path in _GIVING_LISTS},
            "participants": _fewer(current, target["participants"]),
            "isSecretDue": current["isSecretDue"] and target["isSecretDue"],
            "carriesDecisions": current["carriesDecisions"] and target["carriesDecisions"],
        }
    )
    return changes_between(current, reduced), changes_between(reduced, target)


def _fewer(current: Mapping[str, Any], target: list[int]) -> list[int]:
    """Return the participants if the target only took sight away, which the first ones do and removing the last not."""
    if current["seesAllContacts"]:
        return target
    kept = [participant for participant in current["participants"] if participant in target]
    return kept or current["participants"]


def normalised(document: Mapping[str, Any]) -> tuple[Document, dict[str, list[str]]]:
    """Return a whole document in its one form, and what is wrong with it by path, as far as the document shows it."""
    found, faults = dict(document), _type_faults(document)
    for path in ("scopes", "redirectUris", "origins", "participants"):
        if path not in faults:
            found[path] = sorted(set(document[path]))
    try:
        found["publicKeys"] = normalised_keys(document["publicKeys"])
    except ValueError as error:
        faults["publicKeys"] = [str(error)]
    if not faults:
        # A closed application carries nothing, so that closing it takes one step.
        found["carriesDecisions"] = document["carriesDecisions"] and bool(document["scopes"])
        faults = _faults(found)
    return (found if faults else with_sight(found)), faults


def _type_faults(document: Mapping[str, Any]) -> dict[str, list[str]]:
    faults = {path: [_("There is no such field.")] for path in document if path not in NOTHING}
    faults |= {path: [_("Expected true or false.")] for path in _FLAGS if not isinstance(document[path], bool)}
    for path, item_type in (("scopes", str), ("redirectUris", str), ("origins", str), ("participants", int)):
        if not isinstance(document[path], list) or not all(isinstance(item, item_type) for item in document[path]):
            faults[path] = [_("Expected a list.")]
    if document["grant"] not in (FOR_ITSELF, FOR_PEOPLE):
        faults["grant"] = [_("Expected %(grants)s.") % {"grants": f"{FOR_ITSELF}, {FOR_PEOPLE}"}]
    return faults


def _faults(document: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return what is wrong with values of the right type."""
    faults = {
        "scopes": [no_such(scope) for scope in document["scopes"] if scope not in ALL_SCOPES],
        "redirectUris": faults_of(map(redirect_fault, document["redirectUris"])),
        "origins": faults_of(map(origin_fault, document["origins"])),
    }
    acts_for_people, is_open = document["grant"] == FOR_PEOPLE, bool(document["scopes"])
    if acts_for_people and is_open and not document["redirectUris"]:
        faults["redirectUris"].append(_("An application that acts for people needs an address to which they return."))
    if not acts_for_people and (document["redirectUris"] or document["origins"]):
        path = "redirectUris" if document["redirectUris"] else "origins"
        faults[path].append(_("Only an application that acts for people has these."))
    if document["isPublic"]:
        faults |= _faults_of_public(document, acts_for_people=acts_for_people)
    if document["carriesDecisions"] and not (acts_for_people and DECIDES_WITH in document["scopes"]):
        faults["carriesDecisions"] = [
            _("Only an application that acts for people and has the scope %(scope)s relays decisions.")
            % {"scope": DECIDES_WITH}
        ]
    if document["owner"] is None and document["isSecretDue"]:
        faults["owner"] = [_("Without an owner nobody could collect the secret.")]
    return {path: found for path, found in faults.items() if found}


def _faults_of_public(document: Mapping[str, Any], *, acts_for_people: bool) -> dict[str, list[str]]:
    faults = {}
    if not acts_for_people:
        faults["isPublic"] = [_("An application that acts for itself has to authenticate itself.")]
    if document["isSecretDue"]:
        faults["isSecretDue"] = [_("Everybody could read the secret of a public application: it has none.")]
    if document["publicKeys"]:
        faults["publicKeys"] = [_("Everybody could read the key of a public application: it has none.")]
    return faults


def no_such(value: Any) -> str:
    return _("There is no %(id)s.") % {"id": value}


def name_faults(name: Any) -> dict[str, list[str]]:
    faults = required_line_faults(name, most=MAX_NAME)
    return {"name": faults} if faults else {}
