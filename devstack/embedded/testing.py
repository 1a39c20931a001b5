"""A pytest plugin (`-p devstack.embedded.testing`): servers of the test run's own, beside those of `make run`.

The settings take the servers' place from KONTOR_VAR, and pytest-django reads them before any conftest.py: so a plugin.
Test runs at the same time take different places: `var/test`, `var/test-2` and so on. The workers of pytest-xdist share
their run's, which they learn through the environment.
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
    """Before the settings are loaded: which settings, and where their servers are."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
    if _CLAIMED not in os.environ:
        os.environ[_CLAIMED] = str(_claim(embedded.var_directory() / "test"))
    os.environ["KONTOR_VAR"] = os.environ[_CLAIMED]
    return (yield)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Starts the servers, or finds those that another process of this run started; they stop with the last of these."""
    if not session.config.option.collectonly:
        try:
            embedded.ensure_running(embedded.var_directory(), durable=False)
        except embedded.EmbeddedServerError as error:
            pytest.exit(str(error), returncode=pytest.ExitCode.INTERNAL_ERROR)


def pytest_unconfigure() -> None:
    """Leaves the servers."""
    embedded.release(embedded.var_directory())


def _claim(first: Path) -> Path:
    """The first of the places that no other test run uses; it is this one's until the process ends."""
    for number in itertools.count(1):
        place = first if number == 1 else first.with_name(f"{first.name}-{number}")
        place.mkdir(parents=True, exist_ok=True)
        # Never closed: the descriptor is the claim.
        descriptor = os.open(place / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            return place
    raise AssertionError("unreachable")
