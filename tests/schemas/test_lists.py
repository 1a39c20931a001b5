"""Lists: defaults, look-up of items and changes."""

import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from accounts.actor import system_actor
from core.errors import NotFound, UnprocessableEntity
from schemas import usage_checks
from schemas.models import List, ListItem, Schema
from schemas.queries import current_schema, fields_with_list, items_of_lists, list_data, search_list
from schemas.services import load_lists, remove_list_item, save_list_item

pytestmark = pytest.mark.usefixtures("default_schemas")

ACTOR = system_actor("tests")
Count = Callable[[], CaptureQueriesContext]


@pytest.fixture
def _usage_checks() -> Iterator[None]:
    before = list(usage_checks._checks)
    yield
    usage_checks._checks[:] = before


def keys_found(**criteria: Any) -> list[str]:
    return [item.key for item in search_list(**criteria).items]


def test_countries_have_names_in_every_language() -> None:
    country = list_data("country").by_key["DE"]
    assert [country.name(code) for code in ("en", "de", "fr", "it")] == [
        "Germany",
        "Deutschland",
        "Allemagne",
        "Germania",
    ]


def test_an_unknown_language_falls_back_to_english() -> None:
    assert list_data("country").by_key["DE"].name("xx") == "Germany"


def test_states_stand_below_their_country_and_languages_and_currencies_follow_the_standards() -> None:
    assert list_data("state").by_key["CH-ZH"].parent_key == "CH"
    assert list_data("state").by_key["DE-BY"].name("fr") == "Bavière"
    assert list_data("language").by_key["fr"].name("de") == "Französisch"
    assert list_data("currency").by_key["CHF"].name("it") == "Franco svizzero"
    assert len(list_data("country").items) == 249


def test_every_own_list_speaks_every_language() -> None:
    for row in List.objects.exclude(key="state"):
        assert set(row.names) == {"en", "de", "fr", "it"}, row.key


def test_loading_again_adds_nothing_and_keeps_what_the_institution_changed() -> None:
    save_list_item(actor=ACTOR, list_key="gender", key="other", names={"en": "Diverse"}, order=9)
    assert load_lists().added == []
    call_command("load_schemas")
    assert list_data("gender").by_key["other"].name("en") == "Diverse"


# ---- finding


def test_the_first_ten_are_found_unless_said_and_the_total_counts_all() -> None:
    found = search_list(list_key="country")
    assert len(found.items) == 10
    assert found.total_count == 249
    assert len(search_list(list_key="country", limit=3).items) == 3


@pytest.mark.parametrize("term", ["zürich", "ZURICH", "  zuri ", "CH-zh"])
def test_an_item_is_found_by_name_or_key_whatever_case_and_accents(term: str) -> None:
    assert "CH-ZH" in keys_found(list_key="state", term=term)


def test_the_name_is_looked_for_in_the_language_of_the_request() -> None:
    with translation.override("de"):
        assert keys_found(list_key="country", term="schweiz") == ["CH"]
    with translation.override("it"):
        assert keys_found(list_key="country", term="schweiz") == []


def test_what_begins_with_the_term_comes_first_and_accents_do_not_disturb_the_order() -> None:
    assert keys_found(list_key="country", term="ger")[0] == "DE"
    with translation.override("de"):
        names = [item.name() for item in search_list(list_key="country", limit=1_000).items]
    assert (
        names.index("Oman") < names.index("Österreich") < names.index("Osttimor" if "Osttimor" in names else "Pakistan")
    )


def test_a_hierarchy_narrows_the_items_to_the_children_of_one() -> None:
    switzerland = ListItem.objects.get(list__key="country", key="CH").pk
    found = search_list(list_key="state", hierarchy_item_id=switzerland, limit=100)
    assert found.total_count == 26
    assert {item.parent_key for item in found.items} == {"CH"}


