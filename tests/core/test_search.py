"""Interpretation of search terms."""

from uuid import UUID

import pytest

from core.search import SearchTerm, id_in, uuid_in

UID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"


@pytest.mark.parametrize("text", ["", "-1", "1.0", "1e3", "²", "٤٢", "2147483648", "9" * 5_000])
def test_what_no_row_can_have_is_no_id(text):
    assert id_in(text) is None


def test_an_id_is_read_up_to_the_greatest():
    assert id_in("42") == 42
    assert id_in("2147483647") == 2**31 - 1


@pytest.mark.parametrize("text", ["", f"{{{UID}}}", UID.replace("-", ""), f"urn:uuid:{UID}", UID[:-1]])
def test_only_the_usual_form_is_a_uuid(text):
    assert uuid_in(text) is None


def test_a_uuid_is_read_in_any_case():
    assert uuid_in(UID.upper()) == UUID(UID)


def test_a_term_of_nothing_visible_is_none():
    assert not SearchTerm.typed(" \x00 ")
    assert SearchTerm.typed("\x00 anna  mar ").words == ["anna", "mar"]
