"""Rows as CSV, from PostgreSQL's COPY straight into a file: no row becomes an object, and memory stays as it is.

RFC 4180 in UTF-8 without a byte order mark: a header, commas, double quotes where they are needed, CRLF at the end of a
row. An absent value is an empty cell, an empty text a quoted empty one.
"""

import csv
import io
from collections.abc import Callable, Sequence
from typing import IO, Any

from django.db import connection
from django.db.models import QuerySet
from psycopg import ClientCursor

from importexport.exports.columns import Column

CRLF = b"\r\n"
# How often the caller is told how far it is.
ROWS_PER_REPORT = 1_000

# A spreadsheet takes a cell that starts with one of these for a formula (OWASP, "CSV injection"): an apostrophe before
# it makes it text. Tab and line ends count, since some readers drop them; and the wide forms, since some take them for
# the narrow ones. An apostrophe in front of such a sign gets another, so that taking one away always gives the value.
_SUSPECT_CODES = ", ".join(str(ord(sign)) for sign in "'=+-@\t\n\r＝＋－＠")
_FORMULA = r"^''*[-=+@\t\n\r＝＋－＠]"
# Telephone numbers and numbers stay as they are. They name neither a function nor a cell, so they run nothing.
_PHONE = r"\+[0-9][-0-9 ()./]*"
_NUMBER = r"[-+]?[0-9]+([.,][0-9]+)?([eE][-+]?[0-9]+)?"
_NEUTRAL = (
    "CASE WHEN ascii({cell}) IN (" + _SUSPECT_CODES + ") AND {cell} ~ '" + _FORMULA + "' "
    "AND {cell} !~ '^(" + _PHONE + "|" + _NUMBER + ")$' THEN '''' || {cell} ELSE {cell} END"
)


def write_csv(rows: QuerySet[Any], columns: Sequence[Column], file: IO[bytes], *, report: Callable[[int], None]) -> int:
    """Write the rows in the order of their ids, and return how many.

    `report` is called with the number of rows written so far; what it raises ends the work.
    """
    file.write(_header(columns))
    write = file.write
    with connection.cursor() as cursor:
        # COPY takes no parameters: they are quoted into the text.
        statement = ClientCursor(cursor.connection).mogrify(*_statement(rows, columns))
        with cursor.copy(f"COPY ({statement}) TO STDOUT (FORMAT csv, ENCODING 'UTF8')") as copy:
            # The protocol gives one row per message, with a bare line feed at its end.
            for number, row in enumerate(copy, start=1):
                write(row[:-1])
                write(CRLF)
                if not number % ROWS_PER_REPORT:
                    report(number)
        written: int = cursor.rowcount
    return written


def _header(columns: Sequence[Column]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow([column.header for column in columns])
    return text.getvalue().encode()


def _statement(rows: QuerySet[Any], columns: Sequence[Column]) -> tuple[str, Sequence[Any]]:
    """The query behind the file. The inner one is sorted, so PostgreSQL reads each value once, however often the outer
    one names it.
    """
    names = [f"column_{number}" for number in range(len(columns))]
    expressions = {name: column.expression for name, column in zip(names, columns, strict=True)}
    inner, parameters = rows.annotate(**expressions).order_by(names[0]).values_list(*names).query.sql_with_params()
    cells = [
        _NEUTRAL.format(cell=name) if column.is_text else name for name, column in zip(names, columns, strict=True)
    ]
    statement = f"SELECT {', '.join(cells)} FROM ({inner}) AS chosen ORDER BY {names[0]}"  # noqa: S608 - no value in it
    return statement, parameters
