"""Lists and their items in the admin: names in every language; items in use cannot be removed."""

import re
from http import HTTPStatus

import pytest

from schemas.models import List, ListItem
from schemas.queries import list_data
from tests.fixtures import details

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("default_schemas")]
ITEMS = "/admin/schemas/listitem/"
PERMISSIONS = [f"{right}_listitem" for right in ("view", "add", "change", "delete")]
NAMES = {"name_en": "Sculptor", "name_de": "Bildhauer", "name_fr": "", "name_it": "Scultore"}


@pytest.fixture
def browser(make_member, admin_of):
    return admin_of(make_member("lara", permissions=[*PERMISSIONS, "view_list"]))


def item(list_key, key):
    return ListItem.objects.get(list__key=list_key, key=key)


def text_of(response):
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def test_without_permission_there_is_nothing_to_see_or_to_change(make_member, admin_of):
    row = item("industry", list_data("industry").items[0].key)
    stranger = admin_of(make_member(permissions=["view_contact"]))
    looker = admin_of(make_member(permissions=["view_listitem"]))
    for address in (
        ITEMS,
        f"{ITEMS}add/",
        f"{ITEMS}{row.pk}/change/",
        f"{ITEMS}{row.pk}/delete/",
        "/admin/schemas/list/",
    ):
        assert stranger.get(address).status_code == HTTPStatus.FORBIDDEN, address
    for address in (f"{ITEMS}add/", f"{ITEMS}{row.pk}/change/", f"{ITEMS}{row.pk}/delete/"):
        assert looker.post(address, {**NAMES, "order": 7, "post": "yes"}).status_code == HTTPStatus.FORBIDDEN, address
    row.refresh_from_db()
    assert row.order != 7


def test_an_item_gets_its_names_in_a_grid_of_languages_and_processes_hear_of_it(browser):
    owner = List.objects.get(key="industry")
    revision = list_data("industry").revision
    answer = browser.post(f"{ITEMS}add/", {"list": owner.pk, "key": "sculpture", "order": 3, **NAMES})
    assert answer.status_code == HTTPStatus.FOUND, text_of(answer)
    made = list_data("industry").by_key["sculpture"]
    assert (made.names, made.order) == ({"en": "Sculptor", "de": "Bildhauer", "it": "Scultore"}, 3)
    assert list_data("industry").revision > revision
    browser.post(f"{ITEMS}{made.id}/change/", {"order": 3, **NAMES, "name_de": "", "name_fr": "Sculpteur"})
    assert list_data("industry").by_key["sculpture"].names == {"en": "Sculptor", "fr": "Sculpteur", "it": "Scultore"}


def test_what_is_wrong_stands_at_its_field(browser):
    owner = List.objects.get(key="industry")
    taken = list_data("industry").items[0].key
    switzerland = item("country", "CH")
    for sent in (
        {"key": "sculpture", "name_en": ""},
        {"key": "not a key"},
        {"key": taken},
        {"key": "sculpture", "parent": switzerland.pk},
        {"key": "sculpture", "name_de": "x" * 201},
    ):
        answer = browser.post(f"{ITEMS}add/", {"list": owner.pk, "order": 0, **NAMES, **sent})
        assert answer.status_code == HTTPStatus.OK, sent
        assert answer.context["adminform"].form.errors, sent
    assert not ListItem.objects.filter(list=owner, key="sculpture").exists()


def test_the_key_and_the_list_of_an_item_stay(browser):
    row = item("industry", list_data("industry").items[0].key)
    browser.post(f"{ITEMS}{row.pk}/change/", {"key": "other", "list": 1, "order": row.order, **NAMES})
    after = ListItem.objects.get(pk=row.pk)
    assert (after.key, after.list_id, after.names["en"]) == (row.key, row.list_id, "Sculptor")


def test_an_item_in_use_is_not_removed_and_the_page_says_so(browser, make_contact):
    make_contact(details(personalInformation={"maritalStatus": "married"}))
    for row in (item("marital-status", "married"), item("contact-type", "client")):
        answer = browser.post(f"{ITEMS}{row.pk}/delete/", {"post": "yes"}, follow=True)
        assert f"The item “{row.key}” is in use and cannot be removed." in text_of(answer)
        assert ListItem.objects.filter(pk=row.pk).exists()


def test_an_item_with_items_below_it_names_them(browser):
    row = item("country", "CH")
    page = text_of(browser.get(f"{ITEMS}{row.pk}/delete/"))
    assert "Aargau" in page
    browser.post(f"{ITEMS}{row.pk}/delete/", {"post": "yes"})
    assert ListItem.objects.filter(pk=row.pk).exists()


def test_an_item_that_nothing_uses_is_removed(browser):
    row = item("industry", list_data("industry").items[0].key)
    browser.post(f"{ITEMS}{row.pk}/delete/", {"post": "yes"})
    assert row.key not in list_data("industry").by_key


def test_items_are_found_by_a_name_in_any_language_and_filtered_by_list(browser):
    assert "CH" in text_of(browser.get(f"{ITEMS}?q=Schweiz"))
    only = browser.get(f"{ITEMS}?list__id__exact={List.objects.get(key='gender').pk}")
    assert only.context["cl"].result_count == len(list_data("gender").items)


def test_lists_say_how_many_items_they_have(browser):
    page = browser.get("/admin/schemas/list/").content.decode()
    assert f">{len(list_data('country').items)}<" in page
    assert "Show the items" in page
