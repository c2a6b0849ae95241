"""A front of both halves of a site, which answers in their place or changes their answers."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from podid.sandbox.http import HttpAnswer, HttpRequest
from worlds import Site


@dataclass(frozen=True, slots=True)
class Call:
    """A request and its service: "eks", "iam", "sts", "eks-auth" or "kubernetes"."""

    service: str
    operation: str
    request: HttpRequest


Genuine = Callable[[], HttpAnswer]
Front = Callable[[Call, Genuine], HttpAnswer]
_ended = threading.Event()


@contextmanager
def in_front(site: Site, front: Front) -> Iterator[None]:
    """Let `front` answer every request to the account and to the cluster."""
    servers = (site.box._server, site.kube._server)
    assert servers[0] is not None
    assert servers[1] is not None
    before = [server.application for server in servers if server is not None]
    of_aws, of_kubernetes = before

    def aws(request: HttpRequest) -> HttpAnswer:
        named = site.box.gateway.name(request)
        return front(Call(named.service, named.operation, request), lambda: of_aws(request))

    def kubernetes(request: HttpRequest) -> HttpAnswer:
        call = Call("kubernetes", f"{request.method} {request.path}", request)
        return front(call, lambda: of_kubernetes(request))

    _ended.clear()
    servers[0].application, servers[1].application = aws, kubernetes
    try:
        yield
    finally:
        _ended.set()
        servers[0].application, servers[1].application = before


def silence(seconds: float) -> HttpAnswer:
    """Answer after `seconds`, or when the front is removed. The answer is not the real one: that would use permissions
    during another test, which may count them."""
    _ended.wait(seconds)
    return HttpAnswer(503)


def drip(body: bytes, pause: float = 0.1) -> Iterator[bytes]:
    for number in range(len(body)):
        time.sleep(pause)
        yield body[number : number + 1]


def without_end(piece: bytes = b" " * 65536) -> Iterator[bytes]:
    while True:
        yield piece
