"""What the review page marks of long texts and of arrays."""

import pytest

from changerequests.comparison import MOST_WORDS_COMPARED, compared_words, matched_items
from changerequests.document_kinds import DocumentPresenter
from changerequests.presentation import Mark, Shown
from contacts.display import compared
from contacts.models import CONTACT_SCHEMA
from schemas.queries import current_schema

BEFORE = "Met at the branch in Chur. Prefers letters, and is to be called before ten o'clock."
AFTER = "Met at the branch in Chur. Prefers emails, and is to be called before ten o'clock."
BERN = {"type": "domicile", "street": "Bundesplatz", "city": "Bern"}
CHUR = {"type": "correspondence", "street": "Postplatz", "city": "Chur"}
SAME, ADDED, REMOVED, CHANGED = Mark.SAME, Mark.ADDED, Mark.REMOVED, Mark.CHANGED


def marked(value: Shown, mark: Mark) -> list[str]:
    """Return the texts in a value that have this mark."""
    found = [piece.text for piece in value.pieces if piece.mark is mark]
    if value.mark is mark and value.text and not value.pieces:
        found.append(value.text)
    for part in (*value.items, *(row.value for row in value.rows)):
        found += marked(part, mark)
    return found


def marks(value: Shown) -> list[Mark]:
    return [item.mark for item in value.items]


# ---- which items belong together


@pytest.mark.parametrize(
    ("before", "after", "same", "changed"),
    [
        ([], [], {}, {}),
        (["CH"], ["CH", "IT"], {0: 0}, {}),
        (["CH", "IT"], ["IT", "CH"], {0: 1}, {}),
        (["CH"], ["IT"], {}, {}),
        ([BERN], [{**BERN, "city": "Chur"}], {}, {0: 0}),
        ([BERN], [CHUR, {**BERN, "city": "Chur"}], {}, {0: 1}),
        ([BERN, CHUR], [{**CHUR, "city": "Zug"}], {}, {1: 0}),
        ([BERN, CHUR], [CHUR, BERN], {0: 1}, {}),
        ([{"a": 1}], [{"b": 2}], {}, {0: 0}),
        ([BEFORE], [AFTER], {}, {0: 0}),
        ([BEFORE], [BERN], {}, {}),
        ([1], [1.0, True, None], {}, {}),
    ],
)
def test_items_are_matched_with_those_that_take_their_place(before, after, same, changed):
    found = matched_items(before, after)
    assert (found.same, found.changed) == (same, changed)
    assert (found.reversed().same, found.reversed().changed) == (
        {new: old for old, new in same.items()},
        {new: old for old, new in changed.items()},
    )


def test_a_long_array_is_matched_in_its_order():
    before = [{"number": number, "same": 1} for number in range(1_000)]
    after = [{**item, "number": item["number"] + 5_000} for item in before]
    assert matched_items(before, after).changed == {number: number for number in range(1_000)}


# ---- words


def test_words_that_differ_are_marked_and_the_pieces_add_up():
    old, new = compared_words(BEFORE, AFTER)
    assert [piece.text for piece in old if piece.mark is REMOVED] == ["letters"]
    assert [piece.text for piece in new if piece.mark is ADDED] == ["emails"]
    assert ("".join(piece.text for piece in old), "".join(piece.text for piece in new)) == (BEFORE, AFTER)


def test_short_and_endless_texts_are_marked_as_a_whole():
    assert compared_words("Bern", "Chur") == ((), ())
    assert compared_words("a " * MOST_WORDS_COMPARED, "b " * MOST_WORDS_COMPARED) == ((), ())


# ---- what presenters make of it


@pytest.mark.django_db
def test_details_mark_what_differs_in_the_item_that_has_changed(default_schemas):
    path = "contactInformation.addresses"
    before, after = compared(current_schema(CONTACT_SCHEMA), path, [BERN], [CHUR, {**BERN, "city": "Zug"}])
    assert (marks(before), marks(after)) == ([CHANGED], [ADDED, CHANGED])
    assert marked(before, REMOVED) == ["Bern"]
    assert marked(after, ADDED) == ["Zug"]


class TestDocuments:
    presenter = DocumentPresenter("kind", {"name": "Name", "paths": "Paths", "isOn": "On"})

    def pair(self, before, after):
        return (
            self.presenter.shown(before, REMOVED, beside=after),
            self.presenter.shown(after, ADDED, beside=before),
        )

    def test_long_texts_are_compared_by_words(self):
        before, after = self.pair(BEFORE, AFTER)
        assert (marked(before, REMOVED), marked(after, ADDED)) == (["letters"], ["emails"])

    def test_short_values_are_marked_as_a_whole(self):
        before, after = self.pair("Bern", "Chur")
        assert (marked(before, REMOVED), marked(after, ADDED)) == (["Bern"], ["Chur"])

    def test_an_object_in_an_array_marks_the_values_that_differ(self):
        before, after = self.pair(
            [{"name": "A", "paths": ["a", "b"], "isOn": True}], [{"name": "A", "paths": ["a", "c"], "isOn": False}]
        )
        assert (marks(before), marks(after)) == ([CHANGED], [CHANGED])
        assert (marked(before, REMOVED), marked(after, ADDED)) == (["b", "Yes"], ["c"])
        assert marked(after, SAME) == ["A", "a"]

    def test_an_item_that_only_moves_is_marked(self):
        before, after = self.pair(["a", "b"], ["b", "a"])
        assert (marks(before), marks(after)) == ([SAME, REMOVED], [ADDED, SAME])

    def test_what_nothing_takes_the_place_of_is_marked_as_a_whole(self):
        before, after = self.pair({"name": "A"}, None)
        assert (before.mark, after.is_empty) == (REMOVED, True)
