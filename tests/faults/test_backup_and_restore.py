"""The commands of docs/backup-and-restore.md restore exactly what was backed up."""

import os
import re
import subprocess
from base64 import b64encode
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import psycopg
import pytest
from PIL import Image
from psycopg import sql

from devstack.embedded import paths, servers
from tests.devstack.stack import ROOT
from tests.faults.installation import Installation, Web
from tests.faults.test_database_restarts import new_contact

NEW = "restored"


def commands(name: str) -> str:
    """The block of the page that has the name."""
    page = (ROOT / "docs" / "backup-and-restore.md").read_text()
    found = re.search(rf'```bash title="{name}"\n(.*?)```', page, re.DOTALL)
    assert found is not None
    return found.group(1)


def run(name: str, installation: Installation, folder: Path) -> None:
    programs = Path(servers._postgres_program("psql")).parent
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands(name)],
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PGHOST": str(paths.socket_directory(installation.var)),
            "PGUSER": "kontor",
            "PGDATABASE": "kontor",
            "FILES": str(installation.files),
            "BACKUP": str(folder / "backup"),
            "NEW_DATABASE": NEW,
            "NEW_FILES": str(folder / "new"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


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


@pytest.fixture
def contact(installation: Installation, client: tuple[str, str]) -> tuple[Web, int]:
    """One with a history and a picture."""
    web = installation.web()
    web.authorize(client)
    contact = new_contact(web)
    picture = BytesIO()
    Image.new("RGB", (40, 40), "teal").save(picture, "PNG")
    path = f"/v1.0/contacts/{contact}"
    given = {"imageContentBase64": b64encode(picture.getvalue()).decode()}
    assert web.call("PUT", f"{path}/profile-picture", given)[0] == 204
    changed = {"details": {"personalInformation": {"lastName": "Zürcher-Ænigma"}}}
    assert web.call("PATCH", f"{path}/details", changed)[0] == 200
    return web, contact


def test_what_is_restored_is_every_row_and_every_file_and_kontor_runs_on_it(
    installation: Installation, client: tuple[str, str], contact: tuple[Web, int], tmp_path: Path
) -> None:
    web, number = contact
    path = f"/v1.0/contacts/{number}"
    expected = [web.call("GET", f"{path}/{what}")[2] for what in ("details", "profile-picture")]
    run("backup", installation, tmp_path)
    with installation.database() as original:
        before = rows(original)
        try:
            run("restore", installation, tmp_path)
            with psycopg.connect(host=str(paths.socket_directory(installation.var)), user="kontor", dbname=NEW) as new:
                assert rows(new) == before
            assert before["contacts_contact"][0] >= 1
            assert files(tmp_path / "new") == files(installation.files) != {}
            url = paths.database_url(installation.var).rpartition("/")[0] + f"/{NEW}"
            restored = installation.web(DATABASE_URL=url, FILES_DIR=str(tmp_path / "new"))
            restored.authorize(client)
            assert [restored.call("GET", f"{path}/{what}")[2] for what in ("details", "profile-picture")] == expected
            # What must not be possible in the original is not possible in the copy either.
            with (
                psycopg.connect(host=str(paths.socket_directory(installation.var)), user="kontor", dbname=NEW) as new,
                pytest.raises(psycopg.Error),
            ):
                new.execute("DELETE FROM audit_entry")
            restored.kill()
        finally:
            original.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(NEW)))


def test_a_base_backup_is_whole(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    run("base", installation, tmp_path)
    assert (tmp_path / "backup" / "base" / "PG_VERSION").read_text().strip() == "18"
