"""Properties of arbitrary pairs of documents: applying changes and reverting them."""

from hypothesis import given
from hypothesis import strategies as st

from core.documents import canonical, changes_between, is_same, merge_patch, with_values

keys = st.sampled_from(["a", "b", "c", "d"])
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from([0.0, 1.0, 1.5]), st.text("xy", max_size=2)
)
values = st.recursive(
    leaves | st.lists(leaves | st.dictionaries(keys, leaves, max_size=2), max_size=3),
    lambda below: st.dictionaries(keys, below, max_size=3),
    max_leaves=12,
)
OBJECTS = {"a", "a.a", "b", "b.c", "a.b.c"}


def documents():
    """Documents in their canonical form, as they are stored."""
    return st.dictionaries(keys, values, max_size=4).map(lambda document: canonical(document, objects=OBJECTS))


def replayed(document, changes, side):
    return with_values(document, {change.path: getattr(change, side) for change in changes})


def without_empty(value):
    """Objects that are empty, or hold only such, stand for nothing at places where the schema has an object."""
    if not isinstance(value, dict):
        return value
    kept = {key: without_empty(below) for key, below in value.items()}
    return {key: below for key, below in kept.items() if below not in ({}, None)}


@given(documents(), documents())
def test_the_changes_lead_from_the_original_to_the_target_and_back(original, target):
    changes = changes_between(original, target)
    assert is_same(without_empty(replayed(original, changes, "target")), without_empty(target))
    assert is_same(without_empty(replayed(target, changes, "original")), without_empty(original))


@given(documents())
def test_a_document_does_not_differ_from_itself(document):
    assert changes_between(document, document) == []
    assert canonical(document, objects=OBJECTS) == document


@given(documents(), documents())
def test_each_path_is_named_once_and_none_stands_above_another(original, target):
    paths = [change.path for change in changes_between(original, target)]
    assert len(paths) == len(set(paths))
    assert not [path for path in paths for other in paths if other.startswith(f"{path}.")]


@given(documents(), st.dictionaries(keys, values, max_size=3))
def test_merging_a_patch_twice_is_merging_it_once(document, patch):
    once = merge_patch(document, patch)
    assert is_same(merge_patch(once, patch), once)


@given(documents(), documents())
def test_neither_document_is_touched(original, target):
    before = (repr(original), repr(target))
    changes = changes_between(original, target)
    replayed(original, changes, "target")
    merge_patch(original, target)
    assert (repr(original), repr(target)) == before
