"""Responses that the clients received, by kind and status, with their durations."""

import threading
from collections import Counter, defaultdict

# Statuses of lost races, which are expected. Any other error is a failure.
INTENDED = frozenset({409, 412, 422})


class Measures:
    """Thread-safe record of responses."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self._statuses: dict[str, Counter[str]] = defaultdict(Counter)
        self._unintended: list[str] = []

    def note(self, kind: str, status: int, seconds: float, sub_code: str = "", answer: str = "") -> None:
        with self._lock:
            self._seconds[kind].append(seconds)
            if status >= 400 or status == 0:
                self._statuses[kind][f"{status} {sub_code}".strip()] += 1
                if status not in INTENDED:
                    self._unintended.append(f"{kind}: {status} {answer}")

    def fail(self, text: str) -> None:
        with self._lock:
            self._unintended.append(text)

    def unintended(self) -> list[str]:
        """Return the first 20 unexpected responses."""
        return self._unintended[:20]

    def table(self, seconds: float) -> str:
        """Return a Markdown table."""
        lines = [
            "| kind | requests | per s | p50 ms | p99 ms | lost races | errors |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
        ]
        total: list[float] = []
        for kind, times in sorted(self._seconds.items()):
            lines.append(self._row(kind, times, self._statuses[kind], seconds))
            total += times
        lines.append(self._row("all", total, sum(self._statuses.values(), Counter()), seconds))
        races = sum(self._statuses.values(), Counter())
        found = ", ".join(f"{number} x {what}" for what, number in races.most_common())
        return "\n".join(lines) + f"\n\nraces: {found or 'none'}"

    @staticmethod
    def _row(kind: str, times: list[float], statuses: Counter[str], seconds: float) -> str:
        ordered = sorted(times)
        p50, p99 = (ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000 for share in (0.5, 0.99))
        lost = sum(number for what, number in statuses.items() if int(what.split()[0]) in INTENDED)
        errors = sum(statuses.values()) - lost
        return (
            f"| {kind} | {len(times):,} | {len(times) / seconds:.1f} | {p50:.1f} | {p99:.1f} | {lost:,} | {errors:,} |"
        )
