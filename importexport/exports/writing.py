"""Writes rows as CSV with PostgreSQL's COPY, without model instances and in constant memory.

RFC 4180 in UTF-8 without a byte order mark: a header, commas, double quotes only where needed, CRLF line ends. Null is
an empty cell, an empty string a quoted empty cell.
"""

from __future__ import annotations

import csv
import io
from array import array
from collections.abc import Callable, Sequence
from typing import IO, Any

from django.db import connections
from django.db.models import F, QuerySet
from psycopg import ClientCursor

from core.replica import reading_alias
from core.spreadsheets import neutral_sql
from importexport.exports.columns import Column

CRLF = b"\r\n"
# The interval of progress reports.
ROWS_PER_REPORT = 1_000


def write_csv(
    rows: QuerySet[Any], columns: Sequence[Column], file: IO[bytes], *, report: Callable[[int], None]
) -> array[int]:
    """Write the rows ordered by id and return their ids.

    Call `report` with the number of rows written so far; its exceptions stop the export.
    """
    ids = array("i")
    file.write(_header(columns))
    write = file.write
    with connections[reading_alias()].cursor() as cursor:
        # COPY accepts no parameters, so they are quoted into the statement.
        statement = ClientCursor(cursor.connection).mogrify(*_statement(rows, columns))
        with cursor.copy(f"COPY ({statement}) TO STDOUT (FORMAT csv, ENCODING 'UTF8')") as copy:
            # The protocol sends one row per message, ending with a bare line feed.
            for number, row in enumerate(copy, start=1):
                row_id, _comma, cells = bytes(row).partition(b",")
                ids.append(int(row_id))
                write(cells[:-1])
                write(CRLF)
                if not number % ROWS_PER_REPORT:
                    report(number)
    return ids


def _header(columns: Sequence[Column]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow([column.header for column in columns])
    return text.getvalue().encode()


def _statement(rows: QuerySet[Any], columns: Sequence[Column]) -> tuple[str, Sequence[Any]]:
    """Return the query of the file, with each row's id before its cells. Sorting the subquery prevents PostgreSQL from
    inlining it, which would evaluate each value several times.
    """
    names = [f"column_{number}" for number in range(len(columns))]
    expressions: dict[str, Any] = {name: column.expression for name, column in zip(names, columns, strict=True)}
    expressions["row_id"] = F("pk")
    chosen = rows.annotate(**expressions).order_by(names[0]).values_list("row_id", *names)
    inner, parameters = chosen.query.sql_with_params()
    cells = ["row_id"]
    cells += [neutral_sql(name) if column.is_text else name for name, column in zip(names, columns, strict=True)]
    statement = f"SELECT {', '.join(cells)} FROM ({inner}) AS chosen ORDER BY {names[0]}"  # noqa: S608 - no value in it
    return statement, parameters
