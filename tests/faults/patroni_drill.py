"""A drill, not a test: Patroni and etcd look after two servers, the host of the primary dies under load, writes go on.

    python -m tests.faults.patroni_drill

It needs Debian's `etcd-server` and the extras `dev` and `embedded`, installs Patroni into an environment of its own,
and takes about five minutes. docs/database.md shows what it prints.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import psycopg
import yaml

from devstack.embedded import launch
from devstack.embedded.servers import ENVIRONMENT, _identity, _postgres_program
from tests.devstack.stack import ROOT, free_port
from tests.faults.installation import Installation, wait_until
from tests.faults.mixed_load import BACK_IN_SECONDS, CHANGED, SCOPES, WARM, MixedLoad
from tests.faults.test_database_restarts import assert_whole, new_contact
from tests.faults.two_roles import OWNER, PASSWORD, RUNTIME, VARIABLES

PATRONI = "patroni[etcd3]==4.1.5"
PROGRAMS = Path(_postgres_program("postgres")).parent
# What Patroni allows at least: a primary that is not heard of so long is replaced.
TTL_SECONDS = 20
BUILTIN = {"encoding": "UTF8", "locale": "C.UTF-8", "locale-provider": "builtin", "builtin-locale": "C.UTF-8"}


class Node:
    """A host: PostgreSQL and the Patroni that looks after it."""

    def __init__(self, name: str, folder: Path, *, etcd: int, program: Path) -> None:
        self.name = name
        self.port, self._rest = free_port(), free_port()
        self._folder = folder / name
        self._folder.mkdir(mode=0o700)
        (self._folder / "patroni.yml").write_text(yaml.safe_dump(self._settings(etcd)))
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def _settings(self, etcd: int) -> dict[str, Any]:
        here = "127.0.0.1"
        # How soon a dead primary is noticed, and that no commit is acknowledged that only one host has.
        rules = {"ttl": TTL_SECONDS, "loop_wait": 2, "retry_timeout": 5, "synchronous_mode": True}
        return {
            "scope": "kontor",
            "name": self.name,
            "restapi": {"listen": f"{here}:{self._rest}", "connect_address": f"{here}:{self._rest}"},
            "etcd3": {"hosts": f"{here}:{etcd}"},
            "bootstrap": {
                "dcs": rules | {"postgresql": {"use_pg_rewind": True}},
                "initdb": [{name: value} for name, value in BUILTIN.items()],
            },
            "postgresql": {
                "listen": f"{here}:{self.port}",
                "connect_address": f"{here}:{self.port}",
                "data_dir": str(self._folder / "data"),
                "bin_dir": str(PROGRAMS),
                "pgpass": str(self._folder / "pgpass"),
                "authentication": {
                    "superuser": {"username": "postgres", "password": PASSWORD},
                    "replication": {"username": "replicator", "password": PASSWORD},
                },
                "pg_hba": [
                    f"host all all {here}/32 scram-sha-256",
                    f"host replication replicator {here}/32 scram-sha-256",
                ],
                "parameters": {"unix_socket_directories": ""},
            },
        }

    def start(self) -> None:
        argv = [str(self._program), str(self._folder / "patroni.yml")]
        identity = _identity(self._folder, _postgres_program("postgres"))
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                launch.command(argv, identity=identity), stdout=log, stderr=log, env=ENVIRONMENT, cwd="/"
            )

    def members(self) -> dict[str, str]:
        """Return the role of each node, as this one knows it; of those that do not run, nothing."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._rest}/cluster", timeout=2) as answer:
                members = json.load(answer)["members"]
        except (OSError, ValueError):
            return {}
        return {one["name"]: one["role"] for one in members if one["state"] in ("running", "streaming")}

    def database(self, name: str = "kontor") -> psycopg.Connection:
        address = f"host=127.0.0.1 port={self.port} user=postgres password={PASSWORD} dbname={name}"
        return psycopg.connect(address, autocommit=True)

    def kill(self) -> None:
        """Kill Patroni, PostgreSQL and all of their processes at once, as when the host loses power."""
        if self._process is None:
            return
        patroni = psutil.Process(self._process.pid)
        processes = [patroni, *patroni.children(recursive=True)]
        postmaster = self._folder / "data" / "postmaster.pid"
        if postmaster.exists() and psutil.pid_exists(pid := int(postmaster.read_text().split()[0])):
            processes += [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        for process in processes:
            if process.is_running():
                process.kill()
        self._process.wait()
        self._process = None


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def start_etcd(folder: Path, stack: ExitStack) -> int:
    """Start etcd and return its port."""
    clients, peers = free_port(), free_port()
    addresses = {"client": f"http://127.0.0.1:{clients}", "peer": f"http://127.0.0.1:{peers}"}
    argv = ["etcd", "--data-dir", str(folder / "etcd"), "--initial-cluster", f"default={addresses['peer']}"]
    for kind, address in addresses.items():
        argv += [f"--listen-{kind}-urls", address]
    argv += ["--advertise-client-urls", addresses["client"], "--initial-advertise-peer-urls", addresses["peer"]]
    with (folder / "etcd.log").open("ab") as log:
        etcd = subprocess.Popen(argv, stdout=log, stderr=log)
    stack.callback(etcd.wait)
    stack.callback(etcd.kill)
    return clients


def install_patroni(folder: Path) -> Path:
    venv.create(folder / "venv", with_pip=True)
    pip = [str(folder / "venv" / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, PATRONI, "psycopg[binary]"], check=True)
    return folder / "venv" / "bin" / "patroni"


def make_database(installation: Installation, primary: Node, url: dict[str, str]) -> None:
    """Make the database, its roles and its tables, as docs/deployment.md says."""
    with primary.database("postgres") as server:
        server.execute(
            "CREATE DATABASE kontor ENCODING 'UTF8' TEMPLATE template0"
            " LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C.UTF-8'"
        )
    psql = [str(PROGRAMS / "psql"), "--no-psqlrc", "--quiet", f"--file={ROOT / 'deploy' / 'roles.sql'}"]
    login = {"PGHOST": "127.0.0.1", "PGPORT": str(primary.port), "PGUSER": "postgres", "PGPASSWORD": PASSWORD}
    subprocess.run([*psql, "--dbname=kontor"], env={"PATH": os.environ["PATH"], **login, **VARIABLES}, check=True)
    for command in (["migrate", "--verbosity=0"], ["load_schemas"], ["grant_privileges", RUNTIME]):
        done = installation.manage(*command, DATABASE_URL=url[OWNER])
        assert done.returncode == 0, done.stderr


def main() -> None:
    if shutil.which("etcd") is None:
        sys.exit("There is no etcd on this machine: apt-get install etcd-server")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kontor-drill-")))
        program, etcd = install_patroni(folder), start_etcd(folder, stack)
        nodes = [Node(name, folder, etcd=etcd, program=program) for name in ("one", "two")]
        installation = Installation(folder)
        stack.callback(installation.end)
        for node in nodes:
            stack.callback(node.kill)
            node.start()
        installation.valkey.start()
        wait_until(lambda: sorted(nodes[0].members().values()) == ["leader", "sync_standby"], "no cluster")
        roles = nodes[0].members()
        primary, standby = sorted(nodes, key=lambda node: roles[node.name])
        say(f"the primary is {primary.name}; {standby.name} follows it, and each commit waits for it")
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        url = {role: f"postgres://{role}:{PASSWORD}@{hosts}/kontor" for role in (OWNER, RUNTIME)}
        make_database(installation, primary, url)
        rehearse(installation, primary, standby, url[RUNTIME])


def rehearse(installation: Installation, primary: Node, standby: Node, url: str) -> None:
    argv = ["create_client_app", "drill", "--scopes", SCOPES, "--reason", "A drill"]
    app = json.loads(installation.manage(*argv, DATABASE_URL=url).stdout)
    web = installation.web(DATABASE_URL=url)
    web.authorize((app["client_id"], app["client_secret"]))
    contacts = [new_contact(web) for _ in range(CHANGED)]
    kinds = web.call("POST", "/v1.0/lists/contact-type/search", {"filter": "client"})[2]["items"]
    load = MixedLoad(web, contacts, kinds[0]["id"])
    try:
        wait_until(lambda: len(load.answers) > WARM and load.succeeds(), "no load")
        killed = time.monotonic()
        primary.kill()
        say(f"the host of {primary.name} is gone, after {len(load.answers)} requests")
        wait_until(lambda: standby.members().get(standby.name) == "leader", "nobody takes over")
        promoted = time.monotonic()
        say(f"Patroni has promoted {standby.name} after {promoted - killed:.1f} s")
        wait_until(lambda: load.succeeds(since=promoted), "writes are not back", seconds=BACK_IN_SECONDS)
        say(f"every client writes again {time.monotonic() - promoted:.1f} s later")
        primary.start()
        wait_until(lambda: standby.members().get(primary.name) == "sync_standby", "the old primary does not follow")
        say(f"{primary.name} is back, and follows")
    finally:
        load.end()
    failed = [answer for answer in load.answers if answer.status >= 300]
    assert load.broken == []
    assert {answer.status for answer in failed} == {503}
    for contact in contacts:
        assert_whole(standby, contact, load)
    say(f"{len(load.answers)} requests, {len(failed)} failures, longest gap of writes {load.longest_gap():.1f} s")
    say("no acknowledged change is lost, and none is half")


if __name__ == "__main__":
    main()
