"""Figures with their yardsticks and goals, as a table and as JSON."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A row of the table. `ratio` compares with the yardstick; `goal` is its minimum or, if `is_at_most`, maximum."""

    work: str
    value: float
    unit: str
    yardstick: str = ""
    ratio: float | None = None
    goal: float | None = None
    is_at_most: bool = False

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        judged = self.value if self.ratio is None else self.ratio
        return "yes" if (judged <= self.goal if self.is_at_most else judged >= self.goal) else "no"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the ratios per round, because a disturbance of a round affects both sides."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))


def machine() -> dict[str, Any]:
    """Return hardware and versions that the figures depend on, without the host name."""
    names = (
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    )
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    packages = ("Django", "djangorestframework", "psycopg", "gunicorn", "orjson", "jsonschema-rs")
    return {
        "processor": next(names, platform.machine()),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory.split()[1]) / 1024**2, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a plain-text table."""
    rows = [("work", "measured", "compared with", "ratio", "goal", "met")]
    for figure in figures:
        goal = "" if figure.goal is None else f"{'<=' if figure.is_at_most else '>='} {figure.goal:g}"
        shown = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        rows.append((figure.work, f"{figure.value:,.5g} {figure.unit}", figure.yardstick, shown, goal, figure.verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def write(figures: Sequence[Figure], file: Path, **facts: object) -> None:
    """Write the figures as JSON, with the machine and additional facts."""
    content = {"machine": machine(), **facts, "figures": [{**asdict(f), "met": f.verdict or None} for f in figures]}
    file.write_text(json.dumps(content, indent=2) + "\n")
