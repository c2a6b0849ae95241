"""Pass requests to a sandbox of this process as function calls: sockets and a thread for each connection took a third
of a command's time in the tests."""

import http.client
import io
from typing import Any

import pytest
import urllib3
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.util import parse_url

from podid.sandbox.box import Sandbox
from podid.sandbox.http import HttpRequest, LoopbackServer
from podid.sandbox.kube import KubeSandbox


def install(patch: pytest.MonkeyPatch) -> None:
    """Install this until the patch ends. Requests use sockets if a front or a fault is in place, and with TLS, so that
    failing connections are real."""
    servers: dict[int, LoopbackServer] = {}
    start, close, urlopen = LoopbackServer.start, LoopbackServer.close, HTTPConnectionPool.urlopen

    def starting(self: LoopbackServer) -> None:
        start(self)
        servers[self.server_port] = self

    def closing(self: LoopbackServer) -> None:
        servers.pop(self.server_port, None)
        close(self)

    def opening(
        self: HTTPConnectionPool, method: str, url: str, body: Any = None, headers: Any = None, *args: Any, **named: Any
    ) -> Any:
        server = servers.get(self.port or 0)
        plain = self.scheme == "http" and self.proxy is None and not args and "watch=" not in url
        if (
            server is None
            or not plain
            or not isinstance(body, bytes | bytearray | str | None)
            or not _undisturbed(server)
        ):
            return urlopen(self, method, url, body, headers, *args, **named)
        return _answer(self, server, method, parse_url(url).request_uri, body or b"", headers or {}, named)

    patch.setattr(LoopbackServer, "start", starting)
    patch.setattr(LoopbackServer, "close", closing)
    patch.setattr(HTTPConnectionPool, "urlopen", opening)


def _undisturbed(server: LoopbackServer) -> bool:
    owner = getattr(server.application, "__self__", None)
    return isinstance(owner, Sandbox | KubeSandbox) and not owner.faults.listed()


def _answer(
    pool: HTTPConnectionPool,
    server: LoopbackServer,
    method: str,
    target: str,
    body: bytes | bytearray | str,
    headers: Any,
    named: Any,
) -> urllib3.HTTPResponse:
    body = body.encode() if isinstance(body, str) else bytes(body)
    sent = {"host": f"{pool.host}:{pool.port}", "accept-encoding": "identity", "user-agent": "urllib3"}
    if body or method not in ("GET", "HEAD", "DELETE"):
        sent["content-length"] = str(len(body))
    fields = [(k.lower(), v.decode("latin-1") if isinstance(v, bytes) else str(v)) for k, v in headers.items()]
    sent |= fields
    lines = (*sent.items(), *(line for line in fields if line not in sent.items()))
    # one connection always reaches the same replica
    caller = vars(pool).setdefault("caller_in_tests", next(server.callers))
    answer = server.application(HttpRequest(method, target, sent, body, caller, lines))
    content = answer.body if answer.chunks is None else b"".join(answer.chunks)
    return urllib3.HTTPResponse(
        io.BytesIO(content),
        headers={**answer.headers, "Content-Length": str(len(content))},
        status=answer.status,
        version=11,
        reason=http.client.responses.get(answer.status, ""),
        preload_content=named.get("preload_content", True),
        decode_content=named.get("decode_content", True),
        request_method=method,
        request_url=target,
    )
