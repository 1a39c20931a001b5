"""The running stack conforms to its OpenAPI document: Schemathesis tests every operation.

All of its checks, on requests that fit the document and on requests that do not, one by one and in sequences. What is
random follows from a fixed seed; tests/devstack/schemathesis.toml says what is set and why.
"""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest
import requests

from tests.devstack.conftest import DEMO_STACK
from tests.devstack.stack import ROOT, RunningStack
from tests.legalentities.documents import company

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group(DEMO_STACK)]

CONFIG = Path(__file__).with_name("schemathesis.toml")
# What does not fit the document is refused alike whoever sends it, so one of the two covers it: the member, who may
# call every operation. What fits, and sequences of calls, are for both.
PHASES = {"member": "examples,coverage,fuzzing,stateful", "application": "examples,fuzzing,stateful"}


def command(stack, environment, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(stack.var),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


class Caller:
    """One actor of the running stack."""

    def __init__(self, stack: RunningStack, token: str, phases: str) -> None:
        self.token = token
        self.phases = phases
        self._url = f"http://127.0.0.1:{stack.port}"

    def ask(self, method: str, path: str, body: object = None) -> dict:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = requests.request(method, self._url + path, json=body, headers=headers, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def things(self) -> dict[str, list]:
        """Return existing, visible objects for the dictionaries of the configuration."""
        found = self.ask("POST", "/v1.0/contacts/change-requests/search", {"pageSize": 50})["results"]
        contacts = sorted({row["contact"]["id"] for row in found})
        [owner] = contacts[:1]
        created = self.ask(
            "POST",
            "/v1.0/legalentities",
            {"contacts": [{"contactId": owner, "accessPolicyId": self._access_policy()}], "details": company()},
        )
        groups = self.ask("POST", "/v1.0/contact-groups/search", {"contactIds": contacts})["results"]
        return {
            "contacts": contacts,
            "requests": [row["id"] for row in found],
            "members": [1, 2, 3, 4],
            "identities": sorted({row["initiatorMember"]["uId"] for row in found}),
            "groups": [row["groupId"] for row in groups],
            "companies": [created["id"]],
            "schemas": ["contact", "legal-entity"],
            "lists": ["contact-type", "country", "state"],
        }

    def _access_policy(self) -> int:
        items = self.ask("POST", "/v1.0/lists/access-policy/search", {"filter": "owner"})["items"]
        return items[0]["id"]


def with_bearer_tokens(stack: RunningStack) -> dict:
    """The stack's document with one change: OAuth 2 is replaced by bearer tokens, because Schemathesis lacks it.

    Without it the check that no operation ignores its authentication would do nothing.
    """
    document = requests.get(f"http://127.0.0.1:{stack.port}/openapi.json", timeout=30).json()
    document["components"]["securitySchemes"]["oauth2"] = {"type": "http", "scheme": "bearer"}
    return document


@pytest.fixture(params=PHASES)
def caller(request, demo_stack, environment) -> Caller:
    if request.param == "member":
        # A member with all permissions, because only members can review and cancel.
        token = command(demo_stack, environment, "issue_token", "--member", "admin")
        return Caller(demo_stack, token, PHASES["member"])
    answer = requests.post(
        f"http://127.0.0.1:{demo_stack.port}/connect/token",
        data={"grant_type": "client_credentials"},
        auth=("demo", "demo-secret-for-trials-only"),
        timeout=30,
    )
    return Caller(demo_stack, answer.json()["access_token"], PHASES["application"])


def test_every_operation_does_what_the_document_says_and_nothing_else(demo_stack, environment, caller, tmp_path):
    dictionaries = [
        f"[dictionaries.{name}]\nvalues = {orjson.dumps(values).decode()}\n" for name, values in caller.things().items()
    ]
    config = tmp_path / "schemathesis.toml"
    config.write_text("\n".join([CONFIG.read_text(), *dictionaries]))
    document = tmp_path / "openapi.json"
    document.write_text(orjson.dumps(with_bearer_tokens(demo_stack)).decode())
    refused = demo_stack.output.count("status=401")
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            "--config-file",
            config,
            "run",
            document,
            "--url",
            f"http://127.0.0.1:{demo_stack.port}",
            "--phases",
            caller.phases,
            "--no-color",
        ],
        cwd=tmp_path,
        env={**environment(demo_stack.var), "KONTOR_TOKEN": caller.token},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    assert "Tested: 88" in done.stdout
    assert demo_stack.output.count("status=401") > refused + 50  # without a token and with an invalid one
