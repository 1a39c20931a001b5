"""One installation for all tests of faults; each leaves its servers running."""

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
    """Its processes end with the test."""
    yield installed
    for process in installed.processes:
        process.kill()
    installed.processes.clear()


@pytest.fixture(scope="module")
def standing_web(installed: Installation) -> Iterator[Callable[..., Web]]:
    """Starts web servers that stand through all that happens in the tests of a module."""
    started: list[Web] = []

    def start(**variables: str) -> Web:
        started.append(Web(installed, free_port(), variables))
        return started[-1]

    yield start
    for web in started:
        web.kill()


@pytest.fixture(scope="session")
def client(installed: Installation) -> tuple[str, str]:
    """A client application that may do everything."""
    return installed.client("contacts.read contacts.write change-requests.read schemas.read exports imports")
