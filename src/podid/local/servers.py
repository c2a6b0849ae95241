"""HTTP servers of podid: a credentials endpoint on loopback, as SDKs request it by AWS_CONTAINER_CREDENTIALS_FULL_URI;
and `/metrics`, in the text format of Prometheus, with `/healthz`.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import hmac
import json
import secrets
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from podid.domain.errors import PodidError

PATH = "/v1/credentials"
_ADDRESS = "127.0.0.1"
# seconds that the end of the block waits for the server; the default of half a second delays the end of `podid exec`
_STOPS_WITHIN = 0.05
_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class _AnswerServer(ThreadingHTTPServer):
    """Answers requests with the `methods` by `answer` while the `with` block runs. Raise OSError if the address is in
    use."""

    daemon_threads = True
    headers: ClassVar[Mapping[str, str]]
    methods: ClassVar[tuple[str, ...]] = ("GET",)

    def __init__(self, host: str, port: int = 0) -> None:
        super().__init__((host, port), _AnswerHandler)

    def answer(self, request: BaseHTTPRequestHandler) -> tuple[int, str]:
        """Return status and body."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        name = type(self).__name__
        threading.Thread(target=self.serve_forever, args=(_STOPS_WITHIN,), name=name, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _AnswerHandler(BaseHTTPRequestHandler):
    server: _AnswerServer
    timeout = 10.0
    wbufsize = -1
    server_version = "podid"
    sys_version = ""

    def do_GET(self) -> None:
        headers = self.server.headers
        if self.command in self.server.methods:
            status, text = self.server.answer(self)
        else:
            status, text = HTTPStatus.METHOD_NOT_ALLOWED, ""
            headers = {**headers, "Allow": ", ".join(self.server.methods)}
        body = text.encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815  names of the library

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


class CredentialsEndpoint(_AnswerServer):
    """Serves what `issue` returns to requests with the random `token`."""

    headers: ClassVar[Mapping[str, str]] = {"Content-Type": "application/json", "Cache-Control": "no-store"}

    def __init__(self, issue: Callable[[], Mapping[str, str]]) -> None:
        super().__init__(_ADDRESS)
        self.token = secrets.token_urlsafe(32)
        self._issue = issue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: the traceback of a broken connection would be among the output of the command."""

    @property
    def url(self) -> str:
        return f"http://{_ADDRESS}:{self.server_port}{PATH}"

    def answer(self, request: BaseHTTPRequestHandler) -> tuple[int, str]:
        # another name for this address may be a web page's
        if request.headers.get("Host") != f"{_ADDRESS}:{self.server_port}":
            return _refusal(HTTPStatus.FORBIDDEN, "AccessDenied", "the Host header is not the address of the endpoint")
        if request.path != PATH:
            return _refusal(HTTPStatus.NOT_FOUND, "NotFound", f"the only path is {PATH}")
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), self.token.encode()):
            return _refusal(HTTPStatus.FORBIDDEN, "AccessDenied", "the authorization token is not that of the endpoint")
        try:
            return HTTPStatus.OK, json.dumps(self._issue())
        except PodidError as error:
            return _refusal(HTTPStatus.INTERNAL_SERVER_ERROR, error.code, error.message)


def _refusal(status: HTTPStatus, code: str, message: str) -> tuple[int, str]:
    return status, json.dumps({"code": code, "message": message})


class Telemetry(_AnswerServer):
    """Serves `metrics` and `healthy`; without a host on all addresses, since a pod may have only an IPv6 address."""

    headers: ClassVar[Mapping[str, str]] = {"Content-Type": _TEXT}
    methods = ("GET", "HEAD")

    def __init__(self, host: str, port: int, metrics: Callable[[], str], healthy: Callable[[], bool]) -> None:
        host = host.strip("[]") or ("::" if socket.has_dualstack_ipv6() else "0.0.0.0")  # noqa: S104
        self.address_family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        self._metrics, self._healthy = metrics, healthy
        super().__init__(host, port)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def answer(self, request: BaseHTTPRequestHandler) -> tuple[int, str]:
        path = urlsplit(request.path).path.rstrip("/")
        if path == "/metrics":
            return HTTPStatus.OK, self._metrics()
        if path == "/healthz":
            healthy = self._healthy()
            return (HTTPStatus.OK, "ok\n") if healthy else (HTTPStatus.SERVICE_UNAVAILABLE, "the last rounds failed\n")
        return HTTPStatus.NOT_FOUND, "not found\n"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric with its current values. `kind` is gauge or counter; with a `label`, `values` are by its value, and
    otherwise there is one, under the empty text."""

    name: str
    kind: str
    help: str
    values: Mapping[str, float]
    label: str = ""


def exposition(metrics: Iterable[Metric]) -> str:
    lines = []
    for metric in metrics:
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
        for text, value in metric.values.items():
            escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
            labels = f'{{{metric.label}="{escaped}"}}' if metric.label else ""
            lines.append(f"{metric.name}{labels} {value!r}")
    return "\n".join(lines) + "\n"
