"""The configurations of nginx and Caddy in deploy/, in front of a running Kontor; one of two web hosts is down."""

import contextlib
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils import timezone

from tests.devstack.stack import free_port
from tests.faults.installation import PATIENCE, Installation, Web, wait_until
from tests.fingerprints import ROOT

HOST = "kontor.example"
PATHS = f"/usr/sbin:{os.environ['PATH']}"
# The rest of nginx's configuration, which Debian has in /etc/nginx/nginx.conf.
NGINX = """
daemon off;
user root;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    {site}
}}
"""
NGINX_LISTENS = ("listen [::]:80;", "listen [::]:443 ssl http2;")


@dataclass
class Proxy:
    """A proxy that runs; it listens on both ports on loopback."""

    https: int
    http: int
    certificate: Path

    def call(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        trusted = ssl.create_default_context(cafile=str(self.certificate))
        sent = {"Host": HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection = http.client.HTTPConnection(HOST)
        plain = socket.create_connection(("127.0.0.1", self.https), timeout=30)
        with contextlib.closing(connection), plain:
            connection.sock = trusted.wrap_socket(plain, server_hostname=HOST)
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return response.status, response.read()

    def is_up(self) -> bool:
        try:
            return self.call("/metrics")[0] == 404
        except OSError:
            return False


def program(name: str) -> str:
    """Return the path of a program of Debian. Skip the test where there is none, except in CI, where it fails."""
    found = shutil.which(name, path=PATHS)
    if found is None and not os.environ.get("CI"):
        pytest.skip(f"There is no {name} here.")
    assert found is not None, f"apt-get install {name}"
    return found


def self_signed(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)]), timezone.now()
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "fullchain.pem", folder / "privkey.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private.write_bytes(key.private_bytes(*form))
    return certificate, private


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def nginx(folder: Path, web: int, ports: Proxy) -> list[list[str]]:
    """Write the configuration; return the commands that check it and that run it."""
    site = replaced(
        (ROOT / "deploy" / "nginx.conf").read_text(),
        *((line, "") for line in NGINX_LISTENS),
        ("listen 80;", f"listen 127.0.0.1:{ports.http};"),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{ports.https} ssl http2;"),
        ("/etc/ssl/kontor", str(folder)),
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{web};"),
        ("# server 10.0.0.12:8000;", f"server 127.0.0.1:{free_port()};"),
    )
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(folder=folder, site=site))
    run = [program("nginx"), "-c", str(file), "-e", "stderr"]
    return [[*run, "-t"], run]


def caddy(folder: Path, web: int, ports: Proxy) -> list[list[str]]:
    """Write the configuration; return the commands that check it and that run it."""
    site = replaced(
        (ROOT / "deploy" / "Caddyfile").read_text(),
        ("{\n\tservers {", f"{{\n\tadmin off\n\thttp_port {ports.http}\n\thttps_port {ports.https}\n\tservers {{"),
        (f"\n{HOST} {{", f"\n{HOST} {{\n\ttls {folder}/fullchain.pem {folder}/privkey.pem"),
        ("reverse_proxy 127.0.0.1:8000", f"reverse_proxy 127.0.0.1:{web} 127.0.0.1:{free_port()}"),
    )
    file = folder / "Caddyfile"
    file.write_text(site)
    options = ["--config", str(file), "--adapter", "caddyfile"]
    return [[program("caddy"), "validate", *options], [program("caddy"), "run", *options]]


@pytest.fixture(params=[nginx, caddy], ids=["nginx", "caddy"])
def proxy(
    request: pytest.FixtureRequest, standing_web: Callable[..., Web], client: tuple[str, str], tmp_path: Path
) -> Iterator[tuple[Proxy, Web]]:
    configured: Callable[[Path, int, Proxy], list[list[str]]] = request.param
    certificate, _ = self_signed(tmp_path)
    made = Proxy(free_port(), free_port(), certificate)
    program(configured.__name__)
    web = standing_web(METRICS_TOKEN="t" * 32)
    web.authorize(client)
    check, run = configured(tmp_path, web.port, made)
    environment = {"PATH": PATHS, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    checked = subprocess.run(check, env=environment, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    with (tmp_path / "log").open("w") as log, subprocess.Popen(run, env=environment, stdout=log, stderr=log) as started:
        try:
            wait_until(lambda: made.is_up() or started.poll() is not None, "the proxy does not answer", seconds=30)
            assert started.poll() is None, (tmp_path / "log").read_text()
            yield made, web
        finally:
            started.terminate()
            started.wait(PATIENCE)


def test_kontor_behind_the_proxy_hides_its_monitoring_believes_no_caller_and_answers_while_a_host_is_down(
    installation: Installation, proxy: tuple[Proxy, Web]
) -> None:
    outside, web = proxy
    for path in ("/metrics", "/health/ready", "/health/live"):
        assert outside.call(path, Authorization=f"Bearer {'t' * 32}")[0] == 404
    plain = http.client.HTTPConnection("127.0.0.1", outside.http, timeout=30)
    plain.request("GET", "/admin/", headers={"Host": HOST})
    redirect = plain.getresponse()
    assert (redirect.status, redirect.headers["Location"].split(":")[0]) == (308, "https")

    asked = {"Authorization": f"Bearer {web.token}"}
    assert outside.call("/v1.0/schemas/contact")[0] == 401
    # Every second one would go to the host that is down. What the caller says of the connection is replaced.
    for _ in range(8):
        status, body = outside.call("/v1.0/schemas/contact", X_Forwarded_Proto="http", **asked)
        assert status == 200, body
    # Kontor itself refuses what is too large for it, as it does everywhere.
    status, body = outside.call(
        "/v1.0/contacts", "POST", b'"' + b"x" * 11_000_000 + b'"', Content_Type="application/json", **asked
    )
    assert status in (400, 413)
    assert json.loads(body)["correlationId"]
