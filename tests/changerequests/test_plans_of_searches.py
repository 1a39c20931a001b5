"""With many requests of three kinds, the queue and the searches find theirs by an index."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from benchmarks.change_requests import TABLES
from benchmarks.queue import filling
from benchmarks.queue.searches import PEOPLE, searches
from tests.databases import FILLED, Kept

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("default_schemas"), pytest.mark.scale]
SUBJECTS, REQUESTS = 10_000, 50_000
# Without a criterion the count reads the table: visibility asks something else about the subjects of each kind, and
# no index answers for all kinds together. So does the count of a kind that most requests have, for who sees them all.
READS_ALL = {"API: all", "API: all, late page", "API: one kind"}


def build_many() -> None:
    filling.add_people()
    filling.add_subjects(SUBJECTS)
    filling.replace_requests(REQUESTS, subjects=SUBJECTS)
    with connection.cursor() as cursor:
        for table in (*filling.SUBJECTS, *TABLES):
            cursor.execute(f"VACUUM ANALYZE {table}")


MANY = Kept("requests", build_many, lambda: iter([Path(__file__), Path(filling.__file__)]), origin=FILLED)


@pytest.fixture(scope="module", autouse=True)
def many(copy_of: Any) -> Iterator[None]:
    with copy_of(MANY):
        yield


def scans(statement: str) -> list[tuple[str, str]]:
    """Return how a statement would scan the requests: node types and indexes."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}")
        (found,) = cursor.fetchone()
    nodes, read = [(json.loads(found) if isinstance(found, str) else found)[0]["Plan"]], []
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node.get("Relation Name") == TABLES[0]:
            read.append((node["Node Type"], node.get("Index Name", "")))
    return read


@pytest.mark.parametrize("who", PEOPLE)
def test_searches_find_requests_by_an_index(who: str, count_queries: Callable[[], Any]) -> None:
    """Each search is asserted, so that all that miss an index are in the message."""
    missed = {}
    for search in searches():
        if search.who != who:
            continue
        search.run()  # fills the caches of schemas and lists
        with count_queries() as queries:
            search.run()
        statements = [captured["sql"] for captured in queries.captured_queries if f'"{TABLES[0]}"' in captured["sql"]]
        assert statements, search
        for statement in statements:
            read = scans(statement)
            is_count = statement.startswith("SELECT COUNT(*)")
            if any(kind == "Seq Scan" for kind, _index in read) and not (is_count and search.name in READS_ALL):
                missed[search.name] = (read, statement[:60])
    assert not missed
