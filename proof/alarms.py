"""Who hears when verification finds something: functions that upper apps register."""

from collections.abc import Callable, Sequence

Alarm = Callable[[Sequence[str]], None]

_alarms: list[Alarm] = []


def register_alarm(alarm: Alarm) -> None:
    """Register a function that takes what was found, in words without personal data."""
    if alarm not in _alarms:
        _alarms.append(alarm)


def raise_alarm(findings: Sequence[str]) -> None:
    for alarm in _alarms:
        alarm(findings)
