"""Mixed load on two web processes and two workers on one machine.

    python -m benchmarks.mixed_load [--minutes 5] [--contacts 5000] [--entries 5000]

Applications and members read, search, change, submit, review and cancel on shared contacts, while imports and exports
run continuously. Each client alternates between the web processes. At the end the invariants are checked in the
database. The exit status is 1 if one is violated or any response was unexpected.
"""

import argparse
import io
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.core.management import call_command
from django.db import connections

from benchmarks.mixed_load import PLACE, ROOT, invariants, people
from benchmarks.mixed_load.clients import CLIENTS, Client, Stop
from benchmarks.mixed_load.measures import Measures
from benchmarks.mixed_load.world import World
from devstack import embedded
from devstack.management.processes import Child

PORTS = (8901, 8902)
WORKERS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--contacts", type=int, default=5_000, help="that there are at the beginning")
    parser.add_argument("--entries", type=int, default=5_000, help="of each file that is imported")
    options = parser.parse_args()
    shutil.rmtree(PLACE, ignore_errors=True)
    embedded.ensure_running(PLACE)
    call_command("migrate", verbosity=0)
    call_command("load_schemas", stdout=io.StringIO())
    world = people.settle(options.contacts)
    measures = Measures()
    with processes():
        began = time.perf_counter()
        load(world, measures, options.minutes * 60, options.entries)
        seconds = time.perf_counter() - began
        broken = measures.unintended() + invariants.check(world, PORTS)
    print(f"{cpu()}, {len(PORTS)} web processes of 4 threads, {WORKERS} workers, {seconds:.0f} seconds\n")
    print(measures.table(seconds))
    print()
    print("\n".join(broken) if broken else "every invariant holds")
    sys.exit(1 if broken else 0)


@contextmanager
def processes() -> Iterator[None]:
    """Run the web processes, the workers and the scheduler within the block, which starts when the web is ready."""
    log: Any = LogFile()
    celery = [sys.executable, "-m", "celery", "--quiet", "--app", "config"]
    web = [sys.executable, "-m", "gunicorn", "--config", "python:operations.gunicorn", "config.wsgi"]
    worker = [*celery, "worker", "--concurrency", "1", "--hostname"]
    commands = {f"web-{port}": (web, port) for port in PORTS}
    commands |= {f"worker-{number}": ([*worker, f"load-{number}@localhost"], 0) for number in range(WORKERS)}
    commands["beat"] = ([*celery, "beat", "--pidfile="], 0)
    hurry = threading.Event()
    with ExitStack() as stack:
        for name, (argv, port) in commands.items():
            environment = {"PORT": str(port), "WEB_CONCURRENCY": "1", "WEB_THREADS": "4", "LOG_LEVEL": "WARNING"}
            # No rate limits: one application represents many here.
            environment |= {"API_RATE": "", "LOGIN_RATE": ""}
            child = Child(name, argv, log, environment=environment, directory=ROOT)
            stack.callback(child.stop, hurry)
        for port in PORTS:
            await_web(port)
        yield
        connections.close_all()


class LogFile:
    """Log of the processes: warnings and errors, in var/benchmark/mixed-load.log."""

    def write(self, source: str, text: str) -> None:
        with (PLACE / "mixed-load.log").open("a") as file:
            file.write(f"{source} | {text}")


def await_web(port: int) -> None:
    deadline = time.monotonic() + 60
    client = Client(Measures(), (port,), "", Stop())
    while client.try_status("/health/ready") != 200:
        assert time.monotonic() < deadline, f"nobody answers on port {port}"
        time.sleep(0.2)


def load(world: World, measures: Measures, seconds: float, entries: int) -> None:
    """Run all clients for the given time, then let running imports and exports finish."""
    stop = Stop()
    threads = []
    for kind, many in CLIENTS:
        for number in range(many):
            runner = kind(world, measures, PORTS, stop, number=number, seed=len(threads), entries=entries)
            threads.append(threading.Thread(target=runner.run, name=kind.__name__))
    for thread in threads:
        thread.start()
    try:
        time.sleep(seconds)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def cpu() -> str:
    found = subprocess.run(["lscpu"], capture_output=True, text=True, check=False).stdout
    lines = dict(line.split(":", 1) for line in found.splitlines() if ":" in line)
    name = lines.get("Model name", platform.machine()).strip()
    return f"{lines.get('CPU(s)', '?').strip()} x {name}, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
