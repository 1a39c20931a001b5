"""Linters find nothing wrong with the API's document, and generators make clients from it that work.

Each client does the README's main job, gets an export, uploads an import and sets a picture, on a running stack.
"""

import io
import json
from base64 import b64encode
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from django.conf import settings
from PIL import Image

from tests.devstack.clients import HERE, Tools
from tests.devstack.conftest import DEMO_STACK
from tests.devstack.test_openapi_holds import command

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group(DEMO_STACK)]

# What openapi-generator says of itself, and not of the document.
OF_ITSELF = (
    "OpenAPI 3.1 support is still in beta",
    "Failed to get the schema name: null",
    "datatypeWithEnum from bytes",
)
DONE = {
    "replayed": "true",
    "known": 304,
    "waits": True,
    "own": "Forbidden",
    "lastName": "Spyri",
    "rows": 1,
    "created": 1,
    "isDefaultImage": False,
}


@pytest.fixture(scope="module")
def tools() -> Tools:
    return Tools(Path(settings.VAR_DIR) / "clients")


@pytest.fixture
def document(demo_stack, tmp_path) -> Path:
    file = tmp_path / "openapi.json"
    file.write_bytes(requests.get(f"http://127.0.0.1:{demo_stack.port}/openapi.json", timeout=30).content)
    return file


@pytest.fixture(scope="module")
def tokens(demo_stack, environment) -> dict[str, str]:
    answer = requests.post(
        f"http://127.0.0.1:{demo_stack.port}/connect/token",
        data={"grant_type": "client_credentials"},
        auth=("demo", "demo-secret-for-trials-only"),
        timeout=30,
    )
    people = {name: command(demo_stack, environment, "issue_token", "--member", name) for name in ("anna", "rita")}
    return {**people, "application": answer.json()["access_token"]}


@pytest.fixture
def given(demo_stack, tokens) -> str:
    """What a walk needs: where the stack is, the tokens, a username, a file and a picture."""
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(picture, "PNG")
    username = f"johanna-{uuid4().hex}"
    entry = {
        "externalId": username,
        "contactType": "client",
        "username": f"{username}-imported",
        "details": {"personalInformation": {"firstName": "Peter", "lastName": "Geiss"}},
    }
    return json.dumps(
        {
            **tokens,
            "url": f"http://127.0.0.1:{demo_stack.port}",
            "username": username,
            "file": json.dumps([entry]),
            "picture": b64encode(picture.getvalue()).decode(),
        }
    )


def test_linters_find_nothing_wrong_with_the_document(tools, document):
    printed = tools.npm("redocly", "lint", document, "--config", HERE / "redocly.yaml", cwd=document.parent)
    assert "Your API description is valid" in printed
    assert "warning" not in printed.lower()
    strict = ("--ruleset", HERE / "spectral.yaml", "--fail-severity", "hint")
    assert "No results" in tools.npm("spectral", "lint", document, *strict, cwd=document.parent)


def test_openapi_python_client_makes_a_client_that_works(tools, document, given):
    printed = tools.pip(
        "openapi-python-client",
        *("generate", "--path", document, "--config", HERE / "openapi-python-client.yaml"),
        *("--output-path", "kontor_client", "--meta", "none", "--fail-on-warning"),
        cwd=document.parent,
    )
    assert printed.split() == ["Generating", "kontor_client"]
    assert walked(tools, document.parent, "walk_openapi_python_client.py", given) == DONE


def test_openapi_generator_makes_a_python_client_that_works(tools, document, given):
    printed = tools.pip(
        "openapi-generator-cli",
        *("generate", "-g", "python", "-i", document, "-o", "made", "--package-name", "kontor_client"),
        cwd=document.parent,
    )
    complaints = [line for line in printed.splitlines() if " WARN " in line or " ERROR " in line]
    assert [line for line in complaints if not any(known in line for known in OF_ITSELF)] == []
    (document.parent / "made" / "kontor_client").rename(document.parent / "kontor_client")
    assert walked(tools, document.parent, "walk_openapi_generator.py", given) == DONE


def test_openapi_fetch_works_with_the_types_of_openapi_typescript(tools, document, given):
    place = document.parent
    tools.npm("openapi-typescript", document, "--output", "kontor.d.ts", cwd=place)
    (place / "node_modules").symlink_to(tools.modules)
    (place / "package.json").write_text('{"type": "module"}')
    for name in ("tsconfig.json", "globals.d.ts", "walk_openapi_fetch.ts"):
        (place / name).write_text((HERE / name).read_text())
    assert tools.npm("tsc", cwd=place) == ""
    assert json.loads(tools.node("walk_openapi_fetch.ts", given, cwd=place)) == DONE


def walked(tools: Tools, place: Path, script: str, given: str) -> object:
    """Run a walk beside the package that was generated."""
    (place / script).write_text((HERE / script).read_text())
    return json.loads(tools.python(script, given, cwd=place))
