"""Real workers that are killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from django.db import connection

from devstack import embedded
from tests.devstack.stack import ROOT

PATIENCE = 120
WORKER = """
import sys
from config.celery import app
app.conf.task_default_queue = sys.argv[1]
app.worker_main(["worker", "--pool=prefork", "--concurrency=1", "--without-gossip", "--without-mingle",
                 "--without-heartbeat", "--loglevel=WARNING"])
"""


class Workers:
    """Real workers with a queue of their own, one after the other, on the database of the test."""

    def __init__(self, queue: str, files: Path) -> None:
        self._queue = queue
        var = embedded.var_directory()
        self._environment = {
            **os.environ,
            "DATABASE_URL": embedded.database_url(var).rpartition("/")[0] + "/" + connection.settings_dict["NAME"],
            "FILES_DIR": str(files),
            "IMPORT_BATCH_ENTRIES": "25",
            "IMPORT_LOST_AFTER_SECONDS": "1",
            "DJANGO_SETTINGS_MODULE": "config.settings.test",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKER, self._queue],
            cwd=ROOT,
            env=self._environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )

    def kill(self) -> None:
        """All of it at once: nothing is told, nothing is tidied up."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(30)


def wait_for(condition: Callable[[], bool], *, otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.005)
