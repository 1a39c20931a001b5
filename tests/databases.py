"""The database of a test process: a copy of one that is made once, and kept until what it is made of changes.

Migrating takes many seconds, and the lists and the schemas that are shipped a second; PostgreSQL copies the result in a
few hundredths. So each process gets a copy. After a test that committed, what it added is deleted; if it touched
anything else, the process gets a new copy: with the same rows, and with all triggers, also those that forbid to empty a
table.
"""

import inspect
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, connections
from django.test import TransactionTestCase
from psycopg.sql import Literal
from pytest_django.plugin import DjangoDbBlocker

from contacts.models import ExternalSystem
from schemas.services.defaults import load_default_schemas, load_lists
from tests.fingerprints import ROOT, fingerprint

_PREFIX = "kontor_kept"
_LOCK = zlib.crc32(_PREFIX.encode())
_RENEW = pytest.StashKey[Callable[[], None]]()
_SEQUENCES = "SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences WHERE last_value > 0"
_TABLES = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public'"
# Systems that contacts of tests have ids in, besides those that are shipped.
SYSTEMS = ("CRM", "ERP", "SSO", "Kernbank Zürich")
# What changes with tables, indexes, constraints, triggers, functions, privileges and statistics.
_CATALOGS = (
    *("pg_class", "pg_index", "pg_constraint", "pg_trigger", "pg_attrdef", "pg_statistic"),
    "(SELECT xmin, oid FROM pg_proc WHERE pronamespace = 'public'::regnamespace)",
)
# As after the end of a process: its locks and its open transaction end too.
_END_OTHERS = """
    SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@dataclass(frozen=True)
class Kept:
    """A database that stays in the server from run to run, to be copied from. `build` fills what is made of `origin`.

    `sources` and `data` are the files that decide what is in it, besides those of its origin and what they import.
    """

    name: str
    build: Callable[[], object]
    sources: Callable[[], Iterator[Path]]
    origin: "Kept | None" = None

    def ensure(self) -> str:
        """Makes it unless it is there, and returns its name in the server."""
        origin = self.origin.ensure() if self.origin else "template0"
        database = f"{_PREFIX}_{self.name}_{fingerprint(self.all_sources())}"
        with _server() as run:
            run("SELECT pg_advisory_lock(%s)", [_LOCK])
            there = {name for (name,) in run("SELECT datname FROM pg_database")}
            if database not in there:
                for outdated in there:
                    if outdated.startswith(f"{_PREFIX}_{self.name}_"):
                        run(f'DROP DATABASE "{outdated}" WITH (FORCE)')
                # Under another name until it is whole.
                draft = f"{_PREFIX}_draft"
                run(f'DROP DATABASE IF EXISTS "{draft}" WITH (FORCE)')
                run(f'CREATE DATABASE "{draft}" TEMPLATE "{origin}"')
                with _connected_to(draft):
                    self.build()
                run(f'ALTER DATABASE "{draft}" RENAME TO "{database}"')
        return database

    def all_sources(self) -> list[Path]:
        return [*self.sources(), *(self.origin.all_sources() if self.origin else [])]


@dataclass
class Copy:
    """A database of this process's own."""

    name: str
    origin: str
    _since: int = 0
    _tables: list[str] = field(default_factory=list)
    _as_made: dict[str, int] = field(default_factory=dict)

    def make(self) -> None:
        self.remove()
        with _server() as run:
            # The quickest way for a small one in a server that does not wait for the disk.
            run(f'CREATE DATABASE "{self.name}" TEMPLATE "{self.origin}" STRATEGY file_copy')

    def remember(self) -> None:
        """Note what is in it as it was made, for `restore`."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()::text::bigint")
            (self._since,) = cursor.fetchone()
            cursor.execute(_TABLES)
            self._tables = [name for (name,) in cursor.fetchall()]
            cursor.execute(_one_row_for_each("SELECT count(*) FROM {}", [*self._tables, *_CATALOGS]))
            self._as_made = dict(cursor.fetchall())

    def restore(self) -> None:
        """As it was made, but for its sequences: a process remembers by their numbers, so none may come twice.

        The usual test only adds rows, and these are deleted. To copy the files takes ten times as long.
        """
        if connection.settings_dict["NAME"] != self.name:
            return  # The test had another database.
        connections.close_all()
        with connection.cursor() as cursor:
            cursor.execute(_END_OTHERS)
            added = f"xmin::text::bigint >= {self._since}"
            # How many of its rows were there before, and how many were not.
            rows = f"SELECT ARRAY[count(*) FILTER (WHERE NOT {added}), count(*) FILTER (WHERE {added})] FROM {{}}"  # noqa: S608

            def counted(names: Iterable[str]) -> dict[str, list[int]]:
                cursor.execute(_one_row_for_each(rows, names))
                return dict(cursor.fetchall())

            # First, for a table may be gone.
            has_same_tables = all([self._as_made[name], 0] == found for name, found in counted(_CATALOGS).items())
            found = counted(self._tables) if has_same_tables else {}
            if found and all(self._as_made[name] == old for name, (old, _new) in found.items()):
                deletions = [f"DELETE FROM {name} WHERE {added}" for name, (_old, new) in found.items() if new]  # noqa: S608
                # Triggers forbid some deletions, and foreign keys ask for an order.
                ways = ("SET session_replication_role = replica", "RESET session_replication_role")
                cursor.execute("; ".join([ways[0], *deletions, ways[1]]))
                return
        self.renew()

    def renew(self) -> None:
        """Like `restore`, from the files: nothing is left of rows that were deleted or taken back either."""
        with connection.cursor() as cursor:
            cursor.execute(_SEQUENCES)
            sequences = cursor.fetchall()
        self.make()
        with connection.cursor() as cursor:
            cursor.executemany("SELECT setval(%s, %s)", sequences)
        self.remember()

    def remove(self) -> None:
        connections.close_all()
        with _server() as run:
            run(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')


def _one_row_for_each(statement: str, relations: Iterable[str]) -> str:
    """For each relation its name, and what the statement finds in it."""
    return " UNION ALL ".join(f"SELECT {Literal(name).as_string()}, ({statement.format(name)})" for name in relations)


@contextmanager
def _server() -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    """Runs statements about databases, from none of them."""
    with connection._nodb_cursor() as cursor:

        def run(statement: str, values: list[object] | None = None) -> list[tuple[Any, ...]]:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

        yield run


@contextmanager
def _connected_to(database: str) -> Iterator[None]:
    settings = connection.settings_dict
    before = settings["NAME"]
    connections.close_all()
    settings["NAME"] = database
    try:
        yield
    finally:
        connections.close_all()
        settings["NAME"] = before


def _migrate() -> None:
    call_command("migrate", verbosity=0, interactive=False)


def _migrations_and_models() -> Iterator[Path]:
    """Migrations may import code, and permissions follow from models."""
    yield from ROOT.glob("config/settings/*.py")
    for config in apps.get_app_configs():
        folder = Path(config.path)
        if folder.parent == ROOT:
            yield from folder.glob("migrations/*.py")
            yield from (Path(inspect.getfile(model)) for model in config.get_models())


def _load_defaults() -> None:
    load_lists()
    load_default_schemas()
    ExternalSystem.objects.bulk_create(ExternalSystem(name=name) for name in SYSTEMS)


def _defaults() -> Iterator[Path]:
    yield Path(__file__)
    yield from Path(inspect.getfile(load_lists)).parents[1].glob("data/*.json")


MIGRATED = Kept("migrated", _migrate, _migrations_and_models)
FILLED = Kept("filled", _load_defaults, _defaults, origin=MIGRATED)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Many rows that were taken back lie in their tables still, and the next tests would read past them."""
    yield
    if item.get_closest_marker("scale"):
        item.session.stash.get(_RENEW, lambda: None)()


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_blocker: DjangoDbBlocker,
    worker_id: str,
) -> Iterator[None]:
    """Instead of pytest-django's own: see above."""
    settings = connection.settings_dict
    with django_db_blocker.unblock():
        copy = Copy(f"test_{settings['NAME']}_{worker_id}", FILLED.ensure())
        copy.make()
        settings["NAME"] = copy.name
        copy.remember()

    def renew() -> None:
        if settings["NAME"] == copy.name:
            with django_db_blocker.unblock():
                copy.renew()

    request.session.stash[_RENEW] = renew
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _test_case: copy.restore())
        yield
    del request.session.stash[_RENEW]
    with django_db_blocker.unblock():
        copy.remove()


@pytest.fixture(scope="session")
def copy_of(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Callable[[Kept], AbstractContextManager[None]]:
    """Within the block tests run on a copy of a kept database, instead of the process's usual one."""

    @contextmanager
    def use(kept: Kept) -> Iterator[None]:
        with django_db_blocker.unblock():
            copy = Copy(f"{connection.settings_dict['NAME']}_{kept.name}", kept.ensure())
            copy.make()
        with _connected_to(copy.name):
            yield
        with django_db_blocker.unblock():
            copy.remove()

    return use
