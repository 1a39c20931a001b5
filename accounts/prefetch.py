"""The first query of the most frequent operations: it can run together with the lookup of the token."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from accounts.actor import Actor, VisibilityScope, scope_params
from core.prepared import PreparedQuery

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class ViewPrefetch:
    """A query of what an actor sees, with the values of its parameters; those of the actor are bound when it runs.

    `prepared` returns the same query for the same scope. The first column of its rows is never null.
    """

    prepared: Callable[[VisibilityScope], PreparedQuery]
    values: Mapping[str, Any]

    def fetch(self, actor: Actor) -> Row | None:
        """The first row that the actor sees, or None."""
        return self.prepared(VisibilityScope.of(actor)).first({**scope_params(actor), **self.values})


@dataclass(frozen=True, slots=True)
class PrefetchResult:
    """What a prefetch that ran with the lookup of the token found."""

    row: Row | None
