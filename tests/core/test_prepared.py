"""Prepared queries: tests that count statements run the same code as production."""

import psycopg
import pytest
from django.db import DataError, connection
from django.db.backends.utils import CursorDebugWrapper

from core.prepared import PreparedQuery, execute, execute_pipeline

pytestmark = pytest.mark.django_db

ADDED = PreparedQuery("SELECT %s::int + 1", ("number",))
FAILING = PreparedQuery("SELECT 1 / %s::int", ("number",))


@pytest.fixture
def pipelines(monkeypatch):
    """How many pipelines were opened."""
    opened = []
    pipeline = psycopg.Connection.pipeline
    monkeypatch.setattr(psycopg.Connection, "pipeline", lambda self: opened.append(self) or pipeline(self))
    return opened


def test_a_pipeline_of_three_statements_counts_as_three_and_is_one_pipeline(count_queries, pipelines):
    with count_queries() as queries:
        rows = execute_pipeline(*[(ADDED, {"number": number}) for number in (1, 2, 3)])
    assert rows == [[(2,)], [(3,)], [(4,)]]
    assert [query["sql"] for query in queries.captured_queries] == [f"SELECT {number}::int + 1" for number in (1, 2, 3)]
    assert len(pipelines) == 1


def test_a_pipeline_that_is_not_counted_leaves_no_log(pipelines):
    connection.queries_log.clear()
    execute_pipeline((ADDED, {"number": 1}))
    assert (len(pipelines), len(connection.queries_log)) == (1, 0)


def test_a_counted_statement_is_prepared_like_any_other(count_queries, monkeypatch):
    monkeypatch.setattr(CursorDebugWrapper, "execute", lambda *_: pytest.fail("not the cursor of production"))
    with count_queries() as queries:
        for number in range(connection.connection.prepare_threshold + 2):
            assert ADDED.first({"number": number}) == (number + 1,)
        prepared = execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE %s", ["%::int + 1"])
    assert prepared == [("SELECT $1::int + 1",)]
    assert len(queries) == connection.connection.prepare_threshold + 3
    assert all(float(query["time"]) >= 0 for query in queries.captured_queries)


def test_a_statement_that_fails_is_counted_and_raises_what_it_raises_in_production(count_queries):
    for fails in (lambda: FAILING.first({"number": 0}), lambda: execute_pipeline((FAILING, {"number": 0}))):
        sid = connection.savepoint()
        with count_queries() as queries, pytest.raises(DataError, match="division by zero"):
            fails()
        assert [query["sql"] for query in queries.captured_queries] == ["SELECT 1 / 0::int"]
        connection.savepoint_rollback(sid)


def test_a_value_that_no_text_can_hold_is_refused_in_the_same_way_when_counted(count_queries):
    with pytest.raises(DataError) as plain:
        execute("SELECT %s", ["\0"])
    with count_queries() as queries, pytest.raises(DataError) as counted:
        execute("SELECT %s", ["\0"])
    assert str(plain.value) == str(counted.value)
    assert [query["sql"] for query in queries.captured_queries] == ["SELECT %s"]
