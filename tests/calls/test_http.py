"""Servers that drip, hang or never end: whoever asks them is back in time, in the thread that asked."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import urllib3

from podid.calls import http
from podid.calls.deadline import NEVER, Deadline, Overdue

from .raw_server import RawServer, dripping, limited_pool, silent, whole

HEADERS = b"HTTP/1.1 200 OK\r\nx-filler: "
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e8\r\n"


@pytest.fixture
def servers() -> Iterator[Callable[..., RawServer]]:
    opened: list[RawServer] = []

    def make(answer: Callable[[], Iterator[bytes]]) -> RawServer:
        opened.append(RawServer(lambda _, path: answer()))
        return opened[-1]

    yield make
    for server in opened:
        server.close()


def read(url: str, pool: urllib3.PoolManager | None = None) -> bytes:
    response = (pool or limited_pool()).request("GET", url, timeout=5.0, retries=False, preload_content=False)
    return http.read_whole(response, 100_000)


@pytest.mark.parametrize(
    "answer",
    [silent, dripping, lambda: dripping(HEADERS), lambda: dripping(CHUNKED), lambda: dripping(b"")],
    ids=["silent", "body", "headers", "chunks", "status"],
)
def test_a_call_ends_when_its_time_is_up(servers: Callable[..., RawServer], answer: Callable[[], object]) -> None:
    url, threads = servers(answer).url, threading.active_count()
    began = time.monotonic()
    with pytest.raises(Overdue, match=r"^within 0.1 s$"):
        NEVER.call(lambda: read(url), 0.1)
    with pytest.raises(Overdue, match=r"^in the 0.1 s of --timeout$"):
        Deadline.after(0.1, "the 0.1 s of --timeout", time.monotonic).call(lambda: read(url), 5.0)
    assert time.monotonic() - began < 3.0
    assert threading.active_count() <= threads + 2, "but for the server's"


def test_a_proxy_that_drips(servers: Callable[..., RawServer]) -> None:
    proxy = urllib3.ProxyManager(servers(lambda: dripping(HEADERS)).url)
    http.limit_pools(classes := dict(proxy.pool_classes_by_scheme))
    proxy.pool_classes_by_scheme = classes
    with pytest.raises(Overdue):
        NEVER.call(lambda: read("https://eks.us-west-2.amazonaws.com/", proxy), 0.1)


def test_a_name_that_takes_long_to_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: over.wait(20))
    began = time.monotonic()
    with pytest.raises(Overdue):
        NEVER.call(lambda: read("http://eks.example.invalid/"), 0.2)
    assert time.monotonic() - began < 3.0
    over.set()


def test_tls_that_does_not_begin(servers: Callable[..., RawServer]) -> None:
    url = servers(silent).url.replace("http:", "https:")
    with pytest.raises((Overdue, urllib3.exceptions.HTTPError, ssl.SSLError)):
        NEVER.call(lambda: limited_pool().request("GET", url, timeout=0.2, retries=False), 5.0)


def test_the_timeout_of_a_socket_is_not_reduced(servers: Callable[..., RawServer]) -> None:
    url = servers(silent).url
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        NEVER.call(lambda: limited_pool().request("GET", url, timeout=0.2, retries=False), 5.0)
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        limited_pool().request("GET", url, timeout=0.2, retries=False)


def test_a_connection_is_used_again(servers: Callable[..., RawServer]) -> None:
    server, pool = servers(lambda: whole("fine")), limited_pool()
    for seconds in (5.0, 0.5, 5.0):
        assert NEVER.call(lambda: read(server.url, pool), seconds) == b"fine"
    assert len(pool.pools) == 1
    assert pool.connection_from_url(server.url).num_connections == 1


def test_an_answer_that_is_too_large(servers: Callable[..., RawServer]) -> None:
    with pytest.raises(http.TooLarge, match="it is larger than 0 MiB"):
        read(servers(lambda: whole("x" * 100_001)).url)


@pytest.mark.parametrize("decoded", [False, True])
def test_a_connection_that_is_closed_before_the_end(servers: Callable[..., RawServer], decoded: bool) -> None:
    def cut() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"
        raise OSError

    pool = limited_pool()
    response = pool.urlopen(
        "GET",
        servers(cut).url,
        retries=False,
        preload_content=False,
        decode_content=decoded,
        enforce_content_length=decoded,
    )
    with pytest.raises(urllib3.exceptions.HTTPError, match="999 more expected"):
        http.read_whole(response, 100_000)


def test_classes_are_limited_once() -> None:
    once: dict[str, object] = dict(urllib3.PoolManager().pool_classes_by_scheme)
    http.limit_pools(once)
    twice = dict(once)
    http.limit_pools(twice)
    assert twice == once
