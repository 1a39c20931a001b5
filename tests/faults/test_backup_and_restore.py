"""The commands of docs/backup-and-restore.md restore exactly what was backed up."""

import json
import os
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from PIL import Image
from psycopg import sql

from devstack.embedded import paths, servers
from tests.devstack.stack import ROOT
from tests.faults.installation import Installation, Web, wait_until
from tests.faults.test_database_restarts import new_contact
from tests.faults.two_roles import OWNER, RUNTIME, VARIABLES, make_roles, url_of
from tests.prepared import Prepare

NEW = "restored"
PROGRAMS = Path(servers._postgres_program("psql")).parent


def commands(name: str) -> str:
    """The block of the page that has the name."""
    page = (ROOT / "docs" / "backup-and-restore.md").read_text()
    found = re.search(rf'```bash title="{name}"\n(.*?)```', page, re.DOTALL)
    assert found is not None
    return found.group(1)


def run(name: str, installation: Installation, folder: Path, *, role: str, **variables: str) -> tuple[int, str]:
    """Run a block as an operator would who logs in to the server as the role; return its status and what it says."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands(name)],
        cwd=ROOT,
        env={
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            "PGHOST": str(paths.socket_directory(installation.var)),
            "PGUSER": role,
            "PGDATABASE": "kontor",
            "FILES": str(installation.files),
            "BACKUP": str(folder / "backup"),
            "NEW_DATABASE": NEW,
            "NEW_FILES": str(folder / "new"),
            **VARIABLES,
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


def rows(connection: psycopg.Connection) -> dict[str, tuple[int, str]]:
    """Of each table how many rows it has, and a digest of all that they hold; of each sequence where it is."""
    found = connection.execute(
        "SELECT relname, relkind::text FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S')"
    ).fetchall()
    result = {}
    for name, kind in found:
        if kind == "S":
            query = sql.SQL("SELECT last_value::int8, is_called::text FROM {}").format(sql.Identifier(name))
        else:
            query = sql.SQL(
                "SELECT count(*), coalesce(md5(string_agg(row::text, ' ' ORDER BY row::text)), '') FROM {} AS row"
            ).format(sql.Identifier(name))
        row = connection.execute(query).fetchone()
        assert row is not None
        result[name] = (row[0], row[1])
    return result


def files(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in found}


def connect(installation: Installation, database: str, role: str = "kontor") -> psycopg.Connection:
    host = str(paths.socket_directory(installation.var))
    return psycopg.connect(host=host, user=role, dbname=database, autocommit=True)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, prepare: Prepare) -> Iterator[Installation]:
    """An installation of two roles that the tests of this module share."""
    made = Installation(tmp_path_factory.mktemp("kept"))
    prepare(made.var)
    try:
        made.valkey.start()
        made.postgres.start()
        make_roles(made)
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def web(kept: Installation) -> Web:
    web = kept.web(DATABASE_URL=url_of(kept, RUNTIME))
    web.authorize(kept.client("contacts.read contacts.write schemas.read events.read"))
    return web


@pytest.fixture(scope="module")
def contact(web: Web) -> int:
    """One with a history and a picture."""
    contact = new_contact(web)
    picture = BytesIO()
    Image.new("RGB", (40, 40), "teal").save(picture, "PNG")
    given = {"imageContentBase64": b64encode(picture.getvalue()).decode()}
    assert web.call("PUT", f"/v1.0/contacts/{contact}/profile-picture", given)[0] == 204
    rename(web, contact, "Zürcher-Ænigma")
    return contact


def rename(web: Web, contact: int, name: str) -> None:
    changed = {"details": {"personalInformation": {"lastName": name}}}
    assert web.call("PATCH", f"/v1.0/contacts/{contact}/details", changed)[0] == 200


def shown(web: Web, contact: int) -> list[Any]:
    return [web.call("GET", f"/v1.0/contacts/{contact}/{what}")[2] for what in ("details", "profile-picture")]


def test_what_is_restored_is_every_row_and_every_file_and_kontor_runs_on_it(
    kept: Installation, web: Web, contact: int, tmp_path: Path
) -> None:
    expected = shown(web, contact)
    with connect(kept, "kontor") as original:
        # Who looked is written behind the requests.
        asked = original.execute("SELECT now()").fetchone()
        written = "SELECT max(written_until) > %s FROM audit_accessprocess"
        wait_until(lambda: original.execute(written, asked).fetchone() == (True,), "who looked was not written")
    assert run("backup", kept, tmp_path, role=OWNER) == (0, "")
    with connect(kept, "kontor") as original:
        before = rows(original)
        # Its processes say again and again that nothing is missing.
        del before["audit_accessprocess"]
        assert run("new database", kept, tmp_path, role="kontor") == (0, "")
        assert run("restore", kept, tmp_path, role=OWNER) == (0, "")
        with connect(kept, NEW) as new:
            assert {table: found for table, found in rows(new).items() if table != "audit_accessprocess"} == before
            properties = "SELECT datlocprovider, datlocale, datcollate, encoding, datdba FROM pg_database"
            assert (
                new.execute(f"{properties} WHERE datname = %s", [NEW]).fetchone()
                == original.execute(f"{properties} WHERE datname = 'kontor'").fetchone()
            )
            privileges = """
                SELECT relname, relowner, coalesce(relacl, acldefault('r', relowner))::text
                  FROM pg_class WHERE relkind = 'r' ORDER BY 1, 3
            """
            assert new.execute(privileges).fetchall() == original.execute(privileges).fetchall()
    assert before["contacts_contact"][0] >= 1
    assert files(tmp_path / "new") == files(kept.files) != {}
    for line in commands("after a restore").splitlines():
        command = line.partition("#")[0].replace("manage.py", "").replace("kontor", RUNTIME).split()
        done = kept.manage(*command, DATABASE_URL=url_of(kept, OWNER, NEW))
        assert done.returncode == 0, done.stderr
    restored = kept.web(DATABASE_URL=url_of(kept, RUNTIME, NEW), FILES_DIR=str(tmp_path / "new"))
    restored.token = web.token
    assert shown(restored, contact) == expected
    rename(restored, contact, "Spyri")
    findings = json.loads(kept.manage("doctor", "--json", DATABASE_URL=url_of(kept, RUNTIME, NEW)).stdout)["findings"]
    assert "error" not in {finding["grade"] for finding in findings if finding["part"] in {"database", "migrations"}}
    # What must not be possible in the original is not possible in the copy either.
    with connect(kept, NEW, OWNER) as new, pytest.raises(psycopg.Error):
        new.execute("DELETE FROM audit_entry")
    restored.kill()


def test_what_would_not_be_whole_is_refused_and_a_failure_leaves_nothing(
    kept: Installation, contact: int, tmp_path: Path
) -> None:
    # The programs are of another version than the server.
    other = tmp_path / "other"
    other.mkdir()
    for name in ("pg_dump", "pg_restore"):
        (other / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) 15.4'\n")
        (other / name).chmod(0o755)
    path = f"{other}:{PROGRAMS}:{os.environ['PATH']}"
    status, said = run("backup", kept, tmp_path, role=OWNER, PATH=path)
    assert (status, "pg_dump is of version 15, the server of version 18" in said) == (1, True), said
    assert run("backup", kept, tmp_path, role=OWNER) == (0, "")
    status, said = run("backup", kept, tmp_path, role=OWNER)
    assert (status, "has a backup already" in said) == (1, True), said
    name = f"{NEW}_in_part"
    assert run("new database", kept, tmp_path, role="kontor", NEW_DATABASE=name) == (0, "")
    status, said = run("restore", kept, tmp_path, role=OWNER, NEW_DATABASE=name, PATH=path)
    assert (status, "pg_restore is of version 15" in said) == (1, True), said
    # A dump that is cut off.
    dump = tmp_path / "backup" / "kontor.dump"
    whole = dump.read_bytes()
    dump.write_bytes(whole[: len(whole) * 3 // 4])
    assert run("restore", kept, tmp_path, role=OWNER, NEW_DATABASE=name)[0] != 0
    assert not (tmp_path / "new").exists()
    with connect(kept, name) as new:
        assert rows(new) == {}
    dump.write_bytes(whole)
    assert run("restore", kept, tmp_path, role=OWNER, NEW_DATABASE=name) == (0, "")
    status, said = run("restore", kept, tmp_path, role=OWNER, NEW_DATABASE=name)
    assert (status, "is not empty" in said) == (1, True), said


def test_a_server_is_recovered_to_the_moment_before_an_accident(
    kept: Installation, web: Web, contact: int, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    archive.mkdir()
    settings = {"ARCHIVE": str(archive), "NEW_DATA": str(tmp_path / "later" / "postgres" / "data")}
    assert run("archive", kept, tmp_path, role="kontor", **settings) == (0, "")
    kept.postgres.stop()
    kept.postgres.start()
    (tmp_path / "backup").mkdir()
    assert run("base", kept, tmp_path, role="kontor") == (0, "")
    rename(web, contact, "Before")
    assert web.call("GET", "/v1.0/events?after=0")[0] == 200
    with connect(kept, "kontor") as database:
        (moment,) = database.execute("SELECT clock_timestamp()::text").fetchone() or ("",)
        rename(web, contact, "The accident")
        position = web.call("GET", "/v1.0/events?after=0&limit=1000")[2]["next"]
        (segment,) = database.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone() or ("",)
    wait_until((archive / segment).exists, "the log is not archived")

    (tmp_path / "later" / "postgres").mkdir(parents=True)
    assert run("recover", kept, tmp_path, role="kontor", MOMENT=moment, **settings) == (0, "")
    later = Installation(tmp_path, var=tmp_path / "later")
    try:
        later.postgres.start()
        with later.database() as database:
            wait_until(lambda: database.execute("SELECT pg_is_in_recovery()").fetchone() == (False,), "no end of it")
        recovered = kept.web(DATABASE_URL=url_of(later, RUNTIME))
        recovered.token = web.token
        assert shown(recovered, contact)[0]["details"]["personalInformation"]["lastName"] == "Before"
        status, _, body = recovered.call("GET", f"/v1.0/events?after={position}")
        assert (status, body["subCode"]) == (422, "UnknownPosition")
        rename(recovered, contact, "After")
        names = [event["type"] for event in recovered.call("GET", f"/v1.0/events?after={position - 1}")[2]["events"]]
        assert names == ["contact.changed"]
    finally:
        later.end()
