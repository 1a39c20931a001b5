"""When stages are due: the institution's calendar. Pure: nothing here reads or writes."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days on which time counts: these weekdays (0 is Monday) but for the holidays, in a time zone."""

    weekdays: Collection[int]
    holidays: Collection[date]
    zone: tzinfo

    def is_business_day(self, day: date) -> bool:
        return day.weekday() in self.weekdays and day not in self.holidays

    def begin_of(self, day: date) -> datetime:
        return datetime.combine(day, time.min, self.zone).astimezone(UTC)


def due_after(start: datetime, hours: float, calendar: Calendar) -> datetime:
    """Return the moment at which so many hours of business days have passed, in UTC.

    All hours of a business day count. The result lies in a business day itself: what ends with one is due at the begin
    of the next one.
    """
    left, moment = timedelta(hours=hours), start.astimezone(UTC)
    day = start.astimezone(calendar.zone).date()
    while True:
        following = calendar.begin_of(day + ONE_DAY)
        if calendar.is_business_day(day):
            if left < following - moment:
                return moment + left
            left -= following - moment
        moment, day = following, day + ONE_DAY
