"""A credentials endpoint on loopback, as SDKs request it by AWS_CONTAINER_CREDENTIALS_FULL_URI.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from podid.domain.errors import PodidError

PATH = "/v1/credentials"
_ADDRESS = "127.0.0.1"
# an SDK sends its request at once
_SECONDS = 10.0


class CredentialsEndpoint:
    """Serves what `issue` returns to requests with the random `token`, while the `with` block runs."""

    def __init__(self, issue: Callable[[], Mapping[str, str]]) -> None:
        self.token = secrets.token_urlsafe(32)
        self._server = _LoopbackServer((_ADDRESS, 0), _LoopbackHandler)
        self._server.issue, self._server.token = issue, self.token

    @property
    def url(self) -> str:
        return f"http://{_ADDRESS}:{self._server.server_port}{PATH}"

    def __enter__(self) -> CredentialsEndpoint:
        threading.Thread(target=self._server.serve_forever, name="credentials", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _LoopbackServer(ThreadingHTTPServer):
    daemon_threads = True
    issue: Callable[[], Mapping[str, str]]
    token: str

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: the traceback of a broken connection would be among the output of the command."""


class _LoopbackHandler(BaseHTTPRequestHandler):
    timeout = _SECONDS
    wbufsize = -1

    def do_GET(self) -> None:
        server = cast("_LoopbackServer", self.server)
        # another name for this address may be a web page's
        if self.headers.get("Host") != f"{_ADDRESS}:{server.server_port}":
            self._answer(HTTPStatus.FORBIDDEN, "AccessDenied", "the Host header is not the address of the endpoint")
        elif self.path != PATH:
            self._answer(HTTPStatus.NOT_FOUND, "NotFound", f"the only path is {PATH}")
        elif not hmac.compare_digest(self.headers.get("Authorization", "").encode(), server.token.encode()):
            self._answer(HTTPStatus.FORBIDDEN, "AccessDenied", "the authorization token is not that of the endpoint")
        else:
            try:
                self._write(HTTPStatus.OK, server.issue())
            except PodidError as error:
                self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, error.code, error.message)

    def _answer(self, status: HTTPStatus, code: str, message: str) -> None:
        self._write(status, {"code": code, "message": message})

    def _write(self, status: HTTPStatus, body: Mapping[str, str]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""
