"""The data of an installation, kept until what it is made of changes, and copied for each test that needs one.

That it is made from nothing as well is what tests/devstack/test_runstack.py and test_load_demo.py show.
"""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from devstack.embedded import paths
from tests.databases import FILLED
from tests.faults.installation import Installation
from tests.fingerprints import ROOT, fingerprint

Prepare = Callable[..., None]
# As `runstack` does it, who then finds it done.
DEVELOPMENT = "--settings=config.settings.development"
COLLECT = "from devstack.management.commands.runstack import _collect_static; _collect_static()"


@pytest.fixture(scope="session")
def prepare() -> Prepare:
    """Fill a `var` with data of stopped servers, with schemas and static files and, if `demo`, with demo data."""
    kept = Path(settings.VAR_DIR) / "prepared"
    kept.mkdir(exist_ok=True)
    sources = [*FILLED.all_sources(), *_loading("load_schemas"), *_static_files()]
    with_demo = [*sources, *_loading("load_demo")]

    def fill(var: Path, *, demo: bool = False) -> None:
        with _alone(kept / "lock"):
            plain = _made(kept, "plain", sources, None, [["migrate", "--verbosity=0"], ["load_schemas"]])
            # The demo's stories happen in the days before it is loaded.
            today = f"demo-{timezone.now().date()}"
            load_demo = [["load_demo", "--force", DEVELOPMENT]]
            chosen = _made(kept, today, with_demo, plain, load_demo) if demo else plain
        shutil.copytree(chosen, var, dirs_exist_ok=True)

    return fill


def _loading(command: str) -> Iterator[Path]:
    yield Path(__file__)
    yield from ROOT.glob(f"*/management/commands/{command}.py")


def _static_files() -> Iterator[Path]:
    for folder in ROOT.glob("*/static"):
        yield from (path for path in folder.rglob("*") if path.is_file())


def _made(kept: Path, name: str, sources: list[Path], origin: Path | None, commands: list[list[str]]) -> Path:
    """Return the `var` in the folder. Create it if missing, from a copy of `origin` if given."""
    folder = kept / f"{name}-{fingerprint(sources)}"
    done = folder / "done"
    if not done.exists():
        for outdated in kept.glob(f"{name.partition('-')[0]}-*"):
            shutil.rmtree(outdated)
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
