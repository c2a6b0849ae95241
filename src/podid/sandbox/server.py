"""The HTTP server on loopback: keep-alive, a thread for each connection, no CORS, no foreign Host or Origin."""

import socket
import socketserver
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from podid.sandbox.aws.authorization import Request
from podid.sandbox.aws.errors import Answer
from podid.sandbox.aws.gateway import Disconnect

Application = Callable[[Request], Answer]
_LARGEST_BODY = 4 * 1024 * 1024
_LOOPBACK_NAMES = ("127.0.0.1", "localhost")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Buffered: with the default every header line is a packet of its own, and Nagle's algorithm costs 40 ms a request.
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 120
    server: "LoopbackServer"

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not self._is_local(headers):
            self._send(Answer(403, (("Content-Type", "text/plain"),), b"This sandbox serves loopback clients only.\n"))
            return
        path, _, query = self.path.partition("?")
        try:
            answer = self.server.application(Request(self.command, path, query, headers, body))
        except Disconnect:
            self._tear_down()
            return
        self._send(answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = _serve  # noqa: N815 - http.server's names

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length") or "0"
        if self.headers.get("Transfer-Encoding") or not length.isdigit() or int(length) > _LARGEST_BODY:
            self._send(Answer(413, (("Content-Type", "text/plain"), ("Connection", "close")), b"Too large.\n"))
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def _is_local(self, headers: dict[str, str]) -> bool:
        """A browser that was led here shows its page in Origin, or a foreign name in Host (DNS rebinding)."""
        if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
            return False
        name, _, port = headers.get("host", "").partition(":")
        return name in _LOOPBACK_NAMES and port == str(self.server.server_port)

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _tear_down(self) -> None:
        """Resets the connection: lingering for no time makes the kernel send RST instead of FIN."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: request lines can carry presigned URLs."""


class LoopbackServer(socketserver.ThreadingMixIn, HTTPServer):
    """Serves `application` on 127.0.0.1; port 0 takes a free one."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, application: Application, port: int = 0) -> None:
        self.application = application
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer's own looks the host name up, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._connections.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._connections.discard(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error; anything else is shown as usual."""
        import sys

        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Stops serving and ends the connections that are still open."""
        self.shutdown()
        self.server_close()
        with self._guard:
            open_connections = list(self._connections)
        for connection in open_connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
