"""One installation for all fault tests. Each test must leave the servers running."""

from collections.abc import Callable, Iterator

import pytest

from tests.devstack.stack import free_port
from tests.faults.installation import Installation, Web
from tests.prepared import Prepare


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, prepare: Prepare) -> Iterator[Installation]:
    made = Installation(tmp_path_factory.mktemp("installation"))
    prepare(made.var)
    try:
        made.valkey.start()
        made.postgres.start()
        yield made
    finally:
        made.end()


@pytest.fixture
def installation(installed: Installation) -> Iterator[Installation]:
    """The installation; kills the processes of the test at teardown."""
    yield installed
    for process in installed.processes:
        process.kill()
    installed.processes.clear()


@pytest.fixture(scope="module")
def standing_web(installed: Installation) -> Iterator[Callable[..., Web]]:
    """Start a web server that keeps running during all tests of a module."""
    started: list[Web] = []

    def start(**variables: str) -> Web:
        started.append(Web(installed, free_port(), variables))
        return started[-1]

    yield start
    for web in started:
        web.kill()


@pytest.fixture(scope="session")
def client(installed: Installation) -> tuple[str, str]:
    """Id and secret of a client application with all scopes that the tests need."""
    return installed.client("contacts.read contacts.write change-requests.read schemas.read exports imports")
