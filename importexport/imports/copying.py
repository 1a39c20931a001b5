"""COPY into tables: rows in PostgreSQL's text format, sent in large chunks."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.db.backends.utils import CursorWrapper
from django.db.models import Model
from psycopg import sql

_PIECE_BYTES = 1 << 17
NULL = b"\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def text(value: str | None) -> bytes:
    """Encode a text or NULL."""
    if value is None:
        return NULL
    if value.isprintable() and "\\" not in value:
        return value.encode()
    return value.translate(_ESCAPES).encode()


def json_text(document: bytes) -> bytes:
    """Encode JSON from orjson. It has no tabs or line breaks, so only backslashes need escaping."""
    return document.replace(b"\\", b"\\\\")


def text_array(values: Iterable[str]) -> bytes:
    """Encode an array of texts."""
    items = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return ("{" + ",".join(f'"{item}"' for item in items) + "}").translate(_ESCAPES).encode()


def binary(value: bytes) -> bytes:
    """Encode bytes."""
    return b"\\\\x" + value.hex().encode()


def number(value: int | None) -> bytes:
    """Encode an integer or NULL."""
    return NULL if value is None else b"%d" % value


def timestamp(value: datetime) -> bytes:
    """Encode a timestamp."""
    return value.isoformat().encode()


def row(*cells: bytes) -> bytes:
    """Join cells to a line."""
    return b"\t".join(cells) + b"\n"


def columns_of(model: type[Model], fields: Sequence[str]) -> list[str]:
    """Return the columns of a model's fields: `contact_id` for `contact`."""
    return [str(model._meta.get_field(name).column) for name in fields]  # type: ignore[union-attr]


def copy_rows(cursor: CursorWrapper, table: str, columns: Sequence[str], rows: Iterable[bytes]) -> None:
    """Write rows into a table; the iterable is consumed lazily."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with cursor.db.wrap_database_errors, cursor.copy(statement) as copy:
        for piece in _pieces(rows):
            copy.write(piece)


def copy_into(cursor: CursorWrapper, model: type[Model], fields: Sequence[str], rows: Iterable[bytes]) -> None:
    """Write rows into a model's table."""
    copy_rows(cursor, model._meta.db_table, columns_of(model, fields), rows)


def _pieces(rows: Iterable[bytes]) -> Iterator[bytes]:
    """Join rows to chunks of about _PIECE_BYTES, to reduce the number of writes."""
    gathered: list[bytes] = []
    size = 0
    for line in rows:
        gathered.append(line)
        size += len(line)
        if size >= _PIECE_BYTES:
            yield b"".join(gathered)
            gathered, size = [], 0
    if gathered:
        yield b"".join(gathered)
