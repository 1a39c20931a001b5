"""A receiver of webhooks on loopback."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Call:
    headers: dict[str, str]
    body: str
    # Seconds since the epoch.
    received_at: float

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        return self.event["data"]


class Receiver(ThreadingHTTPServer):
    """Keeps the calls that it answers with 2xx; `answer` chooses the status of each."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Callable[[Call], int] = lambda call: 204
        self.accepted: list[Call] = []
        self.refused: list[Call] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/events"

    @property
    def types(self) -> list[str]:
        return [call.event["type"] for call in self.accepted]

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Receiver
    protocol_version = "HTTP/1.1"
    # Otherwise headers and body go in two packets, and the second waits for the answer to the first.
    wbufsize = -1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        call = Call({name.lower(): value for name, value in self.headers.items()}, body, time.time())
        status = self.server.answer(call)
        (self.server.accepted if 200 <= status < 300 else self.server.refused).append(call)
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", self.server.url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Log nothing."""
