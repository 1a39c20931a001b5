"""The data of an installation, made once in a test run and copied for each that needs one: from nothing takes longest.

That it is made from nothing as well is what tests/devstack/test_runstack.py and test_load_demo.py show.
"""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devstack.embedded import paths
from tests.faults.installation import Installation

Prepare = Callable[..., None]
# As `runstack` does it, who then finds it done.
DEVELOPMENT = "--settings=config.settings.development"
COLLECT = "from devstack.management.commands.runstack import _collect_static; _collect_static()"


@pytest.fixture(scope="session")
def prepare(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Prepare:
    """Fills a `var` with servers that have stopped, schemas and static files; with `demo` with the demo's data too."""
    base = tmp_path_factory.getbasetemp()
    # The workers of pytest-xdist share what is above theirs.
    common = base if worker_id == "master" else base.parent

    def fill(var: Path, *, demo: bool = False) -> None:
        with _alone(common / "prepared.lock"):
            plain = _made(common / "prepared", None, [["migrate", "--verbosity=0"], ["load_schemas"]])
            chosen = _made(common / "prepared-demo", plain, [["load_demo", "--force", DEVELOPMENT]]) if demo else plain
        shutil.copytree(chosen, var, dirs_exist_ok=True)

    return fill


def _made(folder: Path, origin: Path | None, commands: list[list[str]]) -> Path:
    """The `var` in the folder, made unless it is there: from another one, or from nothing."""
    done = folder / "done"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        made = Installation(folder)
        if origin is None:
            commands = [*commands, ["shell", "--verbosity=0", "-c", COLLECT]]
        else:
            shutil.copytree(origin, made.var)
        made.prepare(*commands)
        paths.socket_directory(made.var).rmdir()
        done.touch()
    return folder / "var"


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
