"""What all tests share. Their servers come from the plugin `devstack.embedded.testing`, which pyproject.toml names."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = [
    "tests.accesses",
    "tests.databases",
    "tests.examples",
    "tests.fixtures",
    "tests.queues",
    "tests.prepared",
]

TESTS = Path(__file__).parent
# What the tests of a folder are marked with; other tests say so themselves.
MARKS_OF_FOLDERS = {"browser": "browser", "faults": "stack"}
# Those that take longest begin, so that no worker is left with one at the end.
SLOWEST_FIRST = ("stack", "scale", "browser")
LONGEST_ID = 100


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark the tests before pytest-xdist reads their groups, and sort them after pytest-django has."""
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        if folder in MARKS_OF_FOLDERS:
            item.add_marker(MARKS_OF_FOLDERS[folder])
        # What a module starts or fills is started or filled by one worker. Modules that share more say so themselves.
        if _rank(item) < len(SLOWEST_FIRST) and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(str(item.path.relative_to(TESTS))))
    yield
    items.sort(key=_rank)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Let the garbage collector rest while next to nothing becomes garbage, and then leave alone what is loaded."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name long values by their parameter: ids of megabytes are copied between processes, hashed and printed."""
    return argname if isinstance(val, str | bytes) and len(val) > LONGEST_ID else None


def pytest_unconfigure() -> None:
    gc.unfreeze()


def _rank(item: pytest.Item) -> int:
    return next((rank for rank, mark in enumerate(SLOWEST_FIRST) if item.get_closest_marker(mark)), len(SLOWEST_FIRST))