def test_without_a_parent_to_filter_by_no_item_fits_and_a_filter_that_is_off_is_ignored() -> None:
    switzerland = ListItem.objects.get(list__key="country", key="CH").pk
    assert search_list(list_key="state", is_filtered_by_hierarchy=True).total_count == 0
    assert (
        search_list(list_key="state", is_filtered_by_hierarchy=False, hierarchy_item_id=switzerland).total_count > 5_000
    )


def test_an_included_item_comes_first_once_even_when_it_does_not_fit() -> None:
    france = ListItem.objects.get(list__key="country", key="FR").pk
    assert keys_found(list_key="country", term="switz", include_id=france) == ["FR", "CH"]
    assert keys_found(list_key="country", term="france", include_id=france, limit=1) == ["FR"]
    assert search_list(list_key="country", term="switz", include_id=france).total_count == 1


def test_an_included_item_of_another_list_is_left_out() -> None:
    other = ListItem.objects.get(list__key="currency", key="CHF").pk
    assert keys_found(list_key="country", term="switz", include_id=other) == ["CH"]


def test_an_unknown_list_is_refused() -> None:
    with pytest.raises(NotFound):
        search_list(list_key="nope")
    with pytest.raises(UnprocessableEntity) as refusal:
        items_of_lists(["country", "nope"])
    assert set(refusal.value.properties or {}) == {"listKeys"}


@pytest.mark.parametrize("count", [10, 5_000])
def test_a_search_takes_two_statements_at_most_however_many_items_there_are(count: int, count_queries: Count) -> None:
    row = List.objects.create(key="long", names={"en": "Long"})
    ListItem.objects.bulk_create(ListItem(list=row, key=f"k{n}", names={"en": f"Item {n}"}) for n in range(count))
    with count_queries() as first:
        assert search_list(list_key="long", term="item 7").total_count >= 1
    with count_queries() as again:
        search_list(list_key="long", term="item 8")
    assert (len(first), len(again)) == (2, 1)


def test_the_items_of_all_lists_take_two_statements_at_most(count_queries: Count) -> None:
    with count_queries() as queries:
        items = items_of_lists([])
    assert len(queries) <= 2
    assert len(items) == ListItem.objects.count()
    assert [key for key, _item in items_of_lists(["segment"])] == ["segment"] * 4


# ---- changing


def test_a_changed_item_is_seen_at_once_by_searches_and_by_validation() -> None:
    schema = current_schema("contact")
    document = {"personalInformation": {"firstName": "A", "lastName": "B", "gender": "unknown"}}
    assert schema.validate(document)
    save_list_item(actor=ACTOR, list_key="gender", key="unknown", names={"en": "Unknown"})
    assert keys_found(list_key="gender", term="unknown") == ["unknown"]
    assert current_schema("contact").validate(document) == {}


def test_a_change_that_is_rolled_back_leaves_no_trace_in_memory() -> None:
    class _Undo(Exception):  # noqa: N818
        pass

    def change_and_fail() -> None:
        save_list_item(actor=ACTOR, list_key="gender", key="unknown", names={"en": "Unknown"})
        assert "unknown" in keys_found(list_key="gender")
        raise _Undo

    with pytest.raises(_Undo), transaction.atomic():
        change_and_fail()
    assert "unknown" not in keys_found(list_key="gender")
    save_list_item(actor=ACTOR, list_key="gender", key="another", names={"en": "Another"})
    assert "unknown" not in keys_found(list_key="gender")


