"""The institution's calendar."""

from datetime import date

from django.conf import settings
from django.utils import timezone

from changerequests.due_times import Calendar
from changerequests.models import Holiday


def calendar_from(day: date) -> Calendar:
    """Return the calendar from a day on, in the institution's time zone. Runs one query."""
    holidays = frozenset(Holiday.objects.filter(date__gte=day).order_by().values_list("date", flat=True))
    return Calendar(settings.BUSINESS_DAYS, holidays, timezone.get_default_timezone())
