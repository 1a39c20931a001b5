"""The load generator: wrk (Debian package `wrk`) with four persistent connections."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.place import PLACE

CONNECTIONS = 4

# `path` may contain ID, `body` COUNT; see Load. Any status other than 2xx or 3xx counts as an error.
SCRIPT = """
local first, last = %(first)d, %(last)d
local path, body, count = %(path)s, %(body)s, os.time() %% 100000 * 1000
math.randomseed(%(seed)d)
wrk.method = %(method)s
wrk.headers["Content-Type"] = "application/json"
%(headers)s
request = function()
    count = count + 1
    local id = math.random(first, last)
    return wrk.format(nil, path:gsub("ID", id), nil, body and body:gsub("COUNT", count) or nil)
end
done = function(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"seconds": %%f, "requests": %%d, "p50": %%f, "p99": %%f, "errors": %%d}\\n',
        summary.duration / 1e6, summary.requests, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"""


class LoadError(Exception):
    """The load generator is missing, or a server returned errors."""


@dataclass(frozen=True)
class Load:
    """Requests with random ids: ID in `path` is replaced by one, COUNT in `body` by an increasing number."""

    path: str
    ids: tuple[int, int]
    method: str = "GET"
    body: str | None = None


@dataclass(frozen=True)
class Measured:
    """Requests per second, and median and 99th percentile in milliseconds."""

    rate: float
    p50: float
    p99: float


def wrk() -> str:
    """Return the path of wrk. Raise LoadError with install instructions."""
    found = shutil.which("wrk")
    if found is None:
        raise LoadError("The load generator is missing: apt-get install wrk")
    return found


def generate(load: Load, *, port: int, headers: Mapping[str, str], seconds: int, seed: int) -> Measured:
    """Run the load against a server on this machine. Raise LoadError if any response is an error."""
    script = PLACE / "load.lua"
    script.write_text(
        SCRIPT
        % {
            "first": load.ids[0],
            "last": load.ids[1],
            "path": json.dumps(load.path),
            "body": "nil" if load.body is None else _lua(load.body),
            "seed": seed,
            "method": json.dumps(load.method),
            "headers": "\n".join(
                f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items()
            ),
        }
    )
    command = [wrk(), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script)]
    done = subprocess.run([*command, f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=False)
    try:
        measured = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise LoadError(f"wrk said: {done.stdout}{done.stderr}") from None
    if measured["errors"] or not measured["requests"]:
        sys.stderr.write(done.stdout)
        raise LoadError(f"{measured['errors']} of {measured['requests']} answers of {load.path} are errors")
    return Measured(measured["requests"] / measured["seconds"], measured["p50"], measured["p99"])


def _lua(text: str) -> str:
    return f"[==[{text}]==]"
