"""Migration operations: validating with an explanation, and locking tables that are in use."""

from typing import Any

from django.contrib.postgres.operations import ValidateConstraint
from django.db import IntegrityError
from django.db.migrations import RunSQL

MOST_NAMED = 20

_CONDITION = "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conrelid = %s::regclass AND conname = %s"


class ValidateOrExplain(ValidateConstraint):
    """Validate a check constraint. If rows violate it, the error lists up to 20 ids and the remedy.

    The migration does not fix the rows itself: they are client data, which a person should review.
    """

    def __init__(self, model_name: str, name: str, *, remedy: str) -> None:
        super().__init__(model_name, name)
        self.remedy = remedy

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        try:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        except IntegrityError as error:
            model = from_state.apps.get_model(app_label, self.model_name)
            identities = _violating(schema_editor, model._meta.db_table, self.name)
            raise IntegrityError(
                f"Rows of {model._meta.db_table} violate {self.name}, among them those with the ids "
                f"{', '.join(map(str, identities))}. Look at them; what puts them right is: {self.remedy} "
                "Then run manage.py migrate again: it goes on from here."
            ) from error


class LockTables(RunSQL):
    """Lock tables exclusively until the migration's transaction ends. Needs an atomic migration.

    It never waits for a table while it holds another, so it cannot deadlock with the processes that use them, whatever
    order they take. Nobody queues behind it for longer than a second at a time.
    """

    def __init__(self, *tables: str) -> None:
        self.tables = tables
        first, *others = (f"public.{table} IN ACCESS EXCLUSIVE MODE" for table in tables)
        locks = "".join(f"LOCK TABLE {table} NOWAIT; " for table in others)
        super().__init__(
            f"""
            SET LOCAL lock_timeout = '1s';
            DO $$
            BEGIN
                FOR attempt IN 1..60 LOOP
                    BEGIN
                        LOCK TABLE {first}; {locks}
                        RETURN;
                    EXCEPTION WHEN lock_not_available THEN
                        PERFORM pg_sleep(0.1);
                    END;
                END LOOP;
                RAISE EXCEPTION 'Others used {", ".join(tables)} all the time. Run manage.py migrate again.'
                    USING ERRCODE = 'lock_not_available';
            END
            $$;
            """,
            self.noop,
        )

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return self.__class__.__name__, list(self.tables), {}


def _violating(schema_editor: Any, table: str, constraint: str) -> list[Any]:
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(_CONDITION, [table, constraint])
        (condition,) = cursor.fetchone()
        # Safe to interpolate: the table name is quoted and the condition comes from the system catalog.
        name = schema_editor.quote_name(table)
        cursor.execute(f"SELECT id FROM {name} WHERE NOT ({condition}) ORDER BY id LIMIT {MOST_NAMED}")  # noqa: S608
        return [identity for (identity,) in cursor.fetchall()]
