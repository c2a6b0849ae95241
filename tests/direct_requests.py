"""Pass requests to a sandbox of this process as function calls: sockets and a thread for each connection took a third
of a command's time in the tests. The signatures that botocore adds to such requests cover the secret and the time only:
complete ones took another tenth. The sandbox checks all other signatures by AWS's rules."""

import hmac
import http.client
import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3
from botocore import auth
from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.util import parse_url

from podid.sandbox.box import Sandbox
from podid.sandbox.credentials import Signature
from podid.sandbox.http import HttpAnswer, HttpRequest, LoopbackServer
from podid.sandbox.kube import KubeSandbox


def install(patch: pytest.MonkeyPatch) -> None:
    """Install this until the patch ends. Requests use sockets if a front or a fault is in place, and with TLS, so that
    failing connections are real."""
    servers: dict[int, LoopbackServer] = {}
    start, close, urlopen = LoopbackServer.start, LoopbackServer.close, HTTPConnectionPool.urlopen
    send, add_auth, fits = URLLib3Session.send, SigV4Auth.add_auth, Signature.fits

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
        if server is None or not plain or not _whole(body) or not _undisturbed(server):
            return urlopen(self, method, url, body, headers, *args, **named)
        answer, content = _answer(
            self, server, (self.host, self.port), method, parse_url(url).request_uri, body, headers
        )
        return urllib3.HTTPResponse(
            io.BytesIO(content),
            headers={**answer.headers, "Content-Length": str(len(content))},
            status=answer.status,
            version=11,
            reason=http.client.responses.get(answer.status, ""),
            preload_content=named.get("preload_content", True),
            decode_content=named.get("decode_content", True),
            request_method=method,
            request_url=url,
        )

    def sending(self: URLLib3Session, request: Any) -> AWSResponse:
        url = urlsplit(request.url)
        server = servers.get(url.port or 0)
        # a test that replaces urlopen watches connections
        plain = url.scheme == "http" and HTTPConnectionPool.urlopen is opening
        if (
            server is None
            or not plain
            or not _whole(request.body)
            or self._proxy_config.proxy_url_for(request.url)
            or not _undisturbed(server)
        ):
            return send(self, request)
        target = f"{url.path}?{url.query}" if url.query else url.path
        at = (url.hostname, url.port)
        answer, content = _answer(self, server, at, request.method, target, request.body, request.headers)
        return AWSResponse(request.url, answer.status, answer.headers, _Body(content))

    def signing(self: SigV4Auth, request: Any) -> None:
        # requests that podid builds itself have no context, and the whole signature
        by_botocore = type(self) is SigV4Auth and "client_config" in request.context
        if not by_botocore or self.credentials is None or urlsplit(request.url).port not in servers:
            add_auth(self, request)
            return
        request.context["timestamp"] = auth.get_current_datetime().strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)
        signed = "host;x-amz-date" + (";x-amz-security-token" if self.credentials.token else "")
        value = _signature(self.credentials.secret_key, request.context["timestamp"], self.credential_scope(request))
        request.headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.scope(request)}, SignedHeaders={signed}, Signature={value}"
        )

    def fitting(self: Signature, request: HttpRequest, secret: str) -> bool:
        return self.value == _signature(secret, self.timestamp, self.scope) or fits(self, request, secret)

    patch.setattr(LoopbackServer, "start", starting)
    patch.setattr(LoopbackServer, "close", closing)
    patch.setattr(HTTPConnectionPool, "urlopen", opening)
    patch.setattr(URLLib3Session, "send", sending)
    patch.setattr(SigV4Auth, "add_auth", signing)
    patch.setattr(Signature, "fits", fitting)


class _Body(io.BytesIO):
    """The body of an answer, as botocore and podid read it."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


def _signature(secret: str, timestamp: str, scope: str) -> str:
    return hmac.digest(secret.encode(), f"{timestamp} {scope}".encode(), "sha256").hex()


def _whole(body: Any) -> bool:
    return isinstance(body, bytes | bytearray | str | None)


def _undisturbed(server: LoopbackServer) -> bool:
    owner = getattr(server.application, "__self__", None)
    return isinstance(owner, Sandbox | KubeSandbox) and not owner.faults.listed()


def _answer(
    connection: Any,
    server: LoopbackServer,
    at: tuple[str | None, int | None],
    method: str,
    target: str,
    body: bytes | bytearray | str | None,
    headers: Any,
) -> tuple[HttpAnswer, bytes]:
    body = body.encode() if isinstance(body, str) else bytes(body or b"")
    sent = {"host": f"{at[0]}:{at[1]}", "accept-encoding": "identity", "user-agent": "urllib3"}
    if body or method not in ("GET", "HEAD", "DELETE"):
        sent["content-length"] = str(len(body))
    fields = [(k.lower(), v.decode("latin-1") if isinstance(v, bytes) else str(v)) for k, v in (headers or {}).items()]
    sent |= fields
    lines = (*sent.items(), *(line for line in fields if line not in sent.items()))
    # one connection always reaches the same replica
    caller = vars(connection).setdefault("caller_in_tests", next(server.callers))
    answer = server.application(HttpRequest(method, target, sent, body, caller, lines))
    return answer, answer.body if answer.chunks is None else b"".join(answer.chunks)
