"""The data of an installation, kept until what it is made of changes, and copied for each test that needs one.

That it is made from nothing as well is what tests/devstack/test_runstack.py and test_load_demo.py show.
"""

import fcntl
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from devstack.embedded import paths
from devstack.embedded.servers import _postgres_program
from tests.databases import FILLED
from tests.faults.installation import Installation
from tests.fingerprints import ROOT, fingerprint

Prepare = Callable[..., None]
# As `runstack` does it, who then finds it done.
DEVELOPMENT = "--settings=config.settings.development"
COLLECT = "from devstack.management.commands.runstack import _collect_static; _collect_static()"


@pytest.fixture(scope="session")
def prepare(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Prepare:
    """Fill a `var` with data of stopped servers, with schemas and static files and, if `demo`, with demo data."""
    kept = Path(settings.VAR_DIR) / "prepared"
    kept.mkdir(exist_ok=True)
    sources = [Path(__file__), *FILLED.all_sources(), *_static_files()]
    with_demo = [*sources, *ROOT.glob("*/management/commands/load_demo.py")]

    def fill(var: Path, *, demo: bool = False) -> None:
        with _alone(kept / "lock"):
            with django_db_blocker.unblock():
                plain = _made(kept, "plain", sources, None, [["shell", "--verbosity=0", "-c", COLLECT]])
            # The demo's stories happen in the days before it is loaded.
            today = f"demo-{timezone.now().date()}"
            load_demo = [["load_demo", "--force", DEVELOPMENT]]
            chosen = _made(kept, today, with_demo, plain, load_demo) if demo else plain
        shutil.copytree(chosen, var, dirs_exist_ok=True)

    return fill


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
        if origin is not None:
            shutil.copytree(origin, made.var)
        with made.hasty_servers():
            if origin is None:
                _copy_database(FILLED.ensure(), paths.socket_directory(made.var))
            for command in commands:
                ran = made.manage(*command)
                assert ran.returncode == 0, ran.stderr
        paths.socket_directory(made.var).rmdir()
        done.touch()
    return folder / "var"


def _copy_database(name: str, socket_directory: Path) -> None:
    """Copy a database of the tests' server into the empty one of the server with this socket."""
    server = connection.settings_dict
    environment = {"PGPORT": str(server["PORT"] or ""), "PGPASSWORD": server["PASSWORD"] or ""}
    dump = [
        _postgres_program("pg_dump"),
        f"--host={server['HOST']}",
        f"--username={server['USER']}",
        "--no-owner",
        name,
    ]
    content = subprocess.run(dump, env=environment, capture_output=True, check=True).stdout
    psql = [_postgres_program("psql"), f"--host={socket_directory}", "--username=kontor", "--no-psqlrc", "--quiet"]
    subprocess.run([*psql, "--set=ON_ERROR_STOP=1"], input=content, env={}, capture_output=True, check=True)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
