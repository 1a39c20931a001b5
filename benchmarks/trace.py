"""`python -m benchmarks.trace`: the project's files and functions that a request runs, and code that is too long.

Traces one GET of contact details and one PATCH without approval (an application changes a plain text field), through
the WSGI application, with caches and prepared statements warmed up. The rate limiter queries Valkey only once in many
requests, so the shortest of several traces counts.

Only code of the project's packages is counted; frames of libraries in between are ignored.

- A **file** counts if any of its functions runs.
- A **function** is a function, method or lambda, counted once. A comprehension belongs to its function.
- A **move** is a call from one file into another: a function starts, or a generator resumes, and its nearest caller in
  the project is in another file. The return is part of the same move. Calls by a library without a caller in the
  project, such as the first middleware, are not moves.
"""

import argparse
import ast
import io
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any
from wsgiref.util import setup_testing_defaults

from django.core.servers.basehttp import get_internal_wsgi_application

from benchmarks import place  # first: it sets up Django

# isort: split
from benchmarks import data
from benchmarks.http import House, house_now
from benchmarks.report import Figure, table, write
from core.logging import logging_config

# What serves requests; the other two are there for those who develop.
_ROOTS = tomllib.loads((place.ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
PACKAGES = tuple(package for package in _ROOTS if package not in ("benchmarks", "devstack"))
CONTACTS = 100
WARMING, TRACED = 10, 5
# COUNT is replaced by an increasing number.
BODIES = {"GET details": "", "PATCH details": '{"details": {"relationship": {"notes": "Seen COUNT"}}}'}
GOALS = {"GET details": {"files": 12}, "PATCH details": {"files": 20, "moves": 35}}
MAX_FUNCTION_LINES, MAX_MODULE_LINES = 80, 400
COMPREHENSIONS = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}


@dataclass(frozen=True)
class Step:
    """The start of a function or resumption of a generator; `depth` is the number of its callers in the project."""

    file: str
    function: str
    depth: int
    is_move: bool


def traced(call: Callable[[], object]) -> list[Step]:
    """Run the call and return its steps in order."""
    steps: list[Step] = []

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and (file := _file(frame.f_code)) and frame.f_code.co_name not in COMPREHENSIONS:
            waiting = list(_waiting(frame))
            functions = [code for code in waiting if code.co_name not in COMPREHENSIONS]
            is_move = bool(waiting) and _file(waiting[0]) != file
            steps.append(Step(file, frame.f_code.co_qualname, len(functions), is_move))

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return steps


def _waiting(frame: FrameType) -> Iterator[CodeType]:
    """Yield the project's code that the frame was called from, innermost first."""
    caller = frame.f_back
    while caller is not None:
        if _file(caller.f_code):
            yield caller.f_code
        caller = caller.f_back


@cache
def _file(code: CodeType) -> str | None:
    """Return the code's file relative to the project; None if it is not in one of the project's packages."""
    path = Path(code.co_filename)
    if not path.is_relative_to(place.ROOT):
        return None
    inside = path.relative_to(place.ROOT)
    return str(inside) if inside.parts[0] in PACKAGES else None


def paths_of_requests(house: House) -> dict[str, list[Step]]:
    """Return the trace of each request, by name."""
    # Not at import: the middleware needs the benchmark directory.
    application = get_internal_wsgi_application()
    found = {}
    for name, body in BODIES.items():
        asks = [_ask(application, house, name.partition(" ")[0], body, number) for number in range(WARMING + TRACED)]
        for ask in asks[:WARMING]:
            ask()
        found[name] = min((traced(ask) for ask in asks[WARMING:]), key=len)
    return found


def _ask(application: Callable[..., Any], house: House, method: str, body: str, number: int) -> Callable[[], None]:
    """Return a callable that sends a WSGI request. It raises RuntimeError unless the status is 200."""
    content = body.replace("COUNT", str(number)).encode()
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": f"/v1.0/contacts/{house.ids[0]}/details",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(content)),
        "HTTP_AUTHORIZATION": f"Bearer {house.token}",
        "wsgi.input": io.BytesIO(content),
    }
    setup_testing_defaults(environ)

    def ask() -> None:
        statuses: list[str] = []
        answer = application(environ, lambda status, _headers, _error=None: statuses.append(status))
        body = b"".join(answer)
        answer.close()
        if statuses != ["200 OK"]:
            raise RuntimeError(f"{method} answers {statuses}: {body.decode()}")

    return ask


