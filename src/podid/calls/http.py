"""Limits for HTTP connections of urllib3: how long and how much they read from a slow or endless answer."""

import http.client
import io
import socket
from collections.abc import MutableMapping
from functools import cache
from typing import Any

import urllib3

from podid.calls.deadline import LIMIT, submit
from podid.domain.foreign import Malformed


class TooLarge(Malformed):
    """An answer that exceeds the size limit."""


def read_whole(response: urllib3.BaseHTTPResponse, most: int) -> bytes:
    """Return the body. Raise TooLarge if it has more than `most` bytes, urllib3's HTTPError if the connection was
    closed before its end."""
    body: bytes = response.read(most + 1)
    if len(body) > most:
        response.close()
        raise TooLarge(f"it is larger than {most // 1024**2} MiB")
    # botocore's responses do not compare the length with Content-Length
    if remaining := getattr(response, "length_remaining", None):
        raise urllib3.exceptions.IncompleteRead(len(body), remaining)
    return body


def limit_pools(by_scheme: MutableMapping[str, Any]) -> None:
    """Apply the limit of a call to the connections of a PoolManager; `by_scheme` are its pool classes."""
    by_scheme.update({scheme: _limited(pool) for scheme, pool in by_scheme.items()})


@cache
def _limited(pool: Any) -> Any:
    if issubclass(pool.ConnectionCls, _LimitedConnection):
        return pool
    connection = type("LimitedConnection", (_LimitedConnection, pool.ConnectionCls), {})
    return type("LimitedPool", (pool,), {"ConnectionCls": connection})


class _LimitedReader(io.RawIOBase):
    """Reads from a socket until the limit of the call."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._sock = raw, sock
        self._longest = sock.gettimeout()  # for one read, set by urllib3

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        limit = LIMIT.get()
        if limit is None:
            return self._raw.readinto(buffer)
        remaining = limit.remaining()
        self._sock.settimeout(remaining if self._longest is None else min(remaining, self._longest))
        try:
            return self._raw.readinto(buffer)
        except TimeoutError:
            limit.remaining()
            raise

    def close(self) -> None:
        self._raw.close()
        super().close()


class _LimitedResponse(http.client.HTTPResponse):
    """The response of a server, or of a proxy to CONNECT."""

    def __init__(self, sock: socket.socket, *args: Any, **named: Any) -> None:
        super().__init__(sock, *args, **named)
        self.fp = io.BufferedReader(_LimitedReader(self.fp.detach(), sock))


class _LimitedConnection:
    """Mixin for a connection class of urllib3."""

    response_class = _LimitedResponse

    def _new_conn(self) -> socket.socket:
        """Connect in another thread: name resolution has no timeout, and blocks Ctrl-C."""
        limit = LIMIT.get()
        future = submit(super()._new_conn)  # type: ignore[misc]  # urllib3's
        try:
            return future.result(None if limit is None else limit.remaining())  # type: ignore[no-any-return]
        except TimeoutError:
            if limit is not None:
                limit.remaining()
            raise
