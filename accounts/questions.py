"""What the most frequent operations ask of the database: it can be asked together with who is asking."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from accounts.actor import Actor, Sight, ids_of
from core.statements import Statement

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A statement of what an actor sees, with the values of its slots; those of the actor are filled when it is asked.

    `statement` gives the same statement whenever it is called. The first column of its rows is never null.
    """

    statement: Callable[[Sight], Statement]
    values: Mapping[str, Any]

    def answer(self, actor: Actor) -> Row | None:
        """The first row that the actor sees, or None."""
        return self.statement(Sight.of(actor)).first({**ids_of(actor), **self.values})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question brought that was asked along with the token."""

    row: Row | None
