"""When stages are due: hours count on business days."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from changerequests.due_times import Calendar, due_after
from changerequests.models import Holiday
from changerequests.services.opening import NEVER, due_times
from config.settings.environment import weekdays
from tests.changerequests.engine import BOTH, approve, submit
from tests.changerequests.policies import policy, rule, set_policy, stage
from tests.changerequests.requesting import address

ZURICH = ZoneInfo("Europe/Zurich")
MONDAY_TO_FRIDAY = frozenset(range(5))
# A day of which neither the day before nor the days after are free.
TUESDAY = datetime(2027, 3, 2, 9, 30, tzinfo=UTC)

zones = st.sampled_from([UTC, ZURICH, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu")])
minutes = st.integers(0, 5 * 365 * 24 * 60)
moments = minutes.map(lambda number: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number))
hours = st.floats(0.25, 400) | st.integers(1, 400)
calendars = st.builds(
    Calendar,
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
    holidays=st.frozensets(st.dates(date(2026, 1, 1), date(2031, 12, 31)), max_size=30),
    zone=zones,
)


class TestCalendar:
    @given(moments, hours, calendars)
    def test_nothing_is_due_on_a_free_day(self, start, hours, calendar):
        assert calendar.is_business_day(due_after(start, hours, calendar).astimezone(calendar.zone).date())

    @given(moments, hours, zones)
    def test_where_no_day_is_free_it_is_plain_addition(self, start, hours, zone):
        assert due_after(start, hours, Calendar(range(7), (), zone)) == start + timedelta(hours=hours)

    @given(moments, hours, hours, calendars)
    def test_more_hours_are_never_due_earlier(self, start, some, others, calendar):
        fewer, more = sorted((some, others))
        assert due_after(start, fewer, calendar) <= due_after(start, more, calendar)

    @given(moments, moments, hours, calendars)
    def test_what_begins_later_is_never_due_earlier(self, one, other, hours, calendar):
        earlier, later = sorted((one, other))
        assert due_after(earlier, hours, calendar) <= due_after(later, hours, calendar)

    @given(moments, hours, calendars, st.dates(date(2026, 1, 1), date(2031, 12, 31)))
    def test_another_holiday_makes_nothing_due_earlier(self, start, hours, calendar, day):
        more = Calendar(calendar.weekdays, calendar.holidays | {day}, calendar.zone)
        assert due_after(start, hours, calendar) <= due_after(start, hours, more)

    @pytest.mark.parametrize(
        ("start", "hours", "holidays", "due"),
        [
            # Over a weekend, and from a day that is free.
            ("2027-03-05T15:00", 24, [], "2027-03-08T15:00"),
            ("2027-03-06T15:00", 8, [], "2027-03-08T08:00"),
            # What ends with Friday is due when Monday begins.
            ("2027-03-05T00:00", 24, [], "2027-03-08T00:00"),
            # Good Friday and Easter Monday.
            ("2027-03-25T12:00", 24, ["2027-03-26", "2027-03-29"], "2027-03-30T12:00"),
            # A week has five business days.
            ("2027-03-02T09:30", 120, [], "2027-03-09T09:30"),
        ],
    )
    def test_weekends_and_holidays_do_not_count(self, start, hours, holidays, due):
        calendar = Calendar(MONDAY_TO_FRIDAY, frozenset(map(date.fromisoformat, holidays)), ZURICH)
        begin, end = (datetime.fromisoformat(text).replace(tzinfo=ZURICH) for text in (start, due))
        assert due_after(begin, hours, calendar) == end

    def test_a_day_is_that_of_the_institution(self):
        # In Zurich it is Saturday already.
        friday_night = datetime(2027, 3, 5, 23, 30, tzinfo=UTC)
        calendar = Calendar(MONDAY_TO_FRIDAY, (), ZURICH)
        assert due_after(friday_night, 1, calendar) == datetime(2027, 3, 8, 1, tzinfo=ZURICH)


@pytest.mark.parametrize("names", [[], ["Monday"], ["Mon", ""]])
def test_business_days_that_are_no_weekdays_are_refused(names):
    with pytest.raises(ImproperlyConfigured, match="Mon,Tue,Wed,Thu,Fri,Sat,Sun"):
        weekdays(names)


def test_business_days_are_what_the_setting_names():
    assert weekdays(["Sun", "Mon"]) == {6, 0}


@pytest.mark.django_db
class TestStages:
    @pytest.fixture(autouse=True)
    def _tuesday(self, monkeypatch):
        monkeypatch.setattr(timezone, "now", lambda: TUESDAY)

    def test_hours_count_on_business_days_without_holidays(self, settings):
        settings.BUSINESS_DAYS = {1, 2}
        Holiday.objects.create(date="2027-03-03", name="Day of Tests")
        # Three quarters of the time end on the Tuesday after.
        assert due_times("contact-details", 24) == (TUESDAY + timedelta(days=7, hours=-6), TUESDAY + timedelta(days=7))

    def test_what_has_no_hours_is_never_due_and_reads_nothing(self, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert due_times("contact-details", None) == NEVER

    def test_the_review_of_broken_glass_is_due_after_five_days_whatever_these_are(self, django_assert_num_queries):
        Holiday.objects.create(date="2027-03-03", name="Day of Tests")
        with django_assert_num_queries(0):
            assert due_times("break-glass", 120) == (TUESDAY + timedelta(hours=90), TUESDAY + timedelta(days=5))


@pytest.mark.django_db
def test_each_stage_and_revision_is_due_by_the_calendar(contact, anna, rita, api_of):
    today = timezone.localdate()
    for days in range(4):
        Holiday.objects.create(date=today + timedelta(days=days), name="Day of Tests")
    set_policy(policy([stage(hours=1), stage("Second", hours=1)], [rule("Review", "Second")]))
    asked = submit(api_of(anna), contact, BOTH)
    free_until = datetime.combine(today + timedelta(days=4), datetime.min.time(), timezone.get_default_timezone())
    assert asked.due_at > free_until
    approve(api_of(rita), asked)
    first = asked.due_at
    asked.refresh_from_db()
    assert (asked.stage, asked.due_at) == (1, first)
    stages = api_of(rita).get(address(asked)).json["stages"]
    assert [found["dueDate"] is None for found in stages] == [True, False]
