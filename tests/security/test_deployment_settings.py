"""Production settings pass the deployment check and have no unsafe defaults."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from tests.devstack.stack import ROOT

pytestmark = [pytest.mark.django_db, pytest.mark.stack]

PRODUCTION = {
    "SECRET_KEY": "a-secret-of-production-" + "".join(chr(97 + number % 26) for number in range(50)),
    "ALLOWED_HOSTS": "kontor.example",
    "DATABASE_URL": "postgres://kontor:secret@db.example/kontor",
    "REDIS_URL": "redis://queue.example/0",
}


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env={**kept, **variables}, capture_output=True, text=True, check=False
    )


def test_the_check_of_deployments_finds_nothing(tmp_path: Path) -> None:
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", KONTOR_VAR=str(tmp_path), **PRODUCTION)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout + done.stderr


def test_production_requires_a_second_factor_and_is_warned_without(tmp_path: Path) -> None:
    program = "import config.settings.base as base; print(base.REQUIRE_SECOND_FACTOR)"
    assert run("-c", program, KONTOR_VAR=str(tmp_path), **PRODUCTION).stdout.strip() == "True"
    off = {**PRODUCTION, "REQUIRE_SECOND_FACTOR": "no"}
    done = run("manage.py", "check", "--deploy", "--fail-level", "WARNING", KONTOR_VAR=str(tmp_path), **off)
    assert done.returncode != 0
    assert "kontor.W001" in done.stderr


# As where `devstack` is not installed.
WITHOUT_DEVSTACK = "import runpy, sys; sys.modules['devstack'] = None; "
MANAGE = f"{WITHOUT_DEVSTACK}sys.argv[0] = 'manage.py'; runpy.run_path('manage.py', run_name='__main__')"


def test_production_needs_nothing_of_devstack(tmp_path: Path) -> None:
    check = ["check", "--deploy", "--fail-level", "WARNING"]
    done = run("-c", MANAGE, *check, KONTOR_VAR=str(tmp_path), **PRODUCTION)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout + done.stderr
    processes = f"{WITHOUT_DEVSTACK}import operations.gunicorn, config.wsgi, config.celery"
    done = run("-c", processes, KONTOR_VAR=str(tmp_path), **PRODUCTION)
    assert done.returncode == 0, done.stderr
    commands = run("manage.py", "help", "--commands", KONTOR_VAR=str(tmp_path), **PRODUCTION).stdout.split()
    assert "doctor" in commands
    assert not {"runstack", "load_demo", "take_screenshots"}.intersection(commands)


def test_celery_uses_the_queue_as_it_is_named(tmp_path: Path) -> None:
    program = "from config.settings import base; print(base.CELERY_BROKER_URL)"
    assert run("-c", program, KONTOR_VAR=str(tmp_path), **PRODUCTION).stdout.strip() == PRODUCTION["REDIS_URL"]


@pytest.mark.parametrize("missing", ["DATABASE_URL", "REDIS_URL"])
@pytest.mark.parametrize("command", ["check", "migrate"])
def test_without_devstack_both_servers_have_to_be_named(tmp_path: Path, command: str, missing: str) -> None:
    variables = {name: value for name, value in PRODUCTION.items() if name != missing}
    done = run("-c", MANAGE, command, KONTOR_VAR=str(tmp_path), **variables)
    assert done.returncode != 0
    assert "Set DATABASE_URL and REDIS_URL" in done.stderr


@pytest.mark.parametrize("name", ["SECRET_KEY", "ALLOWED_HOSTS"])
def test_without_its_secrets_production_does_not_start(tmp_path: Path, name: str) -> None:
    variables = {key: value for key, value in PRODUCTION.items() if key != name}
    done = run("manage.py", "check", KONTOR_VAR=str(tmp_path), **variables)
    assert done.returncode != 0
    assert name in done.stderr


def test_production_speaks_https_and_shows_no_errors(tmp_path: Path) -> None:
    names = ["DEBUG", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "EMBEDDED"]
    program = f"import config.settings.base as base; print(*(getattr(base, name) for name in {names}))"
    done = run("-c", program, KONTOR_VAR=str(tmp_path), DEBUG="yes", **PRODUCTION)
    assert done.stdout.split() == ["False", "True", "True", "True", "False"], done.stderr


# ---- sizes


def test_a_form_is_cut_off_where_no_form_of_ours_ends(client) -> None:
    too_many = "&".join(f"field{number}=x" for number in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1))
    kind = "application/x-www-form-urlencoded"
    assert client.post("/connect/login", too_many, content_type=kind).status_code == 400
    too_long = "username=" + "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert client.post("/connect/login", too_long, content_type=kind).status_code in (400, 413)


def test_a_multipart_form_may_not_have_more_files_than_anybody_uploads(app) -> None:
    part = '--X\r\nContent-Disposition: form-data; name="files"; filename="a.json"\r\n\r\n[]\r\n'
    body = (part * (settings.DATA_UPLOAD_MAX_NUMBER_FILES + 1) + "--X--\r\n").encode()
    answer = app.post("/v1.0/contacts/import", raw=body, content_type="multipart/form-data; boundary=X")
    assert (answer.status, answer.json["code"]) == (400, "BadRequest")


@override_settings(API_MAX_BODY_BYTES=1000)
@pytest.mark.parametrize("path", ["/graphql", "/v1.0/contacts"])
def test_bodies_are_cut_off_wherever_they_go(app, path) -> None:
    answer = app.post(path, raw=b'"' + b"x" * 2000 + b'"')
    assert (answer.status, answer.json["code"]) == (413, "BadRequest")
