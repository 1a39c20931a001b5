"""What waits to be created: it has no row of its own yet, but an id, a uid, and names that nobody else may take.

The app that owns it declares a model on the base below, with the columns that no two rows may share. Reservations and
rows exclude each other by triggers: a writer of rows takes a shared advisory lock, a reservation an exclusive one, and
both look at the other side after that. So the second of two writers waits, and sees what the first has written.
"""

from dataclasses import dataclass
from uuid import uuid4

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.triggers import Guard, refused

# Advisory lock key.
RESERVING = 0x4B525356


class WaitingCreation(models.Model):
    """The subject of a request to create something. `id` and `uid` are those that it will have.

    `name` is what it is called until it is created. The database notes when the request is closed, and drops the
    reservations then.
    """

    id = models.IntegerField(primary_key=True)
    uid = models.UUIDField(_("uid"), default=uuid4, unique=True, editable=False)
    name = models.TextField(_("name"), blank=True, default="")
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name or str(self.uid)


@dataclass(frozen=True, slots=True)
class Reservations:
    """A column of which rows and reservations have each value once, and the tables of both.

    A row never collides with the reservation of its own subject, which both tables refer to. `row_constraint` and
    `reserved_constraint` are the names that refusals have: a row has the value, or somebody has reserved it.
    """

    column: str
    rows: str
    row_subject: str
    reserved: str
    reserved_subject: str
    row_constraint: str
    reserved_constraint: str
    is_case_ignored: bool = False

    def _same(self, one: str, other: str) -> str:
        template = "upper({}.{})" if self.is_case_ignored else "{}.{}"
        return f"{template.format(one, self.column)} = {template.format(other, self.column)}"

    def _of_others(self, row: str) -> str:
        return f"{self._same('reserved', row)} AND reserved.{self.reserved_subject} <> {row}.{self.row_subject}"

    def of_rows(self) -> list[Guard]:
        """Return the triggers by which rows are refused if somebody else has reserved their value."""
        taken = refused(self.reserved_constraint, "it is reserved for what waits for approval.")
        lock = f"PERFORM pg_advisory_xact_lock_shared({RESERVING});"
        return [
            # Once per statement, so that COPY pays for one join per batch.
            Guard(
                name=f"{self.column}_is_not_reserved",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="written"),
                func=f"""
                    {lock}
                    IF EXISTS (SELECT FROM written JOIN public.{self.reserved} reserved ON {self._of_others("written")})
                    THEN
                        {taken}
                    END IF;
                    RETURN NULL;
                """,
            ),
            Guard(
                name=f"new_{self.column}_is_not_reserved",
                when=pgtrigger.After,
                operation=pgtrigger.UpdateOf(self.column),
                condition=pgtrigger.Condition(
                    f"NEW.{self.column} IS DISTINCT FROM OLD.{self.column} AND NEW.{self.column} IS NOT NULL"
                ),
                func=f"""
                    {lock}
                    IF EXISTS (SELECT FROM public.{self.reserved} reserved WHERE {self._of_others("NEW")}) THEN
                        {taken}
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def of_reservations(self) -> list[Guard]:
        """Return the trigger by which a reservation is refused if a row has its value."""
        return [
            Guard(
                name=f"{self.column}_is_free",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf(self.column),
                condition=pgtrigger.Condition(f"NEW.{self.column} IS NOT NULL"),
                func=f"""
                    PERFORM pg_advisory_xact_lock({RESERVING});
                    IF EXISTS (SELECT FROM public.{self.rows} present WHERE {self._same("present", "NEW")}) THEN
                        {refused(self.row_constraint, "it is taken.")}
                    END IF;
                    RETURN NEW;
                """,
            )
        ]


def frees_reservations(*, name: str, kind: str, statements: str) -> Guard:
    """Return the trigger that drops what a subject has reserved once its request is closed, in whatever way.

    `statements` do so for NEW, a row of RequestSubject.
    """
    return Guard(
        name=name,
        when=pgtrigger.After,
        operation=pgtrigger.UpdateOf("is_open"),
        condition=pgtrigger.Condition(f"NEW.kind = '{kind}' AND OLD.is_open AND NOT NEW.is_open"),
        func=f"""
            {statements}
            RETURN NULL;
        """,
    )
