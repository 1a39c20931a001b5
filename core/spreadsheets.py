"""Cells of CSV files that spreadsheets would execute as formulas (OWASP, "CSV injection"), in SQL and in Python.

A leading apostrophe makes them text. A cell that looks like one with such an apostrophe gets another one, so that
removing one always restores the value.
"""

import re

# With the forms that some readers normalize to these.
_SIGNS = "=+@＝＋－＠﹦﹢﹣﹫-"
# Readers may trim these before they look for a sign: every blank, the no-break ones too, and what has no width.
_BLANKS = " \t\n\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000-\u200f\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
_FORMULA = f"^('*[\t\n\r]|['{_BLANKS}]*[{_SIGNS}])"
# Phone numbers and numbers need no apostrophe: they contain no functions or cell references.
_HARMLESS = r"^(\+[0-9][-0-9 ()./]*|[-+]?[0-9]+([.,][0-9]+)?([eE][-+]?[0-9]+)?)$"

_formula, _harmless = re.compile(_FORMULA), re.compile(_HARMLESS.replace("$", r"\Z"))


def _codes() -> str:
    """Return the code points with which a formula may begin, as SQL: looking at one is faster than matching."""
    blanks = (chr(code) for code in range(0x10000) if re.fullmatch(f"[{_BLANKS}]", chr(code)))
    return ", ".join(str(ord(sign)) for sign in ("'", *_SIGNS, *blanks))


_NEUTRAL = (
    f"CASE WHEN ascii({{cell}}) IN ({_codes()}) AND {{cell}} ~ '{_FORMULA.replace(chr(39), chr(39) * 2)}' "
    f"AND {{cell}} !~ '{_HARMLESS}' THEN '''' || {{cell}} ELSE {{cell}} END"
)


def neutral(cell: str) -> str:
    """Return a text as a cell that no spreadsheet executes."""
    return f"'{cell}" if _formula.match(cell) and not _harmless.match(cell) else cell


def neutral_sql(column: str) -> str:
    """Return the SQL of a text column as cells like those of `neutral`."""
    return _NEUTRAL.format(cell=column)
