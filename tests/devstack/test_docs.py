"""The walkthroughs in README and docs give the output that they show."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.devstack.conftest import DEMO_STACK
from tests.devstack.stack import ROOT

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group(DEMO_STACK)]

BLOCK = re.compile(r"^```(bash|json|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SEPARATOR = "-- next block --"
# Values that differ between runs: ids, uids and times.
VOLATILE = [
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UID"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "TIME"),
    (re.compile(r'("id"|"contactChangeSetId"): \d+'), r"\1: NUMBER"),
]


def steady(output: str) -> str:
    for pattern, name in VOLATILE:
        output = pattern.sub(name, output)
    return output.strip().replace("\r", "")


def blocks_of(page: Path) -> list[tuple[str, str]]:
    """Return each block of commands with the output shown on the page, or ""."""
    blocks: list[tuple[str, str]] = []
    for kind, text in BLOCK.findall(page.read_text()):
        if kind == "bash":
            blocks.append((text, ""))
        else:
            blocks[-1] = (blocks[-1][0], text)
    return blocks


@pytest.mark.parametrize(
    "page",
    [
        *("README.md", "docs/life-of-a-contact.md", "docs/four-eyes.md", "docs/review-desk.md"),
        *("docs/write-a-client.md", "docs/proof.md"),
    ],
)
def test_the_walk_can_be_pasted_as_it_stands_and_gives_what_the_page_says(demo_stack, environment, page):
    blocks = blocks_of(ROOT / page)
    assert len(blocks) > 5
    script = f"\necho '{SEPARATOR}'\n".join(commands for commands, _output in blocks)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env={
            **environment(demo_stack.var),
            "KONTOR": f"http://127.0.0.1:{demo_stack.port}",
            "HOME": os.environ["HOME"],
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    printed = [steady(output) for output in done.stdout.split(SEPARATOR)]
    assert printed == [steady(output) for _commands, output in blocks], done.stderr
