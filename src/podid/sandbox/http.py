"""HTTP/1.1 on loopback for both halves: keep-alive, a thread for each connection, with or without TLS.

werkzeug's own server closes the connection after every answer, so that each call requires a new TLS handshake.
Certificates are created at start and kept in memory.
"""

import contextlib
import ipaddress
import itertools
import socket
import socketserver
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qsl, unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LARGEST_BODY = 3 * 1024 * 1024
"""As a kube-apiserver; no AWS call that is played here comes near it."""
_LOOPBACK_NAMES = ("127.0.0.1", "localhost")
_TEXT = {"Content-Type": "text/plain"}

_LIFETIME = timedelta(days=30)
_HOSTS = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


@dataclass(frozen=True)
class HttpRequest:
    """One request. `target` is still percent-encoded; header names are in lower case.

    `caller` is the number of the connection: one connection always reaches the same simulated replica. `lines` are all
    header lines, including headers that occur several times.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    caller: int = 0
    lines: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> str:
        """Return the path, percent-encoded, without the query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @cached_property
    def arguments(self) -> dict[str, str]:
        """Return the decoded query parameters; for a repeated name, the last value."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @cached_property
    def decoded_path(self) -> str:
        return unquote(self.path)

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of a header that can occur several times."""
        return tuple(value for key, value in self.lines if key == name)

    @property
    def media_type(self) -> str:
        return self.header("content-type").partition(";")[0].strip()

    def flag(self, name: str) -> bool:
        return self.arguments.get(name, "").lower() in ("true", "1")


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A response. `chunks` replace the body: they are sent one by one as they are produced."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    chunks: Iterator[bytes] | None = None


class Disconnect(Exception):
    """Close the connection without an answer, as when a server crashes or a firewall drops it."""


Application = Callable[[HttpRequest], HttpAnswer]


class LoopbackServer(socketserver.ThreadingMixIn, HTTPServer):
    """Serves `application` on 127.0.0.1 from `start` to `close`; port 0 selects a free port.

    The server refuses requests of a browser that another site sent here: a foreign Host (DNS rebinding), or an Origin.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, application: Application, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.application = application
        self.stopping = threading.Event()
        self.callers = itertools.count()
        self._tls = tls
        self._connections: set[socket.socket] = set()
        self._thread: threading.Thread | None = None
        super().__init__(("127.0.0.1", port), _Handler)

    def start(self) -> None:
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="podid-sandbox", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Free the port and close the open connections."""
        self.stopping.set()
        if self._thread is not None:
            ending = threading.Thread(target=self.shutdown)
            ending.start()
            # an extra connection ends the server at once; otherwise it checks only every 50 ms
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.server_port), 1):
                pass
            ending.join()
            self._thread.join()
        self.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def server_bind(self) -> None:
        # The method of HTTPServer resolves the host name, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def finish_request(self, request: Any, client_address: Any) -> None:
        # The connection's own thread does the handshake, so that a silent client blocks no other client.
        request.settimeout(30)
        with self._tls.wrap_socket(request, server_side=True) if self._tls else request as connection:
            self._connections.add(connection)
            try:
                _Handler(connection, client_address, self)
            finally:
                self._connections.discard(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that disconnected. Show any other error as usual."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Buffered: by default each header line becomes a packet of its own, and Nagle's algorithm adds 44 ms to a request.
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 120
    server: LoopbackServer

    def setup(self) -> None:
        super().setup()
        self.caller = next(self.server.callers)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _serve(self) -> None:
        lines = tuple((name.lower(), value) for name, value in self.headers.items())
        headers = dict(lines)
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdigit() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self._send(HttpAnswer(413, {**_TEXT, "Connection": "close"}, b"Too large.\n"))
            return
        body = self.rfile.read(int(length))
        if not self._is_local(headers):
            self._send(HttpAnswer(403, _TEXT, b"This sandbox serves loopback clients only.\n"))
            return
        try:
            self._send(self.server.application(HttpRequest(self.command, self.path, headers, body, self.caller, lines)))
        except Disconnect:
            self._tear_down()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = _serve  # noqa: N815 - http.server's names

    def _is_local(self, headers: Mapping[str, str]) -> bool:
        if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
            return False
        name, _, port = headers.get("host", "").partition(":")
        return name in _LOOPBACK_NAMES and port == str(self.server.server_port)

    def _send(self, answer: HttpAnswer) -> None:
        self.send_response_only(answer.status)
        chunked = answer.chunks is not None
        framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(answer.body))}
        for name, value in {**answer.headers, **framing}.items():
            self.send_header(name, value)
        self.end_headers()
        if answer.chunks is not None:
            self._stream(answer.chunks)
        elif self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    def _stream(self, chunks: Iterator[bytes]) -> None:
        self.wfile.flush()
        for chunk in chunks:
            if self.server.stopping.is_set():
                break
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _tear_down(self) -> None:
        """Close the connection with RST instead of FIN: a linger time of zero makes the kernel do that."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with contextlib.suppress(OSError):
            socket.socket.close(self.connection)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: request lines can contain presigned URLs."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM of the certificate authority, and of the server's certificate and key."""

    ca_pem: bytes
    server_pem: bytes
    key_pem: bytes

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # ssl reads certificates only from files; the directory has mode 0700 and is deleted before the first request
        with TemporaryDirectory(prefix="podid-") as directory:
            chain = Path(directory, "tls.pem")
            chain.write_bytes(self.server_pem + self.key_pem)
            context.load_cert_chain(chain)
        return context


def make_certificates() -> Certificates:
    """Create certificates for 127.0.0.1, ::1 and localhost, valid for thirty days."""
    now = datetime.now(UTC)
    ca_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = _name("podid-sandbox")
    ca = (
        _builder(ca_name, ca_name, ca_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    addresses = [x509.IPAddress(ipaddress.ip_address(text)) for text in ("127.0.0.1", "::1")]
    names = [x509.DNSName(host) for host in _HOSTS]
    server = (
        _builder(_name("kube-apiserver"), ca_name, server_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([*addresses, *names]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(server_key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    key_pem = server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Certificates(ca.public_bytes(pem), server.public_bytes(pem), key_pem)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    unused = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    never = dict.fromkeys((*unused, "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(digital_signature=True, key_cert_sign=signs, crl_sign=signs, **never)
