"""An identity provider that says whatever a test wants, true or not. The one of the browser tests is a real one."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from joserfc.jws import JWSRegistry

EVENTS = {"http://schemas.openid.net/event/backchannel-logout": {}}
CLIENT, SECRET = "kontor", "secret-of-kontor-at-the-provider"
numbers = count(1)
ANY_ALGORITHM = JWSRegistry(algorithms=["none", "HS256", "RS256"])


def new_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": f"key-{next(numbers)}"})


class IdentityProvider:
    """Issues the ID token with `claims`, signed with `key`; None among the claims leaves one out."""

    def __init__(self) -> None:
        self.issuer = ""
        self.reset()

    def reset(self) -> None:
        """Be as new, with a key that nobody has read yet."""
        self.key = self.published = new_key()
        self.algorithm = "RS256"
        self.claims: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.asked: dict[str, str] = {}
        self.token_requests: list[dict[str, str]] = []
        self.metadata: dict[str, Any] = {}

    def settings(self, **others: Any) -> dict[str, Any]:
        found = {"name": "bank", "label": "Bank", "issuer": self.issuer, "client_id": CLIENT}
        return {**found, "client_secret": SECRET, "scopes": ("openid",), "groups_claim": "groups", **others}

    def authorize(self, address: str, **changed: str) -> str:
        """Return the address that the browser is sent back to from the provider's login."""
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        back = {"code": "code", "state": self.asked["state"], "iss": self.issuer, **changed}
        return f"{urlsplit(self.asked['redirect_uri']).path}?{urlencode(back)}"

    def signed(self, claims: dict[str, Any], **header: str) -> str:
        present = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": str(self.key.kid), **header}
        return jwt.encode(header, present, self.key, registry=ANY_ALGORITHM)

    def logout_token(self, **changed: Any) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": "1", "events": EVENTS}
        return self.signed({**claims, **changed}, typ="logout+jwt")

    def _id_token(self) -> str:
        now = int(time.time())
        own = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 120, "nonce": self.asked["nonce"]}
        return self.signed({**own, **self.claims})

    def answer(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        if path == "/token":
            self.token_requests.append(form)
            digest = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()
            if digest != self.asked["code_challenge"]:
                return {"error": "invalid_grant"}
            return {"access_token": "at", "token_type": "Bearer", "id_token": self._id_token()}
        return {
            "/jwks": KeySet([self.published]).as_dict(private=False),
            "/userinfo": self.userinfo,
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "end_session_endpoint": f"{self.issuer}/logout",
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
                "authorization_response_iss_parameter_supported": True,
                **self.metadata,
            },
        }[path]

    @contextmanager
    def running(self) -> Iterator[None]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer({})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = {name: values[0] for name, values in parse_qs(body).items()}
                self._answer({**form, "authorization": self.headers.get("Authorization", "")})

            def _answer(self, form: dict[str, str]) -> None:
                body = json.dumps(provider.answer(urlsplit(self.path).path, form)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
