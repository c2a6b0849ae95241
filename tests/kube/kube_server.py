"""A local HTTP or HTTPS server with prepared answers, among them recorded answers of a real kube-apiserver 1.36."""

import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

RECORDED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "recorded" / "answers.json").read_text("utf-8")
)


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    connection: int


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False


def recorded(label: str) -> Answer:
    entry = RECORDED[label]
    return Answer(entry["status"], entry["body"])


def listing(path: str, items: Any, token: str = "") -> dict[str, Any]:
    """Return a page of the list at the path."""
    parts = path.strip("/").split("/")
    version = "/".join(parts[1:2] if parts[0] == "api" else parts[1:3])
    kind = re.sub(r"(?<=ss)es$|s$", "", re.sub(r"ies$", "y", parts[-1]))
    return {"kind": f"{kind}List", "apiVersion": version, "metadata": {"continue": token}, "items": items}


@dataclass(slots=True)
class Server:
    url: str
    answer: Callable[[Request], Answer]
    requests: list[Request] = field(default_factory=list)

    def script(self, *answers: Answer) -> None:
        """Set the next answers, in order; the last one is repeated."""
        remaining = list(answers)
        self.answer = lambda _: remaining.pop(0) if len(remaining) > 1 else remaining[0]


def _decoded(raw: bytes) -> Any:
    """Return the JSON of a request; the text of another, such as a form of IAM's; None without a body."""
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw.decode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""

    def _serve(self) -> None:
        server = cast(Server, self.server.podid_state)  # type: ignore[attr-defined]  # set by serve()
        length = int(self.headers.get("content-length") or 0)
        raw = self.rfile.read(length)
        parts = urlsplit(self.path)
        request = Request(
            self.command,
            parts.path,
            dict(parse_qsl(parts.query)),
            {key.lower(): value for key, value in self.headers.items()},
            _decoded(raw),
            self.client_address[1],
        )
        server.requests.append(request)
        answer = server.answer(request)
        if answer.hang_up:
            self.close_connection = True
            return
        body = answer.body.encode() if isinstance(answer.body, str) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("content-length", str(len(body)))
        for key, value in answer.headers.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)


for _method in ("GET", "POST", "PATCH", "DELETE"):
    setattr(_Handler, f"do_{_method}", _Handler._serve)


@contextmanager
def serve(certificate: Path | None = None) -> Iterator[Server]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    http.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        http.socket = context.wrap_socket(http.socket, server_side=True)
    state = Server(f"{'http' if certificate is None else 'https'}://127.0.0.1:{http.server_address[1]}", _refuse)
    http.podid_state = state  # type: ignore[attr-defined]  # the handler's only way to its server
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        http.shutdown()
        http.server_close()


def _refuse(request: Request) -> Answer:
    return Answer(500, f"no answer was scripted for {request.method} {request.path}")


def self_signed(directory: Path, name: str = "server") -> tuple[Path, str]:
    """Return (file with key and certificate for 127.0.0.1, the certificate as PEM)."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    start = datetime.now(UTC) - timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    file = directory / f"{name}.pem"
    file.write_text(private + pem)
    return file, pem
