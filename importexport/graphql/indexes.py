"""Trigram indexes on the text fields that a schema marks `isSearchable`, created after it is published.

The name of an index is a hash of its table and expression. Comparing the wanted names with the existing ones is
therefore enough: no other state is stored, and the next run repairs an interrupted one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256

import structlog
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import connection
from django.db.models import F, Func, Model

from contacts.models import CONTACT_SCHEMA, Contact
from core.folding import Folded
from importexport.graphql.expressions import DigitsDialled, TextAt
from importexport.graphql.kinds import PHONE, TEXT, Kind
from importexport.graphql.tree import Branch, Value, branch_of
from legalentities.models import LEGAL_ENTITY_SCHEMA, LegalEntity
from schemas.models import Schema
from schemas.queries import current_schema

MODELS: Mapping[str, type[Model]] = {CONTACT_SCHEMA: Contact, LEGAL_ENTITY_SCHEMA: LegalEntity}
PREFIX = "search_text_"
# Advisory lock key: any number that no other job uses.
LOCK = 6_473_021_895

_FORMS: Mapping[Kind, tuple[type[Func], ...]] = {TEXT: (Folded,), PHONE: (Folded, DigitsDialled)}

log = structlog.get_logger("kontor.search")


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """An index on the text at a path of a model's details, in the form that filters compare: folded or, for phone
    numbers, as digits.
    """

    model: type[Model]
    path: tuple[str, ...]
    form: type[Func] = Folded

    @property
    def name(self) -> str:
        content = "\n".join((self.model._meta.db_table, f"gin_trgm_ops {self.form.__name__.lower()}", *self.path))
        return PREFIX + sha256(content.encode()).hexdigest()[:16]

    @property
    def index(self) -> GinIndex:
        text = self.form(TextAt(F("details"), self.path))
        # fastupdate off: searches should not scan a pending list after each import.
        return GinIndex(OpClass(text, name="gin_trgm_ops"), name=self.name, fastupdate=False)


@dataclass(frozen=True, slots=True)
class Changes:
    """Created indexes and the names of dropped ones.

    `is_busy`: another run held the lock, so this one did nothing. `is_refused`: the role does not own the tables.
    """

    created: tuple[SearchIndex, ...] = ()
    dropped: tuple[str, ...] = ()
    is_busy: bool = False
    is_refused: bool = False


def wanted_indexes() -> dict[str, SearchIndex]:
    """Return the indexes that the current schemas require, by name. Schemas that are not loaded yet have none."""
    loaded = Schema.objects.filter(key__in=MODELS, current_version__isnull=False).values_list("key", flat=True)
    found = [
        SearchIndex(MODELS[key], value.path, form)
        for key in loaded
        for value in _indexed_values(branch_of(current_schema(key).definition.elements))
        for form in _FORMS[value.kind]
    ]
    return {index.name: index for index in found}


def missing_indexes() -> list[SearchIndex]:
    """Return the indexes that the current schemas require and that are not there, or not usable."""
    existing = _existing()
    return [index for name, index in wanted_indexes().items() if not existing.get(name)]


def keep_search_indexes() -> Changes:
    """Create missing indexes, drop unneeded ones, and rebuild invalid ones, all CONCURRENTLY.

    Must run outside a transaction. Does nothing if another run holds the advisory lock, or if another role owns the
    tables: only their owner may create indexes.
    """
    if not _owns_tables():
        if missing := missing_indexes():
            log.warning("search_indexes_wait_for_owner", missing=len(missing))
        return Changes(is_refused=True)
    with _alone() as is_alone:
        if not is_alone:
            return Changes(is_busy=True)
        wanted, existing = wanted_indexes(), _existing()
        obsolete = [name for name, is_valid in existing.items() if name not in wanted or not is_valid]
        _drop(obsolete)
        missing = [index for name, index in wanted.items() if name not in existing or name in obsolete]
        for index in missing:
            _create(index)
        _analyze({index.model for index in missing})
        return Changes(created=tuple(missing), dropped=tuple(obsolete))


def _indexed_values(branch: Branch) -> Iterator[Value]:
    for field in branch.fields.values():
        if isinstance(field, Branch):
            yield from _indexed_values(field)
        elif isinstance(field, Value) and field.is_indexed:
            yield field


@contextmanager
def _alone() -> Iterator[bool]:
    """Try to take the advisory lock, in a transaction on a connection of its own; yield whether it was granted.

    Indexes are built outside a transaction, and behind a pooler a lock of the session would stay with whatever
    connection has taken it. Never waits: CREATE INDEX CONCURRENTLY waits for other transactions, including one that
    waits for this lock. It does not wait for one that holds it and does nothing.
    """
    own = connection.copy()
    try:
        own.set_autocommit(False)
        with own.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
            is_alone = bool(cursor.fetchone()[0])
        yield is_alone
    finally:
        own.close()


def _owns_tables() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT bool_and(pg_has_role(relowner, 'USAGE')) FROM pg_class WHERE oid = ANY(%s::regclass[])",
            [[model._meta.db_table for model in MODELS.values()]],
        )
        return bool(cursor.fetchone()[0])


def _existing() -> dict[str, bool]:
    """Return the existing search indexes: name -> whether it is valid. Interrupted builds leave invalid ones."""
    tables = [model._meta.db_table for model in MODELS.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT made.relname, state.indisvalid AND state.indisready FROM pg_index state"
            " JOIN pg_class made ON made.oid = state.indexrelid"
            " WHERE state.indrelid = ANY(%s::regclass[]) AND starts_with(made.relname, %s)",
            [tables, PREFIX],
        )
        return dict(cursor.fetchall())


def _drop(names: Collection[str]) -> None:
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {connection.ops.quote_name(name)}")
            log.info("search_index_dropped", name=name)


def _create(index: SearchIndex) -> None:
    with connection.schema_editor(atomic=False) as editor:
        editor.add_index(index.model, index.index, concurrently=True)  # type: ignore[call-arg]
    log.info("search_index_created", name=index.name, table=index.model._meta.db_table, path=".".join(index.path))


def _analyze(models: Collection[type[Model]]) -> None:
    """Collect statistics on the indexed expressions, which the planner needs for selectivity estimates."""
    with connection.cursor() as cursor:
        for model in models:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")
