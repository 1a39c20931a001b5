"""Timing of works that take turns in this process."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROUNDS = 5


def timed(works: Mapping[str, Callable[[], object]], *, rounds: int = ROUNDS, times: int = 1) -> dict[str, list[float]]:
    """Return the milliseconds of each work per round, averaged over `times` runs, after one warm-up round."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for number in range(-1, rounds):
        for name, work in works.items():
            began = time.perf_counter()
            for _time in range(times):
                work()
            if number >= 0:
                found[name].append((time.perf_counter() - began) * 1000 / times)
    return found


def forget_peak() -> None:
    """Reset the peak memory of this process."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_mib() -> int:
    """Return the peak resident memory of this process in MiB (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024
