"""Works that take turns in this process, and how long each took."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROUNDS = 5


def timed(works: Mapping[str, Callable[[], object]], *, rounds: int = ROUNDS, times: int = 1) -> dict[str, list[float]]:
    """Milliseconds of each work in each round, the average of so many times; a round before them warms up."""
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
    """Let the kernel count the most memory of this process anew."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_mib() -> int:
    """VmHWM: the most memory that this process had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024
