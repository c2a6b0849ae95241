"""A server for `/metrics`, in the text format of Prometheus, and `/healthz`.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

_TEXT = "text/plain; version=0.0.4; charset=utf-8"


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
    """Return the metrics in the text format."""
    lines = []
    for metric in metrics:
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
        for text, value in metric.values.items():
            labels = f'{{{metric.label}="{_escaped(text)}"}}' if metric.label else ""
            lines.append(f"{metric.name}{labels} {value!r}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


class Telemetry:
    """Serves `metrics` and `healthy` on an address while the `with` block runs. Raise OSError if it is in use."""

    def __init__(self, host: str, port: int, metrics: Callable[[], str], healthy: Callable[[], bool]) -> None:
        self._server = _TelemetryServer((host, port), _TelemetryHandler)
        self._server.metrics, self._server.healthy = metrics, healthy

    @property
    def port(self) -> int:
        return self._server.server_port

    def __enter__(self) -> Telemetry:
        threading.Thread(target=self._server.serve_forever, name="telemetry", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _TelemetryServer(ThreadingHTTPServer):
    daemon_threads = True
    metrics: Callable[[], str]
    healthy: Callable[[], bool]


class _TelemetryHandler(BaseHTTPRequestHandler):
    timeout = 10.0
    server_version = "podid"
    sys_version = ""

    def do_GET(self) -> None:
        server = cast("_TelemetryServer", self.server)
        if self.path == "/metrics":
            self._answer(200, server.metrics())
        elif self.path == "/healthz":
            self._answer(*((200, "ok\n") if server.healthy() else (503, "the last rounds failed\n")))
        else:
            self._answer(404, "not found\n")

    def _answer(self, code: int, text: str) -> None:
        body = text.encode()
        self.send_response(code)
        self.send_header("Content-Type", _TEXT)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Do not log requests."""
