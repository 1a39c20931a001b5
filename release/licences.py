"""The licences of what an installation of Kontor brings with it: its dependencies and theirs, with users' extras."""

from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from typing import Any

from license_expression import ExpressionError, get_spdx_licensing
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# What may be used unchanged by a program under Apache-2.0, and be passed on with it.
ALLOWED = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "HPND", "ISC", "LGPL-2.1-only"}
    | {"LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "PostgreSQL"}
    | {"PSF-2.0", "Python-2.0", "Unlicense", "Zlib"}
)
EXTRAS = ("s3", "embedded")

_SPDX = get_spdx_licensing()

# How packages that have no expression yet say it, in the words of SPDX.
_IN_OTHER_WORDS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.1-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}


def dependencies(project: str = "kontor", extras: tuple[str, ...] = EXTRAS) -> list[Distribution]:
    """Return what the project needs with these extras, all the way down, by name. It has to be installed.

    Raise PackageNotFoundError, naming the package, if something is not.
    """
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [(project, extra) for extra in ("", *extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        found[name] = distribution(name)
        for text in found[name].requires or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(needed.name), wanted) for wanted in ("", *needed.extras)]
    del found[project]
    return [found[name] for name in sorted(found)]


def licence(package: Distribution) -> str:
    """Return the licence as an SPDX expression, or in the package's words, or "unknown"."""
    metadata = package.metadata
    if said := metadata.get_all("License-Expression"):
        return str(said[0])
    names = {entry.rpartition(" :: ")[2] for entry in metadata.get_all("Classifier") or [] if "License ::" in entry}
    known = sorted(_IN_OTHER_WORDS.get(name, name) for name in names - {"OSI Approved"})
    free = (metadata.get_all("License") or ["unknown"])[0].partition("\n")[0]
    return " OR ".join(known) or _IN_OTHER_WORDS.get(free, free)


def is_allowed(expression: str) -> bool:
    """Return whether the licence lets us: one of alternatives, all of parts. Nothing that SPDX does not know does."""
    try:
        return _lets(_SPDX.parse(expression))
    except ExpressionError:
        return False


def _lets(node: Any) -> bool:
    if isinstance(node, _SPDX.OR):
        return any(map(_lets, node.args))
    if isinstance(node, _SPDX.AND):
        return all(map(_lets, node.args))
    return node.key in ALLOWED


def refused(packages: Iterable[Distribution]) -> list[str]:
    """Return the packages whose licence is not one that is allowed, each with its licence."""
    found = [(package, licence(package)) for package in packages]
    return [f"{package.name} {package.version}: {said}" for package, said in found if not is_allowed(said)]
