"""The build backend (PEP 517): setuptools, with the steps that the wheel needs.

In the wheel all apps are under `kontor/app`, so that names like `core` and `events` are not those of the whole
environment. An editable installation leaves them where they are.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

from setuptools import build_meta
from setuptools.build_meta import (
    build_editable,
    get_requires_for_build_editable,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

from release import scripts

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

Settings = dict[str, str | list[str] | None] | None

# What the wheel has under `kontor/app`. `benchmarks`, `docs`, `release` and `tests` stay in the repository.
APP = (
    *("accounts", "administration", "audit", "changerequests", "config", "contactgroups", "contacts", "core"),
    *("devstack", "events", "importexport", "legalentities", "locale", "manage.py", "matching", "merging"),
    *("operations", "proof"),
    *("schemas", "templates"),
)
_BESIDE = ("LICENSE", "NOTICE", "README.md", "kontor", "pyproject.toml")
_NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.pyc", "*.po")


def get_requires_for_build_sdist(config_settings: Settings = None) -> list[str]:
    return [*build_meta.get_requires_for_build_sdist(config_settings), *_for_scripts()]


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    return [*build_meta.get_requires_for_build_wheel(config_settings), "Babel", *_for_scripts()]


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    """Build the source distribution, with the fetched scripts: no npm is needed to build the wheel from it."""
    scripts.bring()
    return build_meta.build_sdist(sdist_directory, config_settings)


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    """Build the wheel. Raise ScriptsError if the scripts cannot be fetched."""
    target = Path(wheel_directory).absolute()
    scripts.bring()
    with _arranged() as folder, chdir(folder):
        return build_meta.build_wheel(str(target), config_settings)


def _for_scripts() -> list[str]:
    return [scripts.NODE_WHEEL] if scripts.needs_npm() and scripts.npm() is None else []


@contextmanager
def _arranged() -> Iterator[Path]:
    """Give a folder in which all lies as it does in the wheel, with the translations compiled."""
    with tempfile.TemporaryDirectory(prefix="kontor-build-") as name:
        folder = Path(name)
        app = folder / "kontor" / "app"
        for entry in _BESIDE:
            _copy(scripts.ROOT / entry, folder / entry)
        for entry in APP:
            _copy(scripts.ROOT / entry, app / entry)
        _compile(scripts.ROOT / "locale", app / "locale")
        yield folder


def _copy(origin: Path, target: Path) -> None:
    if origin.is_dir():
        shutil.copytree(origin, target, ignore=_NOT_COPIED)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(origin, target)


def _compile(texts: Path, target: Path) -> None:
    for catalog in texts.glob("*/LC_MESSAGES/django.po"):
        compiled = target / catalog.relative_to(texts).with_suffix(".mo")
        compiled.parent.mkdir(parents=True, exist_ok=True)
        command = ["-m", "babel.messages.frontend", "--quiet", "compile"]
        files = ["--input-file", str(catalog), "--output-file", str(compiled)]
        subprocess.run([sys.executable, *command, *files], check=True)  # noqa: S603 - Babel on our own catalogs
