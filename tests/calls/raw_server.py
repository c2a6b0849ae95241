"""An HTTP server with arbitrary answers, sent piece by piece."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import urllib3

from podid.calls.http import limit_pools


class RawServer:
    """`answer` returns the pieces of the answer to a request for a path; `asked` are the requested paths."""

    def __init__(self, answer: Callable[["RawServer", str], Iterator[bytes]]) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as lines:
                while line := lines.readline():
                    while lines.readline().strip():
                        pass
                    path = line.split()[1].decode()
                    self.asked.append(path)
                    for piece in self.answer(self, path):
                        connection.sendall(piece)
        except (OSError, ValueError, IndexError):  # or bytes that are not HTTP
            return

    def close(self) -> None:
        self._listener.close()


def whole(path: str) -> Iterator[bytes]:
    yield f"HTTP/1.1 200 OK\r\ncontent-length: {len(path)}\r\n\r\n{path}".encode()


def silent() -> Iterator[bytes]:
    time.sleep(20)
    yield b""


def dripping(start: bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n") -> Iterator[bytes]:
    yield start
    for _ in range(1000):
        time.sleep(0.02)
        yield b"y"


def limited_pool() -> urllib3.PoolManager:
    pool = urllib3.PoolManager(maxsize=64)
    pool.pool_classes_by_scheme = dict(pool.pool_classes_by_scheme)
    limit_pools(pool.pool_classes_by_scheme)
    return pool
