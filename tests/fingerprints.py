"""What is made from code and kept for the next test run: under a name that changes with the code."""

import ast
import hashlib
import importlib.util
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def fingerprint(sources: Iterable[Path]) -> str:
    """A name for the content of the files, for all of the project that they import, and for the packages' versions."""
    digest = hashlib.sha256()
    packages = Path(sysconfig.get_path("purelib")).glob("*.dist-info")
    digest.update("\n".join(sorted(package.name for package in packages)).encode())
    for file in sorted(_with_imports(sources)):
        digest.update(f"\n{file.relative_to(ROOT)}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _with_imports(sources: Iterable[Path]) -> set[Path]:
    """The files, and all files of the project that they import, directly or not."""
    found: set[Path] = set()
    waiting = list(sources)
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imported(file)
    return found


@cache
def _imported(file: Path) -> tuple[Path, ...]:
    """The files that the file imports; parsed once, since a run asks for several names of much the same files."""
    return tuple(_read_imports(file)) if file.suffix == ".py" else ()


def _read_imports(file: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = importlib.util.resolve_name("." * node.level + (node.module or ""), _package(file))
            # What a package gives is a name in it or a module of it.
            names = [above, *(f"{above}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            yield from _files(name)


def _package(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).parent.parts)


def _files(module: str) -> Iterator[Path]:
    """The module's file, and those of the packages that it is in."""
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        place = ROOT.joinpath(*parts[:length])
        for file in (place / "__init__.py", place.with_suffix(".py")):
            if file.is_file():
                yield file
