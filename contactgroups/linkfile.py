"""Reader for CSV files that link entities of other systems to contact groups."""

import csv
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from io import StringIO
from typing import Any

from contactgroups.services import LinkRow
from core.text import normalized

GROUP_COLUMNS = ("groupExternalId", "groupId")
ENTITY_COLUMNS = ("entityType", "entityId")


class NotALinkFileError(Exception):
    """The file cannot be read as a link file. The message says why."""


def read_links(content: bytes) -> list[LinkRow]:
    """Parse a CSV file with a header row, separated by commas, semicolons or tabs. Skips empty lines.

    It is in UTF-8, or in UTF-16 with a byte order mark, as spreadsheets write it. Does not validate cell values. Raises
    NotALinkFileError if the file is unreadable or its columns are wrong.
    """
    text = _decoded(content)
    header = text.lstrip().partition("\n")[0]
    delimiter = next((sign for sign in (";", "\t") if sign in header), ",")
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return list(_rows(reader))
    except csv.Error as error:
        raise NotALinkFileError(f"Line {reader.line_num}: {error}.") from None


def _decoded(content: bytes) -> str:
    is_utf16 = content.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        encoding = "whole UTF-16" if is_utf16 else "UTF-8"
        raise NotALinkFileError(f"Line {line}: the file is not {encoding}. Save it as CSV in UTF-8.") from None
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise NotALinkFileError(f"Line {line}: there is a NUL character. Save the file as CSV in UTF-8.")
    return text


def _rows(reader: Any) -> Iterator[LinkRow]:
    columns: list[str] = []
    for cells in reader:
        values = [normalized(cell) for cell in cells]
        if not any(values):
            continue
        if not columns:
            columns = _checked_columns(values)
            continue
        if len(values) != len(columns):
            raise NotALinkFileError(f"Line {reader.line_num}: {len(columns)} values expected, {len(values)} found.")
        row = dict(zip(columns, values, strict=True))
        yield LinkRow(
            line=reader.line_num,
            group_id=row.get("groupId", ""),
            group_external_id=row.get("groupExternalId", ""),
            entity_type=row["entityType"],
            entity_id=row["entityId"],
        )
    if not columns:
        raise NotALinkFileError("The file has no header row.")


def _checked_columns(names: list[str]) -> list[str]:
    unknown = sorted(set(names) - {*GROUP_COLUMNS, *ENTITY_COLUMNS})
    if unknown or len(set(names)) != len(names) or not set(ENTITY_COLUMNS) <= set(names):
        expected = f"{' or '.join(GROUP_COLUMNS)}, {', '.join(ENTITY_COLUMNS)}"
        raise NotALinkFileError(f"The columns are {', '.join(names)}. Expected: {expected}.")
    if not set(GROUP_COLUMNS) & set(names):
        raise NotALinkFileError(f"A column is missing that names the group: {' or '.join(GROUP_COLUMNS)}.")
    return names
