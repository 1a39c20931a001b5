"""The commands of docs/rotation.md replace secrets while Kontor runs."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis, RedisError

from devstack.embedded import paths, servers
from tests.devstack.stack import ROOT, free_port
from tests.faults.installation import Installation, Web, wait_until
from tests.faults.test_database_restarts import new_contact

NEW_KEY = "another-secret-key-" + "0123456789abcdef" * 4
OLD_PASSWORD, NEW_PASSWORD = "the-old-one", "the-new-one"


def run(name: str, **environment: str) -> str:
    """Run the block of the page that has the name; return what it printed."""
    page = (ROOT / "docs" / "rotation.md").read_text()
    found = re.search(rf'^( *)```bash title="{name}"\n(.*?)^\1```', page, re.DOTALL | re.MULTILINE)
    assert found is not None
    commands = re.sub(rf"^{found.group(1)}", "", found.group(2), flags=re.MULTILINE)
    programs = [str(Path(sys.executable).parent), str(Path(servers._postgres_program("psql")).parent)]
    path = os.pathsep.join([*filter(None, [environment.pop("PROGRAMS", "")]), *programs, os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        env={**environment, "PATH": path},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def works(web: Web, client: tuple[str, str]) -> bool:
    """Whether it reads and writes the database."""
    web.authorize(client)
    contact = new_contact(web)
    return web.status(f"/v1.0/contacts/{contact}/details") == 200


def test_another_secret_key_needs_the_former_one_only_until_secrets_are_encrypted_again(
    installation: Installation,
) -> None:
    client = installation.client("webhooks events.read contacts.read")
    web = installation.web(WEBHOOK_ALLOW_PRIVATE="1")
    web.authorize(client)
    status, _, _ = web.call("POST", "/v1.0/webhooks", {"url": "http://127.0.0.1:1/"})
    assert status == 201
    usual = installation.environment()
    assert run("encrypt again", **usual) == "0 encrypted again.\n"
    between = installation.environment(SECRET_KEY=NEW_KEY, SECRET_KEY_FALLBACKS=usual["SECRET_KEY"])
    with installation.database() as database:
        (webhooks,) = database.execute("SELECT count(*) FROM events_webhook WHERE secret <> ''").fetchone()
    assert run("encrypt again", **between) == f"{webhooks} encrypted again.\n"
    assert run("encrypt again", **installation.environment(SECRET_KEY=NEW_KEY)) == "0 encrypted again.\n"
    # As it was, for the tests that come.
    back = installation.environment(SECRET_KEY_FALLBACKS=NEW_KEY)
    assert run("encrypt again", **back) == f"{webhooks} encrypted again.\n"


def test_another_role_bridges_the_change_of_the_databases_password(
    installation: Installation, client: tuple[str, str]
) -> None:
    as_superuser = {
        "PGHOST": str(paths.socket_directory(installation.var)),
        "PGUSER": "kontor",
        "PGDATABASE": "kontor",
        "NEXT_PASSWORD": "it's-the-next",
        "NEW_PASSWORD": "it's-the-new",
    }
    run("bridge", **as_superuser)
    url = paths.database_url(installation.var)
    bridge = installation.web(DATABASE_URL=url.replace("://kontor@", "://kontor_next@"))
    assert works(bridge, client)
    with installation.database() as connection:
        before = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'kontor'").fetchone()
        run("new password", **as_superuser)
        after = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'kontor'").fetchone()
    assert after is not None
    assert after != before
    assert after[0].startswith("SCRAM-SHA-256$")
    assert works(bridge, client)
    bridge.terminate()
    run("end of the bridge", **as_superuser)
    with installation.database() as connection:
        assert connection.execute("SELECT FROM pg_roles WHERE rolname = 'kontor_next'").fetchone() is None


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The port of a Valkey with a password."""
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--requirepass", OLD_PASSWORD, "--dir", str(tmp_path)]
    process = subprocess.Popen([servers.valkey_program(), *options], stdout=subprocess.DEVNULL, cwd="/")
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def test_both_passwords_of_valkey_count_until_the_old_one_ends(
    installation: Installation, client: tuple[str, str], port: int, tmp_path: Path
) -> None:
    # The wheel has no valkey-cli.
    program = tmp_path / "valkey-cli"
    program.write_text(
        f"#!{sys.executable}\nimport os, sys\nfrom redis import Redis\n"
        f"print(Redis(port={port}, password=os.environ['VALKEYCLI_AUTH']).execute_command(*sys.argv[1:]))\n"
    )
    program.chmod(0o755)
    environment = {"PROGRAMS": str(tmp_path), "OLD_PASSWORD": OLD_PASSWORD, "NEW_PASSWORD": NEW_PASSWORD}

    def counts(password: str) -> bool:
        try:
            return bool(Redis(port=port, password=password).ping())
        except RedisError:
            return False

    wait_until(lambda: counts(OLD_PASSWORD), "Valkey did not start")
    old = installation.web(REDIS_URL=f"redis://:{OLD_PASSWORD}@127.0.0.1:{port}/0")
    assert old.status("/health/ready") == 200
    assert not counts(NEW_PASSWORD)
    run("add", **environment, VALKEYCLI_AUTH=OLD_PASSWORD)
    new = installation.web(REDIS_URL=f"redis://:{NEW_PASSWORD}@127.0.0.1:{port}/0")
    assert [web.status("/health/ready") for web in (old, new)] == [200, 200]
    run("remove", **environment, VALKEYCLI_AUTH=NEW_PASSWORD)
    assert not counts(OLD_PASSWORD)
    wait_until(lambda: old.status("/health/ready") == 503, "the old password still counts")
    assert new.status("/health/ready") == 200
    # Who was left behind answers nevertheless.
    assert works(old, client)
