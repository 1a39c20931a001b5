"""Triggers that guard what is always true of rows. Models declare them in `Meta.triggers`, by django-pgtrigger."""

from typing import Any

import pgtrigger
from pgtrigger import compiler


def refuse(message: str, *values: str) -> str:
    """The statement that refuses a change with an IntegrityError; `values` are SQL for each % of the message."""
    arguments = ", ".join([f"'{message}'", *values])
    return f"RAISE EXCEPTION {arguments} USING ERRCODE = 'integrity_constraint_violation';"


class GuardSQL(compiler.UpsertTriggerSql):
    """What creates a guard, in place of the library's template. Migrations refer to it, so it never changes.

    The library's functions find relations on the caller's search path, temporary tables first, and can be switched off
    by a setting of the session. These have a search path of their own, with temporary tables last, and no switch.

    They look rows up by index, whatever the planner knows of the tables, since a plan is kept while tables grow. The
    table is locked first, and for all that follows: a lock that grew later could meet others in a deadlock.
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
    """A trigger that refuses what must not be. Its function names tables with their schema, `public`."""

    def compile(self, model: Any) -> compiler.Trigger:
        compiled = super().compile(model)
        return compiler.Trigger(name=compiled.name, sql=GuardSQL(**compiled.sql.kwargs))


class NeverEmptied(Guard):
    """Refuses TRUNCATE."""

    level = pgtrigger.Statement
    when = pgtrigger.Before
    operation = pgtrigger.Truncate
    func = refuse("TRUNCATE refused: nothing is ever deleted from %.", "TG_TABLE_NAME")


class VersionCountsChanges(Guard):
    """The `version` of a row goes up by one with every change of its `details`, and never otherwise by another step.

    A condition, so that no function runs for a row that keeps the rule.
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
