"""`python -m benchmarks.access_log [--rows N]`: how large the access log is, and how fast it answers and is written.

Fills two years of months in SQL, with a million contacts, 2,000 members and 20 applications, some of which look far
more often than others. Prints the plans, from which follows what more rows cost.
"""

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks import place  # first: it makes Django ready

# isort: split
import psycopg
from django.db import connection

from accounts.actor import system_actor
from audit.access.models import Access, Door, Looker, Way
from audit.access.queries import accesses_by, accesses_of
from audit.access.writing import Seen, insert
from benchmarks.report import Figure, table
from contacts.queries.looked import page_of_accesses
from core.places import Place

MONTHS = 24
MOST_MILLISECONDS = 1000
ACTOR = system_actor("benchmark")
# Half of what is looked at are the first thousandth of the contacts; squares prefer small numbers.
FILL = """
    INSERT INTO {part} (at, contact_id, actor_id, application_id, actor_kind, way, door, system, correlation_id)
    SELECT timestamptz %(first)s + random() * interval '28 days',
           1 + floor(CASE WHEN random() < 0.5 THEN random() * 1000 ELSE random() * 1000000 END)::integer,
           CASE WHEN kind = 1 THEN 1 + floor(random() * random() * 20) ELSE 1 + floor(random() * random() * 2000) END,
           CASE WHEN kind = 2 AND random() < 0.2 THEN 1 + floor(random() * 20) END,
           kind, CASE WHEN random() < 0.01 THEN 4 ELSE 1 + floor(random() * 2) END, 1 + floor(random() * 3), '',
           md5(random()::text)
      FROM (SELECT 1 + (random() < 0.7)::integer AS kind FROM generate_series(1, %(rows)s)) AS made
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.access_log",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    rows = parser.parse_args().rows
    place.make_place()
    began = time.perf_counter()
    months = _fill(rows)
    print(f"{rows:,} rows in {time.perf_counter() - began:.0f} s")
    print(table([*_sizes(rows), *_answers(months), *_writing()]))
    for name, found in _questions(months).items():
        print(f"\n{name}\n{found[:51].explain(analyze=True, buffers=True)}")


def _fill(rows: int) -> list[datetime]:
    """Fill the months before this one, and return the first moment of each."""
    this = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    months = []
    for ago in range(MONTHS, 0, -1):
        year, month = divmod(this.year * 12 + this.month - 1 - ago, 12)
        months.append(datetime(year, month + 1, 1, tzinfo=UTC))
    with psycopg.connect(place.conninfo(), autocommit=True) as own:
        own.execute("SET maintenance_work_mem = '256MB'")
        for first, following in zip(months, [*months[1:], this], strict=True):
            part = f"audit_access_{first:%Y%m}"
            own.execute(f"CREATE TABLE {part} (LIKE audit_access INCLUDING DEFAULTS)")
            own.execute(
                psycopg.ClientCursor(own).mogrify(
                    FILL.format(part=part), {"first": first.isoformat(), "rows": rows // MONTHS}
                )
            )
            bounds = f"FROM ('{first.isoformat()}') TO ('{following.isoformat()}')"
            own.execute(f"ALTER TABLE audit_access ATTACH PARTITION {part} FOR VALUES {bounds}")
        own.execute("VACUUM ANALYZE audit_access")
    return months


def _sizes(rows: int) -> list[Figure]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_total_relation_size(inhrelid)), sum(pg_relation_size(inhrelid)) FROM pg_inherits"
            " WHERE inhparent = 'audit_access'::regclass"
        )
        whole, heap = map(int, cursor.fetchone())
    return [
        Figure("a row with its indexes", whole / rows, "bytes"),
        Figure("a row without", heap / rows, "bytes"),
    ]


def _questions(months: list[datetime]) -> dict[str, Any]:
    old = months[2] + timedelta(days=10)
    march = {"at__gte": months[3], "at__lt": months[4]}
    return {
        "a contact often looked at": accesses_of(500),
        "a contact seldom looked at": accesses_of(765_432),
        "a contact, one old month": accesses_of(765_432).filter(**march),
        "a busy member": accesses_by(Looker.MEMBER, 1),
        "a member, one old month": accesses_by(Looker.MEMBER, 1500).filter(**march),
        "an application, exports alone": accesses_by(Looker.APP, 19).filter(way=Way.EXPORTED, at__gte=old),
        "somebody who never looked": accesses_by(Looker.MEMBER, 999_999),
        "the latest": Access.objects.filter(at__gte=months[-1]),
    }


def _answers(months: list[datetime]) -> list[Figure]:
    """Time a page of each question as the admin shows it, and a page deep in the answer to one."""
    deep = Place(months[1], 0)
    asked: dict[str, Callable[[], Any]] = {
        name: lambda rows=rows: page_of_accesses(rows, actor=ACTOR, after=None)
        for name, rows in _questions(months).items()
    }
    asked["a busy member, a page of two years ago"] = lambda: page_of_accesses(
        accesses_by(Looker.MEMBER, 1), actor=ACTOR, after=deep
    )
    figures = []
    for name, answer in asked.items():
        times = []
        for _ in range(4):
            began = time.perf_counter()
            answer()
            times.append((time.perf_counter() - began) * 1000)
        # The first one also reads from the disk.
        figures += [
            Figure(f"{name}, first", times[0], "ms", goal=MOST_MILLISECONDS, is_at_most=True),
            Figure(f"{name}, then", min(times[1:]), "ms"),
        ]
    return figures


def _writing() -> list[Figure]:
    """Write batches like a process at full load, and one export."""
    with psycopg.connect(place.conninfo(), autocommit=True) as own:
        batch = [
            Seen(time.time(), (number * 7919 % 1_000_000,), ACTOR, Way.READ, Door.API, "c" * 32)
            for number in range(500)
        ]
        times = []
        for _ in range(20):
            began = time.perf_counter()
            insert(own, batch, process_id=1)
            times.append(time.perf_counter() - began)
    return [Figure("a second of 500 reads, written", sorted(times)[10] * 1000, "ms")]


if __name__ == "__main__":
    main()
