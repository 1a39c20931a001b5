"""Alert rules and dashboard in deploy/ ask for what a running Kontor exports, and the page explains each alert."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.devstack.stack import ROOT
from tests.faults.installation import Installation, Web, wait_until

RULES = ROOT / "deploy" / "prometheus" / "kontor.rules.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "kontor.json"
TOKEN = "a-token-for-tests-that-is-long-enough"
# Prometheus adds these to what it reads.
OF_PROMETHEUS = {"job", "instance", "le"}
SELECTOR = re.compile(r"\b(kontor_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
GROUPING = re.compile(r"\b(?:by|without|on)\s*\(([^)]*)\)")
LEGEND = re.compile(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}")
# Of these labels the values are Kontor's own words; they are separated by | in patterns.
WORDS = {"kind", "state", "route"}


@pytest.fixture(scope="module")
def promtool() -> Callable[..., str]:
    """Run promtool; return what it printed. Without it the test is skipped, and fails in CI."""
    program = shutil.which("promtool")
    if program is None:
        reason = "no promtool on this machine (apt-get install prometheus)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)

    def run(*arguments: str, given: str = "") -> str:
        done = subprocess.run(
            [program, *arguments], input=given, capture_output=True, text=True, cwd=RULES.parent, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def page(standing_web: Callable[..., Web], installed: Installation, client: tuple[str, str]) -> str:
    """What a Kontor exports that has been used: an export failed, somebody has read events."""
    web = standing_web(METRICS_TOKEN=TOKEN)
    web.authorize(client)
    assert web.call("POST", "/v1.0/contacts/export", "", content_type="text/plain")[0] == 202
    with installed.database() as connection:
        connection.execute("UPDATE importexport_exportjob SET status = 'Failed', finished_at = now()")
    assert web.status("/v1.0/events") == 403
    status, _, content = web.call("GET", "/metrics", Authorization=f"Bearer {TOKEN}")
    assert status == 200
    return str(content.decode())


@pytest.fixture(scope="module")
def exported(page: str) -> dict[str, dict[str, set[str]]]:
    """The names of what is exported; of each its labels with their values."""
    found: dict[str, dict[str, set[str]]] = {}
    families: Iterator[Metric] = text_string_to_metric_families(page)
    for sample in (sample for family in families for sample in family.samples):
        labels = found.setdefault(sample.name, {})
        for label, value in sample.labels.items():
            labels.setdefault(label, set()).add(value)
    return found


def alerts() -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    return rules


def queries() -> Iterator[tuple[str, str]]:
    """Each query with the texts that name its labels."""
    for alert in alerts():
        yield alert["expr"], alert["annotations"]["summary"]
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield target["expr"], target["legendFormat"]


def test_every_metric_and_label_of_rules_and_dashboard_is_exported(exported: dict[str, dict[str, set[str]]]) -> None:
    asked = set()
    for query, text in queries():
        names = SELECTOR.findall(query)
        labels: dict[str, set[str]] = {}
        for name, matchers in names:
            assert name in exported, query
            asked.add(name)
            labels |= exported[name]
            for label, value in MATCHER.findall(matchers):
                assert label in exported[name].keys() | OF_PROMETHEUS, query
                if label in WORDS:
                    assert set(value.split("|")) <= exported[name][label], query
        grouped = {label.strip() for group in GROUPING.findall(query) for label in group.split(",") if label.strip()}
        assert grouped | set(LEGEND.findall(text)) <= labels.keys() | OF_PROMETHEUS, query
    # And nothing that is exported is shown nowhere.
    ours = {name for name in exported if name.startswith("kontor_") and not name.endswith("_created")}
    assert ours == asked


def test_promtool_accepts_rules_their_tests_and_what_is_exported(promtool: Callable[..., str], page: str) -> None:
    assert f"SUCCESS: {len(alerts())} rules found" in promtool("check", "rules", RULES.name)
    assert "SUCCESS" in promtool("test", "rules", "kontor.rules.test.yaml")
    promtool("check", "metrics", given=page)


def test_every_rule_has_a_test_and_a_section_on_the_page_that_it_names() -> None:
    tested = (RULES.parent / "kontor.rules.test.yaml").read_text()
    page = (ROOT / "docs" / "operations.md").read_text()
    sections = re.findall(r"^### (Kontor\w+)$", page, re.MULTILINE)
    assert sections == [*_named("page"), *_named("ticket")]
    for alert in alerts():
        assert alert["annotations"]["runbook"] == f"docs/operations.md#{alert['alert'].lower()}"
        assert re.search(rf"alertname: {alert['alert']}\n\s+eval_time: \w+\n\s+exp_alerts", tested), alert["alert"]


def _named(severity: str) -> list[str]:
    return [alert["alert"] for alert in alerts() if alert["labels"]["severity"] == severity]


def test_the_figures_say_since_when_schedulers_and_workers_are_silent(
    installation: Installation, standing_web: Callable[..., Web]
) -> None:
    with installation.database() as connection:
        connection.execute("DELETE FROM operations_schedulerlease")
    installation.delete_from_cache("operations.beat")
    web = installation.web(METRICS_TOKEN=TOKEN)

    def silence(name: str) -> float | None:
        """None while the figures cannot be read, as on a machine that is too busy."""
        _, _, content = web.call("GET", "/metrics", Authorization=f"Bearer {TOKEN}")
        found = re.search(rf"^kontor_{name}_silent_seconds (\S+)$", content.decode(), re.MULTILINE)
        return float(found.group(1)) if found else None

    def is_heard(name: str) -> bool:
        found = silence(name)
        return found is not None and found < 60

    wait_until(lambda: silence("scheduler") is not None, "no figures", log=web)
    assert silence("scheduler") == silence("workers") == float("inf")
    worker, beat = installation.worker(), installation.beat()
    wait_until(lambda: is_heard("workers"), "no worker is heard of", log=worker)
    wait_until(lambda: is_heard("scheduler"), "no scheduler is heard of", log=beat)
