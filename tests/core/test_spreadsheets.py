"""Cells that spreadsheets would execute: SQL and Python say the same, and the text can be told from the cell."""

import pytest
from django.db import connection
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.spreadsheets import neutral, neutral_sql

pytestmark = pytest.mark.django_db
# Signs and blanks of every sort that matters.
SIGNS = "'=+-@＝＋－＠﹦﹢ \t\n\r\v\f\x85\xa0\u2003\u200b\u202f\u2060\u3000\ufeffa1.,(e"


def in_sql(text: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {neutral_sql('cell')} FROM (SELECT %s AS cell) AS one", [text])  # noqa: S608 - no value in it
        return cursor.fetchone()[0]


@pytest.mark.parametrize("blank", ["", " ", "  ", "\xa0", "\u202f", "\u3000", "\u200b", "\ufeff", "\v"])
@pytest.mark.parametrize("sign", "=+-@＝＋－＠﹦﹢﹣﹫")
def test_no_formula_gets_through_whatever_blank_it_has_in_front(blank, sign):
    cell = f"{blank}{sign}HYPERLINK(1)"
    assert neutral(cell) == in_sql(cell) == f"'{cell}"
    assert neutral(f"'{cell}") == f"''{cell}"


@pytest.mark.parametrize("cell", ["", " ", "x=1", " x", "+41 44 000 00 01", "-12.50", "1e-5", "''", "\xa0"])
def test_other_texts_stay(cell):
    assert neutral(cell) == in_sql(cell) == cell


@given(text=st.text(SIGNS, max_size=8), other=st.text(SIGNS, max_size=8))
@example(text="-12.5\n", other="'-12.5\n")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_sql_and_python_agree_and_no_two_texts_become_one_cell(text, other):
    assert in_sql(text) == neutral(text)
    assert text == other or neutral(text) != neutral(other)
