"""One installation for all tests of faults; each leaves its servers running."""

from collections.abc import Iterator

import pytest

from tests.faults.installation import Installation


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    made = Installation(tmp_path_factory.mktemp("installation"))
    try:
        made.valkey.start()
        made.set_up()
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


@pytest.fixture(scope="session")
def client(installed: Installation) -> tuple[str, str]:
    """A client application that may do everything."""
    return installed.client("contacts.read contacts.write change-requests.read schemas.read exports imports")
