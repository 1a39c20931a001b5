"""A pytest plugin (`-p devstack.embedded.testing`) that runs separate servers for tests, beside those of `make run`.

The settings read KONTOR_VAR, and pytest-django loads them before any conftest.py, hence a plugin.
Concurrent test runs use different directories: `var/test`, `var/test-2` and so on. The pytest-xdist workers of a run
share its directory through the environment.
"""

import fcntl
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import embedded

_CLAIMED = "KONTOR_TEST_VAR"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    """Select the settings module and the servers' directory before the settings load."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
    if _CLAIMED not in os.environ:
        os.environ[_CLAIMED] = str(_claim(embedded.var_directory() / "test"))
    os.environ["KONTOR_VAR"] = os.environ[_CLAIMED]
    return (yield)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the servers, or share those that another process of this run has started."""
    if not session.config.option.collectonly:
        try:
            embedded.ensure_running(embedded.var_directory(), durable=False)
        except embedded.EmbeddedServerError as error:
            pytest.exit(str(error), returncode=pytest.ExitCode.INTERNAL_ERROR)


def pytest_unconfigure() -> None:
    """Release the servers."""
    embedded.release(embedded.var_directory())


def _claim(first: Path) -> Path:
    """Claim the first directory that no other test run uses, until this process ends, and return it."""
    for number in itertools.count(1):
        place = first if number == 1 else first.with_name(f"{first.name}-{number}")
        place.mkdir(parents=True, exist_ok=True)
        # Never closed: the lock on the descriptor is the claim.
        descriptor = os.open(place / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            return place
    raise AssertionError("unreachable")