def test_the_revision_of_a_list_goes_up_with_every_change() -> None:
    revisions = [List.objects.get(key="gender").revision]
    for name in ("A", "B"):
        save_list_item(actor=ACTOR, list_key="gender", key="unknown", names={"en": name})
        revisions.append(List.objects.get(key="gender").revision)
    remove_list_item(actor=ACTOR, list_key="gender", key="unknown")
    revisions.append(List.objects.get(key="gender").revision)
    assert revisions == sorted(set(revisions))


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"key": "a b"}, "key"),
        ({"key": ""}, "key"),
        ({"names": {"de": "X"}}, "names.en"),
        ({"names": {"en": " "}}, "names.en"),
        ({"names": {"en": "X", "xx": "X"}}, "names.xx"),
        ({"names": {"en": "X\0"}}, "names.en"),
        ({"names": {"en": "\u3164"}}, "names.en"),
        ({"names": {"en": "X\nY"}}, "names.en"),
        ({"names": {"en": "X", "de": "X\u200bY"}}, "names.de"),
        ({"order": 2**31}, "order"),
        ({"parent_key": "XX"}, "parentKey"),
        ({"list_key": "gender", "parent_key": "CH"}, "parentKey"),
    ],
)
def test_a_faulty_item_is_refused_with_its_place(changes: dict[str, Any], place: str) -> None:
    item = {"list_key": "state", "key": "CH-XX", "names": {"en": "Nowhere"}, "parent_key": "CH", **changes}
    with pytest.raises(UnprocessableEntity) as refusal:
        save_list_item(actor=ACTOR, **item)
    assert list(refusal.value.properties or {}) == [place]


def test_an_item_of_an_unknown_list_is_not_found() -> None:
    with pytest.raises(NotFound):
        save_list_item(actor=ACTOR, list_key="nope", key="a", names={"en": "A"})
    with pytest.raises(NotFound):
        remove_list_item(actor=ACTOR, list_key="gender", key="nope")


def test_an_item_that_nothing_uses_can_be_removed() -> None:
    remove_list_item(actor=ACTOR, list_key="segment", key="affluent")
    assert "affluent" not in list_data("segment").keys


def test_an_item_with_children_cannot_be_removed() -> None:
    with pytest.raises(UnprocessableEntity):
        remove_list_item(actor=ACTOR, list_key="country", key="CH")


def is_affluent(list_key: str, key: str) -> bool:
    return (list_key, key) == ("segment", "affluent")


@pytest.mark.usefixtures("_usage_checks")
def test_an_item_that_an_app_says_is_in_use_cannot_be_removed() -> None:
    usage_checks.register_usage_check(is_affluent)
    with pytest.raises(UnprocessableEntity):
        remove_list_item(actor=ACTOR, list_key="segment", key="affluent")
    remove_list_item(actor=ACTOR, list_key="segment", key="institutional")


def test_the_fields_that_use_a_list_are_known() -> None:
    found = {(key, field.path) for key, field in fields_with_list("legal-form")}
    assert found == {("legal-entity", "registration.legalForm")}


@pytest.mark.parametrize(
    "row",
    [
        List(key="No Key", names={"en": "X"}),
        List(key="nameless", names={}),
        Schema(key="No Key"),
    ],
)
def test_the_database_refuses_rows_that_break_a_rule(row: Any) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


@pytest.mark.parametrize("changes", [{"key": ""}, {"key": "a b"}, {"names": {"de": "X"}}, {"key": "female"}])
def test_the_database_refuses_items_that_break_a_rule(changes: dict[str, Any]) -> None:
    values = {"list": List.objects.get(key="gender"), "key": "new", "names": {"en": "New"}, **changes}
    with pytest.raises(IntegrityError), transaction.atomic():
        ListItem.objects.create(**values)


def test_keys_and_names_of_items_have_the_one_form_of_text(default_schemas: None) -> None:
    decomposed = unicodedata.normalize("NFD", " Überall ")
    for _again in range(2):
        save_list_item(
            actor=ACTOR, list_key=" state", key="\tCH-XX ", names={"en": decomposed}, parent_key="CH\n", order=1
        )
        item = ListItem.objects.get(list__key="state", key="CH-XX")
        assert (item.names, item.parent.key) == ({"en": "Überall"}, "CH")
    revision = item.list.revision
    save_list_item(actor=ACTOR, list_key="state", key="CH-XX", names={"en": "Überall"}, parent_key="CH", order=1)
    assert List.objects.get(key="state").revision == revision
    remove_list_item(actor=ACTOR, list_key="state", key=" CH-XX")
    assert not ListItem.objects.filter(key="CH-XX").exists()
