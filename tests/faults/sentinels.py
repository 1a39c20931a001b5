"""A primary and a replica of Valkey, and three Sentinels that watch them: all of them real, with passwords."""

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from redis import Redis, RedisError
from redis.sentinel import Sentinel

from devstack.embedded.servers import ENVIRONMENT, valkey_program
from tests.devstack.stack import free_port
from tests.faults.installation import PATIENCE, wait_until

SERVICE = "kontor"
PASSWORD = "of-the-servers/with:signs@"
SENTINEL_PASSWORD = "of-the-sentinels&more"
NUMBER_OF_SENTINELS = 3


class WatchedValkey:
    """Two servers and their Sentinels, each a process of its own on loopback."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ports = [free_port() for _ in range(2)]
        self.sentinel_ports = [free_port() for _ in range(NUMBER_OF_SENTINELS)]
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start all, and wait until the Sentinels know each other and the replica."""
        for port in self.ports:
            self._start_server(port, replica_of=None if port == self.ports[0] else self.ports[0])
        for port in self.sentinel_ports:
            self._start_sentinel(port)
        wait_until(self._is_watched, "the Sentinels do not watch")

    def stop(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait(PATIENCE)

    def kill_primary(self) -> None:
        """End the primary as a crash of its host would."""
        process = self._processes[self.primary]
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)

    @property
    def primary(self) -> int:
        """The port of the server that the Sentinels call the primary, dead or alive."""
        state = self._sentinel().sentinel_get_master_addr_by_name(SERVICE)
        return int(state[1])

    @contextlib.contextmanager
    def client(self) -> Iterator[Redis]:
        with Redis("127.0.0.1", self.primary, password=PASSWORD) as client:
            yield client

    def _sentinel(self) -> Redis:
        return Redis("127.0.0.1", self.sentinel_ports[0], password=SENTINEL_PASSWORD)

    def _is_watched(self) -> bool:
        sentinels = Sentinel(
            [("127.0.0.1", port) for port in self.sentinel_ports],
            min_other_sentinels=NUMBER_OF_SENTINELS - 1,
            sentinel_kwargs={"password": SENTINEL_PASSWORD},
        )
        try:
            sentinels.discover_master(SERVICE)
            return len(sentinels.discover_slaves(SERVICE)) == 1
        except RedisError:
            return False

    def _start_server(self, port: int, *, replica_of: int | None) -> None:
        settings = {"port": str(port), "requirepass": PASSWORD, "masterauth": PASSWORD, "save": ""}
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        if replica_of is not None:
            options += ["--replicaof", "127.0.0.1", str(replica_of)]
        self._run(port, options)

    def _start_sentinel(self, port: int) -> None:
        # Sentinels write what they learn into their file.
        file = self._folder / f"sentinel-{port}.conf"
        file.write_text(
            f"port {port}\n"
            f"requirepass {SENTINEL_PASSWORD}\n"
            f"sentinel sentinel-pass {SENTINEL_PASSWORD}\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {self.ports[0]} 2\n"
            f"sentinel auth-pass {SERVICE} {PASSWORD}\n"
            f"sentinel down-after-milliseconds {SERVICE} 3000\n"
            f"sentinel failover-timeout {SERVICE} 10000\n"
        )
        self._run(port, [str(file), "--sentinel"])

    def _run(self, port: int, options: list[str]) -> None:
        folder = self._folder / str(port)
        folder.mkdir(exist_ok=True)
        everywhere = ["--bind", "127.0.0.1", "--dir", str(folder)]
        with (folder / "log").open("ab") as log:
            self._processes[port] = subprocess.Popen(
                [valkey_program(), *options, *everywhere], stdout=log, stderr=log, env=ENVIRONMENT, cwd="/"
            )
