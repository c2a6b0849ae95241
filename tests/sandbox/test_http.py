"""The one HTTP server of both halves, with and without TLS."""

import http.client
import ssl
import time
from collections.abc import Callable, Iterator

import pytest

from podid.sandbox.http import LARGEST_BODY, Disconnect, HttpAnswer, HttpRequest, LoopbackServer, make_certificates

Connect = Callable[[], http.client.HTTPConnection]
seen: list[HttpRequest] = []


def application(request: HttpRequest) -> HttpAnswer:
    seen.append(request)
    if request.path == "/gone":
        raise Disconnect
    if request.path == "/stream":
        return HttpAnswer(200, chunks=iter([b"one\n", b"two\n"]))
    return HttpAnswer(200, {"Content-Type": "text/plain"}, b"hello")


@pytest.fixture(params=["plain", "tls"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    certificates = make_certificates() if request.param == "tls" else None
    server = LoopbackServer(application, 0, certificates.server_context() if certificates else None)
    server.start()
    seen.clear()

    def open_one() -> http.client.HTTPConnection:
        if certificates is None:
            return http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
        trusting = ssl.create_default_context(cadata=certificates.ca_pem.decode())
        return http.client.HTTPSConnection("127.0.0.1", server.server_port, timeout=5, context=trusting)

    yield open_one
    server.close()


def test_one_connection_is_one_caller(connect: Connect) -> None:
    one, two = connect(), connect()
    for connection in (one, one, two):
        connection.request("POST", "/a%2Fb?x=1&x=2&flag=true", b"body", {"X-Name": "Value"})
        assert connection.getresponse().read() == b"hello"
    assert [request.caller == seen[0].caller for request in seen] == [True, True, False]
    request = seen[0]
    assert (request.path, request.decoded_path, request.query) == ("/a%2Fb", "/a/b", "x=1&x=2&flag=true")
    assert (request.arguments, request.flag("flag"), request.header("x-name")) == (
        {"x": "2", "flag": "true"},
        True,
        "Value",
    )


def test_a_head_has_no_body(connect: Connect) -> None:
    connection = connect()
    connection.request("HEAD", "/")
    answer = connection.getresponse()
    assert (answer.getheader("content-length"), answer.read()) == ("5", b"")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": str(LARGEST_BODY + 1)},
        {"Content-Length": str(1 << 70)},
        {"Content-Length": "-1"},
        {"Content-Length": "ten"},
        {"Transfer-Encoding": "chunked"},
    ],
)
def test_no_body_without_an_end_is_read(connect: Connect, headers: dict[str, str]) -> None:
    connection = connect()
    began = time.monotonic()
    connection.putrequest("POST", "/")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("connection"), seen) == (413, "close", [])
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_a_page_in_a_browser_is_turned_away(connect: Connect, headers: dict[str, str]) -> None:
    connection = connect()
    connection.request("GET", "/", headers=headers)
    assert (connection.getresponse().status, seen) == (403, [])


def test_a_torn_connection(connect: Connect) -> None:
    connection = connect()
    connection.request("GET", "/gone")
    with pytest.raises((ConnectionError, http.client.RemoteDisconnected, ssl.SSLError)):
        connection.getresponse()


def test_a_stream_comes_in_chunks(connect: Connect) -> None:
    connection = connect()
    connection.request("GET", "/stream")
    answer = connection.getresponse()
    assert (answer.getheader("transfer-encoding"), answer.readline(), answer.read()) == ("chunked", b"one\n", b"two\n")
