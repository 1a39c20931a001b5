"""Holidays: nobody adds or changes one alone, because they decide when something is due."""

import pytest
from django.urls import reverse

from accounts.actor import system_actor
from administration.holidays import HOLIDAY
from administration.services.configuration import add_configuration, change_configuration
from audit.models import Entry
from changerequests.models import ChangeRequest, Holiday
from core.errors import ApiError
from tests.administration.approving import approve, waiting
from tests.changerequests.reviewing import page_of, text_of

pytestmark = pytest.mark.django_db

ADD = reverse("admin:changerequests_holiday_add")
NEW_YEAR = {"date": "2027-01-01", "name": "New Year"}


@pytest.fixture
def kim(make_member):
    return make_member("kim", permissions=["view_holiday", "add_holiday", "change_holiday"])


@pytest.fixture
def rita(make_member):
    return make_member("rita", reviews=True, permissions=["view_holiday"])


def days():
    return [(f"{row.date}", row.name) for row in Holiday.objects.all()]


def added(**target):
    return add_configuration(actor=system_actor("tests"), sort=HOLIDAY, target={**NEW_YEAR, **target})


@pytest.mark.parametrize("permission", ["view_holiday", "change_holiday", None])
def test_adding_takes_its_own_permission(permission, make_member, admin_of):
    member = make_member(permissions=[] if permission is None else [permission])
    assert admin_of(member).post(ADD, NEW_YEAR).status_code == 403
    assert not ChangeRequest.objects.exists()


def test_nobody_adds_one_alone(kim, rita, admin_of):
    answer = admin_of(kim).post(ADD, {**NEW_YEAR, "name": " New Year "}, follow=True)
    request = waiting()
    assert f"change request #{request.pk} is pending approval" in text_of(answer)
    assert days() == []
    with pytest.raises(ApiError):
        approve(kim, request)
    page = text_of(admin_of(rita).get(page_of(request)))
    assert "New Year, 2027-01-01" in page
    assert "1 January 2027" in page
    approve(rita, request)
    assert days() == [("2027-01-01", "New Year")]
    paths = {change["path"]: change["target"] for change in Entry.objects.get(kind="configuration").changes}
    assert paths == {"holiday.date": "2027-01-01", "holiday.name": "New Year"}


def test_nobody_moves_one_alone(kim, rita, admin_of):
    added()
    page = reverse("admin:changerequests_holiday_change", args=[Holiday.objects.get().pk])
    admin_of(kim).post(page, {**NEW_YEAR, "date": "2027-01-02"})
    request = waiting()
    assert request.paths == ["holiday", "holiday.date"]
    assert days() == [("2027-01-01", "New Year")]
    approve(rita, request)
    assert days() == [("2027-01-02", "New Year")]


def test_who_may_not_see_holidays_does_not_see_the_request(kim, make_member, admin_of, api_of):
    admin_of(kim).post(ADD, NEW_YEAR)
    path = f"/v1.0/change-requests/{waiting().pk}"
    assert api_of(make_member(reviews=True, permissions=["view_participant"])).get(path).status == 404
    assert api_of(make_member(permissions=["view_holiday"])).get(path).status == 200


def test_a_day_is_entered_once_and_a_name_as_often_as_there_are_years(kim, admin_of):
    added()
    browser = admin_of(kim)
    assert "already exists" in text_of(browser.post(ADD, {**NEW_YEAR, "name": "Another"}))
    browser.post(ADD, {**NEW_YEAR, "date": "2028-01-01"})
    request = waiting()
    answer = browser.post(ADD, {"date": "2028-01-01", "name": "Another"})
    assert f"Change request {request.pk} already requests the same." in text_of(answer)
    browser.post(ADD, {**NEW_YEAR, "date": "2029-01-01"})
    assert ChangeRequest.objects.count() == 2


@pytest.mark.parametrize("target", [{"date": "soon"}, {"date": None}, {"date": "2027-02-30"}, {"name": " "}])
def test_what_is_no_holiday_is_refused(target):
    with pytest.raises(ApiError) as refused:
        added(**target)
    assert list(refused.value.properties) == [f"holiday.{name}" for name in target]
    with pytest.raises(ApiError):
        change_configuration(actor=system_actor("tests"), sort=HOLIDAY, object_id=7, target=target)
