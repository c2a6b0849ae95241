"""The sockets: HTTP/1.1 with keep-alive over TLS, a thread a connection, and the faults of the wire."""

import contextlib
import itertools
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

from podid.sandbox.kube.certs import Certificates
from podid.sandbox.kube.faults import Faults
from podid.sandbox.kube.objects import Obj
from podid.sandbox.kube.request import Request, Response
from podid.sandbox.kube.status import StatusError

Handle = Callable[[Request], Response]

_REASONS = {429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable", 504: "Timeout"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "podid-sandbox"
    sys_version = ""
    # without buffering every header is a packet of its own, which costs 44 ms a request
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 300

    server: "_Server"

    def setup(self) -> None:
        super().setup()
        self.caller = next(self.server.connections)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: request lines can carry what must not be logged."""

    def _serve(self) -> None:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            self.close_connection = True
            return
        body = self.rfile.read(length)
        headers = {key.lower(): value for key, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body, self.caller)
        lost = False
        for fault in self.server.faults.for_request(self.command, self.path):
            if fault.kind == "latency":
                time.sleep(fault.seconds)
            elif fault.kind == "reset":
                self._reset()
                return
            elif fault.kind == "status":
                self._answer(_refusal(fault.code, fault.message, fault.retry_after))
                return
            else:
                lost = True
        response = self.server.handle(request)
        if lost:
            self._reset()
        elif response.lines is not None:
            self._stream(response.lines)
        else:
            self._answer(response)

    # BaseHTTPRequestHandler finds its methods by these names
    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815

    def _answer(self, response: Response) -> None:
        data, content_type = response.encode()
        self.send_response(response.status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-cache, private")
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.wfile.flush()

    def _stream(self, events: Iterator[Obj]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for event in events:
            if self.server.stopping.is_set():
                break
            line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _reset(self) -> None:
        """Close with RST, as a crashing server or a firewall does."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with contextlib.suppress(OSError):
            socket.socket.close(self.connection)


def _refusal(code: int, message: str, retry_after: int | None) -> Response:
    reason = _REASONS.get(code, "")
    told = message or "the server is currently unable to handle the request"
    body = StatusError(code, reason, told, {"retryAfterSeconds": retry_after} if retry_after else None).body
    return Response(code, body, headers={"Retry-After": str(retry_after)} if retry_after else {})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handle: Handle, faults: Faults, context: ssl.SSLContext, port: int) -> None:
        self.handle = handle
        self.faults = faults
        self.context = context
        self.connections = itertools.count()
        self.stopping = threading.Event()
        self.open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def finish_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        # the handshake belongs to the connection's own thread, so that a silent client blocks nobody else
        if not isinstance(request, socket.socket):
            return
        request.settimeout(30)
        with contextlib.suppress(OSError), self.context.wrap_socket(request, server_side=True) as secure:
            self.open.add(secure)
            try:
                _Handler(secure, client_address, self)
            finally:
                self.open.discard(secure)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class HttpServer:
    """Serves `handle` on a free port of 127.0.0.1 until `stop`."""

    def __init__(self, handle: Handle, faults: Faults, certificates: Certificates) -> None:
        self._handle = handle
        self._faults = faults
        self._context = _context(certificates)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self, port: int = 0) -> int:
        """The port; 0 asks for any free one."""
        self._server = _Server(self._handle, self._faults, self._context, port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="kube-sandbox", daemon=True
        )
        self._thread.start()
        return self._server.server_address[1]

    def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is None or self._thread is None:
            return
        self._server.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self._server.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server = self._thread = None


def _context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # ssl reads certificates from files only; the directory is 0700 and gone before the first request
    with TemporaryDirectory(prefix="podid-") as directory:
        chain, key = Path(directory, "tls.crt"), Path(directory, "tls.key")
        chain.write_bytes(certificates.server_pem)
        key.write_bytes(certificates.key_pem)
        context.load_cert_chain(chain, key)
    return context
