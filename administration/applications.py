"""What a change of a client application gives and what it takes away. Pure: nothing here reads or writes."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.documents import Change, Document, changes_between

APPLICATION = "application"


def with_sight(document: Mapping[str, Any]) -> Document:
    """Return the document saying whether the application sees all contacts: it does without participants.

    One without scopes sees nothing. So a request shows what removing the last participant gives.
    """
    return {**document, "seesAllContacts": bool(document["scopes"]) and not document["participants"]}


def split(current: Mapping[str, Any], target: Mapping[str, Any]) -> tuple[Sequence[Change], Sequence[Change]]:
    """Return the changes that take away, and those that give once they are made. Both documents are `with_sight`.

    Removing the owner gives: the former one still knows the secret, and could then decide what it is used for.
    """
    reduced = with_sight(
        {
            **current,
            "scopes": [scope for scope in current["scopes"] if scope in target["scopes"]],
            "participants": _fewer(current, target["participants"]),
            "isSecretDue": current["isSecretDue"] and target["isSecretDue"],
        }
    )
    return changes_between(current, reduced), changes_between(reduced, target)


def _fewer(current: Mapping[str, Any], target: list[int]) -> list[int]:
    """Return the participants if the target only took sight away, which the first ones do and removing the last not."""
    if current["seesAllContacts"]:
        return target
    kept = [participant for participant in current["participants"] if participant in target]
    return kept or current["participants"]
