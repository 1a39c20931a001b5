"""Unknown filters in the address of a list are rejected, never ignored."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.models import Member, Participant
from changerequests.admin.filters import MOMENTS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("default_schemas"), pytest.mark.slow]

LISTS = {
    model._meta.label: reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for model in admin.site._registry
}
FILTERED = sorted(model._meta.label for model, own in admin.site._registry.items() if own.list_filter)
QUEUE = LISTS["changerequests.ChangeRequest"]
TOLD = "The list has no such filter, or the filter has no such value. It is shown without filters instead."


@pytest.fixture
def browser(make_member: Callable[..., Member], admin_of: Callable[..., Client]) -> Client:
    return admin_of(make_member("viewer", is_superuser=True))


@pytest.fixture
def refused(browser: Client) -> Callable[[str, str], bool]:
    def ask(address: str, query: str) -> bool:
        """Return whether the address redirects to the list without filters, with a message."""
        shown: Any = browser.get(f"{address}?{query}", follow=True)
        if not shown.redirect_chain:
            return False
        assert (shown.redirect_chain, shown.status_code) == ([(address, 302)], 200), query
        assert TOLD in [str(message) for message in shown.context["messages"]], query
        assert not any(spec.used_parameters for spec in shown.context["cl"].filter_specs)
        return True

    return ask


@pytest.mark.parametrize("label", FILTERED)
def test_a_value_that_a_filter_does_not_have_is_refused(
    label: str, browser: Client, refused: Callable[[str, str], bool], make_participant: Callable[..., Participant]
) -> None:
    make_participant()
    make_participant()
    specs = browser.get(LISTS[label]).context["cl"].filter_specs
    assert specs
    for spec in specs:
        for parameter in spec.expected_parameters():
            # `isnull` filters expect true or false, and Django reads any other word as true.
            if not parameter.endswith("__isnull"):
                assert refused(LISTS[label], f"{parameter}=nonsense"), parameter


# The policies are a page, which has neither rows nor filters.
@pytest.mark.parametrize("label", sorted(LISTS.keys() - {"changerequests.PolicyVersion"}))
def test_a_filter_that_a_list_does_not_have_is_refused(label: str, browser: Client) -> None:
    answer = browser.get(f"{LISTS[label]}?nonsense=1")
    assert answer.status_code == 400
    assert "cl" not in (answer.context or {})


@pytest.mark.parametrize(
    "query", ["status=6", "age=2", "decided=1", "participant=999999", "field=personalInformation", "field=%00"]
)
def test_nor_does_the_queue_ignore_what_looks_right(refused: Callable[[str, str], bool], query: str) -> None:
    assert refused(QUEUE, query)
    assert refused(QUEUE, f"status=all&{query}") or query.startswith("status")


def test_a_page_that_there_is_no_more_leads_to_the_first_one_with_the_same_filters(
    browser: Client, refused: Callable[[str, str], bool]
) -> None:
    Participant.objects.bulk_create(Participant(name=f"Participant {number}") for number in range(60))
    address = LISTS["accounts.Participant"]
    assert len(browser.get(f"{address}?p=2&q=part").context["cl"].result_list) == 10
    assert browser.get(f"{address}?p=3&q=part")["Location"] == f"{address}?q=part"
    assert browser.get(f"{QUEUE}?p=2&status=9", follow=True).redirect_chain[-1] == (QUEUE, 302)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_moment_that_is_none_is_refused(refused: Callable[[str, str], bool], moment: str) -> None:
    assert refused(QUEUE, f"{moment}=yesterday")


def test_where_a_filter_has_no_choices_it_is_refused_too(browser: Client, refused: Callable[[str, str], bool]) -> None:
    assert not Participant.objects.exists()
    assert "participant" not in [
        parameter for spec in browser.get(QUEUE).context["cl"].filter_specs for parameter in spec.expected_parameters()
    ]
    assert refused(QUEUE, "participant=1")


def test_what_the_form_of_the_filters_leaves_empty_asks_for_nothing(refused: Callable[[str, str], bool]) -> None:
    empty = "status=&age=&participant=&field=&decided=&initiator_member__id__exact=&q="
    assert not refused(QUEUE, empty)
    assert not refused(LISTS["contacts.Contact"], "type=&pending=")


def test_where_a_member_is_chosen_for_a_field_the_window_stays_one(browser: Client) -> None:
    answer = browser.get(f"{LISTS['accounts.Member']}?_popup=1&_to_field=id&sees_all_contacts__exact=nonsense")
    assert answer["Location"] == f"{LISTS['accounts.Member']}?_popup=1&_to_field=id"
