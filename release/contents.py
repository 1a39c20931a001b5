"""What a release consists of: its dependencies, the two distributions, and whether weaknesses of them are known."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from release.announcement import version_of
from release.findings import Finding, failed, not_run, ok
from release.licences import dependencies, refused
from release.scripts import npm

_SECONDS = 600


def examine_dependencies(root: Path) -> Iterator[Finding]:
    """Check that each dependency has a licence that lets us, and is installed as constraints.txt pins it."""
    try:
        packages = dependencies()
    except PackageNotFoundError as error:
        yield failed("dependencies", f"{error.name} is not installed: its licence is not known.")
        return
    for named in refused(packages):
        yield failed("dependencies", f"The licence is not one of those that release/licences.py allows: {named}")
    pins = re.findall(r"^(\S+)==(\S+)$", (root / "constraints.txt").read_text(), re.MULTILINE)
    pinned = {canonicalize_name(name): version for name, version in pins}
    for package in packages:
        pin = pinned.get(canonicalize_name(package.name))
        if pin != package.version:
            yield failed("dependencies", f"{package.name} {package.version} is pinned to {pin} in constraints.txt.")
    yield ok("dependencies", f"{len(packages)}, all pinned, with licences that allow it")


def examine_distributions(root: Path) -> Iterator[Finding]:
    """Build both distributions into dist/, from a tree with nothing left to commit, and have twine check them."""
    left = _run(["git", "status", "--porcelain"], root)
    if left.returncode != 0 or left.stdout:
        yield failed("distributions", f"Something is not committed:\n{left.stdout or left.stderr}".rstrip())
    place = root / "dist"
    shutil.rmtree(place, ignore_errors=True)
    built = _run([sys.executable, "-m", "build", "--outdir", str(place), str(root)], root)
    if built.returncode != 0:
        yield failed("distributions", f"They cannot be built:\n{(built.stdout + built.stderr)[-3000:]}")
        return
    files = sorted(file.name for file in place.iterdir())
    version = version_of(root)
    if files != [f"kontor-{version}-py3-none-any.whl", f"kontor-{version}.tar.gz"]:
        yield failed("distributions", f"Built were {', '.join(files)}.")
    checked = _run([sys.executable, "-m", "twine", "check", "--strict", *(str(place / name) for name in files)], root)
    if checked.returncode != 0:
        yield failed("distributions", f"twine check: {(checked.stdout + checked.stderr).strip()}")
    yield ok("distributions", ", ".join(f"{name} ({(place / name).stat().st_size // 1000} kB)" for name in files))


def examine_vulnerabilities(root: Path, environment: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """Ask pip-audit and npm which weaknesses of the pinned packages are known. Without an answer, nothing is good."""
    yield from _audited_by_pip(root, environment)
    yield from _audited_by_npm(root, environment)


def _audited_by_pip(root: Path, environment: Mapping[str, str] | None) -> Iterator[Finding]:
    options = ["--requirement", "constraints.txt", "--disable-pip", "--no-deps", "--format", "json"]
    done = _run([sys.executable, "-m", "pip_audit", *options, "--progress-spinner", "off"], root, environment)
    answer = _json(done.stdout)
    if answer is None:
        yield not_run("vulnerabilities", f"pip-audit got no answer: {_last_line(done.stderr)}")
        return
    skipped = [package for package in answer["dependencies"] if "skip_reason" in package]
    if skipped:
        first = skipped[0]["skip_reason"]
        text = f"pip-audit found no answer for {len(skipped)} of {len(answer['dependencies'])} packages: {first}"
        yield not_run("vulnerabilities", text)
    for package in answer["dependencies"]:
        for known in package.get("vulns", []):
            mended = ", ".join(known["fix_versions"]) or "no version yet"
            yield failed(
                "vulnerabilities", f"{package['name']} {package['version']}: {known['id']}, mended in {mended}"
            )
    yield ok("vulnerabilities", f"none known of {len(answer['dependencies'])} Python packages")


def _audited_by_npm(root: Path, environment: Mapping[str, str] | None) -> Iterator[Finding]:
    command = npm()
    if command is None:
        yield not_run("vulnerabilities", "There is no npm.")
        return
    done = _run([*command, "audit", "--json", "--package-lock-only"], root, environment)
    answer = _json(done.stdout)
    if answer is None or "vulnerabilities" not in answer:
        reason = (answer or {}).get("message") or _last_line(done.stderr)
        yield not_run("vulnerabilities", f"npm audit got no answer: {reason}")
        return
    for name, known in answer["vulnerabilities"].items():
        yield failed("vulnerabilities", f"npm: {name}, {known['severity']}")
    yield ok("vulnerabilities", f"none known of {answer['metadata']['dependencies']['total']} packages of npm")


def _run(
    command: Sequence[str], root: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - tools of this environment with our arguments
        command,
        cwd=root,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2][:300]
