"""Servers and stacks per test: real processes with separate data directories."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.embedded import paths
from tests.devstack.stack import Eventually, RunningStack
from tests.prepared import Prepare

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120
DEMO_STACK = "demo stack"


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], object], str], None]:
    """Wait until the condition holds; fail with the message after PATIENCE seconds."""

    def wait(condition: Callable[[], object], message: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, message
            time.sleep(0.05)

    return wait


@pytest.fixture(autouse=True)
def no_socket_directory_is_left(tmp_path: Path) -> Iterator[None]:
    """Remove the empty socket directories, which are outside the test's folder, after each test."""
    yield
    for folder in (tmp_path, *tmp_path.rglob("var")):
        with contextlib.suppress(FileNotFoundError):
            paths.socket_directory(folder).rmdir()


@pytest.fixture(scope="session")
def environment() -> Callable[[Path], dict[str, str]]:
    """Return the environment of a process with its data in the given folder, without what the test run has of its own.

    A make in a make prints more, so what `make test` passes on goes as well.
    """

    def of(var: Path) -> dict[str, str]:
        foreign = {"DATABASE_URL", "REDIS_URL", "PORT", "HOST", "KONTOR_TEST_VAR", "MAKELEVEL", "MAKEFLAGS", "MFLAGS"}
        inherited = {name: value for name, value in os.environ.items() if name not in foreign}
        return {**inherited, "KONTOR_VAR": str(var), "DJANGO_SETTINGS_MODULE": "config.settings.base"}

    return of


@pytest.fixture(scope="session")
def demo_stack(
    tmp_path_factory: pytest.TempPathFactory,
    environment: Callable[[Path], dict[str, str]],
    eventually: Eventually,
    prepare: Prepare,
) -> Iterator[RunningStack]:
    """A stack with demo data. The tests that use it share it, in their order, so they run on one worker: DEMO_STACK.

    The walks of the documentation come first, because they show what is in the demo data.
    """
    var = tmp_path_factory.mktemp("demo") / "var"
    prepare(var, demo=True)
    # The test of the API's document makes thousands of calls as one actor.
    running = RunningStack(var, {**environment(var), "API_RATE": ""}, eventually, options=())
    yield running
    running.end()
    paths.socket_directory(var).rmdir()


@pytest.fixture
def use(environment: Callable[[Path], dict[str, str]]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a process that uses the servers until its stdin closes; return once they are running."""
    users = []

    def start(var: Path, **variables: str) -> subprocess.Popen[str]:
        program = "import sys; from devstack import embedded; embedded.ensure_running(embedded.var_directory()); "
        program += "print('running', flush=True); sys.stdin.read()"
        user = subprocess.Popen(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**environment(var), **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        users.append(user)
        assert user.stdout is not None
        assert user.stdout.readline() == "running\n"
        return user

    yield start
    for user in users:
        user.communicate(timeout=PATIENCE)
