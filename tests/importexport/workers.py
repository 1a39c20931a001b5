"""Real workers that are killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from django.db import connection

from devstack import embedded
from tests.devstack.stack import ROOT

PATIENCE = 120
# Loads the application once, and then forks a worker for each line that it reads: loading takes longer than what most
# workers do before they are killed. Nothing is connected yet when it forks, and each worker leads a session of its own.
NURSERY = """
import os, signal, sys
from config.celery import app
app.conf.task_default_queue = sys.argv[1]
app.conf.task_queues = None
app.loader.import_default_modules()
app.finalize()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for _line in sys.stdin:
    if os.fork():
        continue
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    print(os.getpid(), flush=True)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(nowhere, descriptor)
    app.worker_main(["worker", "--pool=prefork", "--concurrency=1", "--without-gossip", "--without-mingle",
                     "--without-heartbeat", "--loglevel=WARNING"])
"""


class Workers:
    """Real workers with a queue of their own, one after the other, on the database of the test."""

    def __init__(self, queue: str, files: Path) -> None:
        var = embedded.var_directory()
        environment = {
            **os.environ,
            "DATABASE_URL": embedded.database_url(var).rpartition("/")[0] + "/" + connection.settings_dict["NAME"],
            "FILES_DIR": str(files),
            "IMPORT_BATCH_ENTRIES": "25",
            "IMPORT_LOST_AFTER_SECONDS": "1",
            "DJANGO_SETTINGS_MODULE": "config.settings.test",
        }
        self._nursery = subprocess.Popen(
            [sys.executable, "-c", NURSERY, queue],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._worker: psutil.Process | None = None

    def start(self) -> None:
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        print("start", file=self._nursery.stdin, flush=True)
        self._worker = psutil.Process(int(self._nursery.stdout.readline()))

    def kill(self) -> None:
        """All of it at once: nothing is told, nothing is tidied up."""
        if self._worker is not None and self._worker.is_running():
            os.killpg(self._worker.pid, signal.SIGKILL)
            self._worker.wait(30)

    def end(self) -> None:
        self.kill()
        self._nursery.communicate(timeout=30)


def wait_for(condition: Callable[[], bool], *, otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.02)
