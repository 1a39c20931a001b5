"""The base of kinds whose document has parts that come and go: elements of a definition, items of a list."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Q

from accounts.actor import Actor
from accounts.queries import NOTHING
from changerequests.document_kinds import DocumentKind
from core.documents import Change, value_at


class PartsKind(DocumentKind):
    """Requests to change, add and remove parts. What changes a part that was removed meanwhile is outdated."""

    @abstractmethod
    def holder(self, path: str) -> str:
        """Return the path of what has the property at a path, or holds the part at it."""

    def visible(self, actor: Actor) -> Q | None:
        # Everybody sees schemas and lists, and contacts see no requests but those about themselves.
        return NOTHING if actor.is_contact else None

    def outdated_paths(self, document: Mapping[str, Any], changes: Sequence[Change]) -> list[str]:
        outdated = set(super().outdated_paths(document, changes))
        return [
            change.path
            for change in changes
            if change.path in outdated or value_at(document, self.holder(change.path)) is None
        ]
