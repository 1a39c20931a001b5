"""The first query of the most frequent operations, which can run together with the token lookup."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from accounts.actor import Actor, VisibilityScope, scope_params
from core.prepared import PreparedQuery

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ViewPrefetch:
    """A query for data visible to an actor, with its parameter values; the actor's ids are bound when it runs.

    `prepared` must return the same query for the same scope. The first column of its rows must not be null.
    """

    prepared: Callable[[VisibilityScope], PreparedQuery]
    values: Mapping[str, Any]

    def fetch(self, actor: Actor) -> Row | None:
        """Return the first row visible to the actor, or None."""
        return self.prepared(VisibilityScope.of(actor)).first({**scope_params(actor), **self.values})


@dataclass(frozen=True, slots=True)
class PrefetchResult:
    """The result of a prefetch that ran with the token lookup."""

    row: Row | None
