"""API client for tests: sends bytes; returns status, headers and JSON."""

from dataclasses import dataclass
from typing import Any

import orjson
from django.test import Client


@dataclass(frozen=True)
class Answer:
    status: int
    json: Any
    headers: Any

    @property
    def sub_code(self) -> str:
        return self.json["subCode"]

    @property
    def places(self) -> set[str]:
        """Return the places (`properties`) that the error reports."""
        return set(self.json["properties"] or {})


class Api:
    """One caller. `body` is sent as JSON, `raw` unchanged."""

    def __init__(self, token: str | None = None) -> None:
        self.token = token
        self._client = Client(raise_request_exception=False)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        content_type: str = "application/json",
        **headers: str,
    ) -> Answer:
        """Send a request. Headers are written with underscores: `if_match='"1"'`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            sent.setdefault("authorization", f"Bearer {self.token}")
        data = raw if raw is not None else b"" if body is None else orjson.dumps(body)
        response = self._client.generic(method, path, data, content_type=content_type, headers=sent)
        is_json = response.headers.get("Content-Type", "").startswith(("application/json", "application/scim+json"))
        content = b"".join(response.streaming_content) if response.streaming else response.content
        return Answer(response.status_code, orjson.loads(content) if is_json and content else content, response.headers)

    def get(self, path: str, **kwargs: Any) -> Answer:
        return self.call("GET", path, **kwargs)

    def post(self, path: str, body: Any = None, **kwargs: Any) -> Answer:
        return self.call("POST", path, body, **kwargs)

    def put(self, path: str, body: Any = None, **kwargs: Any) -> Answer:
        return self.call("PUT", path, body, **kwargs)

    def patch(self, path: str, body: Any = None, **kwargs: Any) -> Answer:
        return self.call("PATCH", path, body, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> Answer:
        return self.call("DELETE", path, **kwargs)
