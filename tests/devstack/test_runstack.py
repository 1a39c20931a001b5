"""`manage.py runstack` as users run it: it serves, stops and reports errors."""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import environ
import psutil
import psycopg
import pytest

from devstack import embedded
from devstack.embedded import paths
from tests.devstack.stack import ROOT, Eventually, RunningStack, free_port

pytestmark = pytest.mark.stack

Environment = Callable[[Path], dict[str, str]]


def run_stack(environment: dict[str, str], port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "runstack", "--no-demo"],
        cwd=ROOT,
        env={**environment, "PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def first_migration(var: Path) -> object:
    address = environ.Env.db_url_config(embedded.database_url(var))
    with psycopg.connect(host=address["HOST"], user=address["USER"], dbname=address["NAME"]) as connection:
        return connection.execute("SELECT min(applied) FROM django_migrations").fetchone()


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One folder for all stacks of the module: the first one migrates, the others restart."""
    folder = tmp_path_factory.mktemp("stack") / "var"
    yield folder
    paths.socket_directory(folder).rmdir()


@pytest.fixture
def start(var: Path, environment: Environment, eventually: Eventually) -> Iterator[Callable[[], RunningStack]]:
    stacks = []

    def new() -> RunningStack:
        stacks.append(RunningStack(var, environment(var), eventually))
        return stacks[-1]

    yield new
    for stack in stacks:
        stack.end()


def test_it_answers_stops_on_ctrl_c_and_leaves_no_process_behind_and_a_restart_keeps_the_data_until_a_part_dies(
    start: Callable[[], RunningStack], var: Path
) -> None:
    first = start()
    assert first.status_of("/") < 500
    migrated = first_migration(var)
    first.send(signal.SIGINT)
    assert first.exit_code() == 0
    assert first.left_behind() == []
    log = (var / "log" / "kontor.log").read_text()
    for source in ("stack", "web", "worker", "beat", "db"):
        assert f"{source:>6} | " in log

    second = start()
    assert first_migration(var) == migrated
    second.part("beat").kill()
    assert second.exit_code() == 1
    assert "beat ended unexpectedly (SIGKILL)" in second.output
    assert second.left_behind() == []


# SIGINT goes to the group, as when the script itself is interrupted: make alone ignores it there. It passes on SIGTERM.
@pytest.mark.parametrize("how", ["kill -INT 0", "kill -TERM $!"])
def test_in_the_background_of_a_script_make_run_stops_by_either_signal_and_leaves_no_process(
    how: str, var: Path, environment: Environment, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    script = (
        f"trap : INT; make run > {said} 2>&1 & until grep -q Ctrl-C {said}; do sleep 0.1; done; {how}; wait $!; wait"
    )
    started = subprocess.Popen(
        ["bash", "-c", script],
        cwd=ROOT,
        env={**environment(var), "PORT": str(free_port()), "ARGS": "--no-demo", "WEB_CONCURRENCY": "1"},
        start_new_session=True,
    )
    try:
        started.wait(300)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
    assert said.read_text().splitlines()[-1].endswith("| stopped")
    assert [process for process in psutil.process_iter() if belongs_to(process, var)] == []


def belongs_to(process: psutil.Process, var: Path) -> bool:
    try:
        return process.environ().get("KONTOR_VAR") == str(var) or str(var) in " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # not one of ours
        return False


def test_when_it_is_killed_itself_everything_ends_with_it(
    start: Callable[[], RunningStack], eventually: Eventually
) -> None:
    stack = start()
    stack.send(signal.SIGKILL)
    eventually(lambda: stack.left_behind() == [], f"left: {stack.left_behind()}")


def test_a_used_port_is_told_before_anything_starts(tmp_path: Path, environment: Environment) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run_stack(environment(tmp_path / "var"), port)
    assert result.returncode == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in result.stderr
    assert not (tmp_path / "var" / "postgres").exists()


def test_a_second_stack_in_the_same_folder_is_told_where_the_first_one_is(
    tmp_path: Path, environment: Environment
) -> None:
    held = os.open(tmp_path / "stack.lock", os.O_RDWR | os.O_CREAT)
    os.write(held, b"http://127.0.0.1:8000/")
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        result = run_stack(environment(tmp_path), free_port())
    finally:
        os.close(held)
    assert result.returncode == 1
    assert "Kontor is already running from this folder, at http://127.0.0.1:8000/" in result.stderr
    assert not (tmp_path / "postgres").exists()
