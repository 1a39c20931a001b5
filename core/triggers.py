"""Triggers that enforce row invariants. Models declare them in `Meta.triggers` (django-pgtrigger)."""

from typing import Any

import pgtrigger
from pgtrigger import compiler


def refuse(message: str, *values: str) -> str:
    """Return the statement that rejects a change with an IntegrityError. `values` are SQL for each % in the message."""
    arguments = ", ".join([f"'{message}'", *values])
    return f"RAISE EXCEPTION {arguments} USING ERRCODE = 'integrity_constraint_violation';"


def refused(constraint: str, reason: str) -> str:
    """Return the statement that refuses a row as if it violated the unique constraint."""
    return f"RAISE EXCEPTION 'Refused: {reason}' USING ERRCODE = 'unique_violation', CONSTRAINT = '{constraint}';"


class GuardSQL(compiler.UpsertTriggerSql):
    """The SQL that creates a guard, replacing the library's template. Migrations refer to it, so never change it.

    The library's functions use the caller's search path, temporary tables first, and a session setting can disable
    them. These set their own search path, temporary tables last, and cannot be disabled that way.

    They force index scans, because a cached plan outlives the table statistics it was made with. The table is locked
    first, in the strongest mode needed: upgrading the lock later could deadlock.
    """

    def get_template(self) -> str:
        return """
            LOCK TABLE public.{table} IN ACCESS EXCLUSIVE MODE;
            CREATE OR REPLACE FUNCTION public.{pgid}() RETURNS trigger LANGUAGE plpgsql
                SET search_path = pg_catalog, public, pg_temp
                SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
            AS $$
                {declare}
                BEGIN
                    {func}
                END
            $$;
            DROP TRIGGER IF EXISTS {pgid} ON public.{table};
            CREATE {constraint} TRIGGER {pgid}
                {when} {operation} ON public.{table}
                {timing}
                {referencing}
                FOR EACH {level} {condition}
                EXECUTE FUNCTION public.{pgid}();
            COMMENT ON TRIGGER {pgid} ON public.{table} IS '{hash}';
        """


class Guard(pgtrigger.Trigger):
    """A trigger that rejects invalid changes. Its function must qualify tables with their schema, `public`."""

    def compile(self, model: Any) -> compiler.Trigger:
        compiled = super().compile(model)
        return compiler.Trigger(name=compiled.name, sql=GuardSQL(**compiled.sql.kwargs))


class NeverEmptied(Guard):
    """Reject TRUNCATE."""

    level = pgtrigger.Statement
    when = pgtrigger.Before
    operation = pgtrigger.Truncate
    func = refuse("TRUNCATE refused: nothing is ever deleted from %.", "TG_TABLE_NAME")


class VersionCountsChanges(Guard):
    """Require that `version` goes up by exactly one when `details` change, and by at most one otherwise.

    Checked in the trigger's condition, so that no function runs for valid updates.
    """

    when = pgtrigger.Before
    operation = pgtrigger.Update
    condition = pgtrigger.Condition(
        "NEW.version <> OLD.version AND NEW.version <> OLD.version + 1"
        " OR NEW.version = OLD.version AND NEW.details IS DISTINCT FROM OLD.details"
    )
    func = refuse(
        "Refused for row % of %: the version goes up by one with every change of the details.",
        "OLD.id",
        "TG_TABLE_NAME",
    )
