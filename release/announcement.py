"""What a release says of itself: its version, the changelog, the contract of its API."""

import datetime
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version as installed_version
from pathlib import Path

from packaging.version import InvalidVersion, Version

from release.findings import Finding, failed, ok

_HEADING = re.compile(r"^## \[([^\]]+)\](?: - (\S+))?$", re.MULTILINE)
_CONTRACT = Path("tests/contract")


def version_of(root: Path) -> str:
    return str(tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"])


def examine_version(root: Path) -> Iterator[Finding]:
    """Check that the version is one to publish, higher than the last one, and the one that is installed."""
    written = version_of(root)
    try:
        version = Version(written)
    except InvalidVersion:
        yield failed("version", f"{written} is no version of PEP 440.")
        return
    if str(version) != written:
        yield failed("version", f"{written} is written {version} in PEP 440.")
    if version.is_devrelease or version.local:
        yield failed("version", f"{written} is a version of development: write the one to publish into pyproject.toml.")
    for earlier, _date in _headings(root)[1:]:
        if Version(earlier) >= version:
            yield failed("version", f"{written} is not higher than {earlier}, which the changelog has already.")
    if installed_version("kontor") != written:
        installed = installed_version("kontor")
        yield failed("version", f"{installed} is installed, and not {written}: make reads pyproject.toml again.")
    yield ok("version", written)


def examine_changelog(root: Path, today: datetime.date) -> Iterator[Finding]:
    """Check that the changelog begins with this version and its day, and leaves nothing for the next one."""
    text = (root / "CHANGELOG.md").read_text()
    headings = _headings(root)
    written = version_of(root)
    if not headings or headings[0][0] != written:
        first = headings[0][0] if headings else "nothing"
        yield failed("changelog", f"The latest version is {first}, and not {written}.")
        return
    day = headings[0][1]
    try:
        if datetime.date.fromisoformat(day) > today:
            yield failed("changelog", f"{day} is in the future.")
    except ValueError:
        yield failed("changelog", f"The heading of {written} lacks its day: ## [{written}] - {today}")
    sections = _HEADING.split(text)
    # Before the first heading, then name, day and text of each.
    bodies = dict(zip(sections[1::3], sections[3::3], strict=True))
    if not re.search(r"^- ", bodies[written], re.MULTILINE):
        yield failed("changelog", f"Nothing is said of {written}.")
    if bodies.get("Unreleased", "").strip():
        yield failed("changelog", "Something is left under Unreleased.")
    yield ok("changelog", f"{written} of {day}")


def _headings(root: Path) -> list[tuple[str, str]]:
    """Return version and day of each heading, the latest first; without that of what is not released."""
    found = _HEADING.findall((root / "CHANGELOG.md").read_text())
    return [(name, day) for name, day in found if name != "Unreleased"]


def examine_contract(root: Path) -> Iterator[Finding]:
    """Check that the document with which the next version is compared is that of this one."""
    released = json.loads((root / _CONTRACT / "released.json").read_text())
    command = [sys.executable, "manage.py", "spectacular", "--format", "openapi-json"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        yield failed("contract", f"manage.py spectacular: {done.stderr.strip()}")
        return
    if json.loads(done.stdout) != released:
        remedy = f"make openapi && cp openapi.json {_CONTRACT}/released.json"
        yield failed("contract", f"released.json is not the document of this version: {remedy}")
    if (root / _CONTRACT / "breaking.txt").read_text().strip():
        yield failed("contract", "breaking.txt still lists what this version breaks: empty it.")
    yield ok("contract", f"the document of {released['info']['version']}")