def too_long() -> dict[str, list[str]]:
    """Return functions and modules that exceed the maximum number of lines, except migrations."""
    functions, modules = [], []
    for package in _ROOTS:
        for file in sorted((place.ROOT / package).rglob("*.py")):
            if "migrations" in file.parts:
                continue
            text, name = file.read_text(), file.relative_to(place.ROOT)
            if (lines := len(text.splitlines())) > MAX_MODULE_LINES:
                modules.append(f"{name}: {lines} lines")
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    lines = (node.end_lineno or node.lineno) - node.lineno + 1
                    if lines > MAX_FUNCTION_LINES:
                        functions.append(f"{name}:{node.lineno} {node.name}: {lines} lines")
    return {"functions": functions, "modules": modules}


def functions_of(path: Sequence[Step]) -> dict[str, int]:
    """Return the number of functions run by file, in descending order."""
    counts = Counter(file for file, _function in {(step.file, step.function) for step in path})
    return dict(sorted(counts.items(), key=lambda counted: (-counted[1], counted[0])))


def figures_of(paths: Mapping[str, Sequence[Step]], long: Mapping[str, Sequence[str]]) -> list[Figure]:
    figures = []
    for name, path in paths.items():
        files = functions_of(path)
        counts = {"files": len(files), "functions": sum(files.values()), "moves": sum(step.is_move for step in path)}
        figures += [
            Figure(name, count, unit, goal=GOALS[name].get(unit), is_at_most=True) for unit, count in counts.items()
        ]
    for kind, most in (("functions", MAX_FUNCTION_LINES), ("modules", MAX_MODULE_LINES)):
        figures.append(Figure(f"{kind} of more than {most} lines", len(long[kind]), kind, goal=0, is_at_most=True))
    return figures


def _shown(name: str, path: Sequence[Step]) -> Iterator[str]:
    yield f"{name}: functions by file"
    yield from (f"  {count:3}  {file}" for file, count in functions_of(path).items())
    yield f"{name}: the path; > is a move into another file"
    for step in path:
        yield f"  {'>' if step.is_move else ' '} {'  ' * step.depth}{step.file}:{step.function}"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.trace", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, default=place.ROOT / "var" / "trace.json", metavar="FILE")
    parser.add_argument(
        "--prepared", action="store_true", help="use the migrated database with schemas that is in BENCHMARK_VAR"
    )
    options = parser.parse_args()
    place.make_place(is_prepared=options.prepared)
    # Contacts count from 1, documents from 0.
    data.stage_documents(CONTACTS + 1)
    data.fill_contacts(CONTACTS)
    with (place.PLACE / "trace.log").open("w") as log, redirect_stderr(log):
        # Each request writes a log line, as in production.
        logging_config("json", level="INFO")
        paths = paths_of_requests(house_now())
    long = too_long()
    figures = figures_of(paths, long)
    write(
        figures,
        options.json,
        functions_by_file={name: functions_of(path) for name, path in paths.items()},
        paths={name: [asdict(step) for step in path] for name, path in paths.items()},
        too_long=long,
    )
    for name, path in paths.items():
        print("\n".join(_shown(name, path)), end="\n\n")
    for kind, found in long.items():
        print("\n".join([f"{kind} that are too long", *(f"  {one}" for one in found)]), end="\n\n")
    print(f"{table(figures)}\n\n{options.json}")


if __name__ == "__main__":
    main()
