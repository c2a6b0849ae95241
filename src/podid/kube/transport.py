"""Raw JSON over the kubernetes client's urllib3 pool.

The typed client builds ten objects where podid needs three fields: listing 5,000 pods takes it 5.7 s and 764 MB, this
takes 0.4 s and 100 MB. So pages are decoded, projected and dropped, and the garbage collector rests meanwhile.
"""

import gc
import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlencode

import urllib3
import urllib3.exceptions as transport_errors

from podid.domain.errors import PodidError, Unavailable
from podid.kube import errors
from podid.kube.connect import Connection

T = TypeVar("T")
Json = dict[str, Any]

PAGE = 500
CONNECT_SECONDS = 5.0
READ_SECONDS = 60.0
RESTARTS = 3

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


class Transport:
    """Requests to one API server. Safe to use from several threads.

    Reads, and writes that the caller calls `idempotent`, are tried again on a broken connection, 429 and 5xx until
    `patience` seconds have passed; every failure is raised as a PodidError.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        patience: float = 30.0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.connection = connection
        self._patience = patience
        self._monotonic = monotonic
        self._sleep = sleep
        self._pool: urllib3.PoolManager | None = None
        self._lock = threading.Lock()

    def fresh(self) -> "Transport":
        """The same server and caller with no connection open yet: a load balancer may choose another API server."""
        return Transport(self.connection, patience=self._patience, monotonic=self._monotonic, sleep=self._sleep)

    def close(self) -> None:
        with self._lock:
            if self._pool is not None:
                self._pool.clear()

    def get(self, path: str, query: Mapping[str, str | int] | None = None, *, accept: str = "application/json") -> Json:
        return _decode(self._request("GET", path, query, headers={"accept": accept}, idempotent=True))

    def post(
        self, path: str, body: Json, query: Mapping[str, str | int] | None = None, *, idempotent: bool = False
    ) -> Json:
        return _decode(self._send("POST", path, body, query, "application/json", idempotent=idempotent))

    def patch(self, path: str, body: Json, *, content_type: str = MERGE_PATCH) -> Json:
        """Both patch types say the wanted end, so a lost answer is made up for by sending it again."""
        return _decode(self._send("PATCH", path, body, None, content_type, idempotent=True))

    def delete(self, path: str, *, uid: str = "") -> None:
        """With `uid`, only that very object: Conflict when another one has taken its name."""
        body: Json = {"preconditions": {"uid": uid}} if uid else {}
        self._send("DELETE", path, body, None, "application/json", idempotent=False)

    def list(
        self,
        path: str,
        project: Callable[[Json], T],
        query: Mapping[str, str | int] | None = None,
        *,
        accept: str = "application/json",
    ) -> list[T]:
        """All items, each as `project` makes it. A list that expires while it is paged (410) is begun anew."""
        for _ in range(RESTARTS):
            found: list[T] = []
            token = ""
            while True:
                paged = {**(query or {}), "limit": PAGE, **({"continue": token} if token else {})}
                try:
                    body = self._request("GET", path, paged, headers={"accept": accept}, idempotent=True)
                except _Expired:
                    break
                with _gc_paused():
                    page = _decode(body)
                    del body
                    found.extend(map(project, page.get("items") or ()))
                    token = (page.get("metadata") or {}).get("continue") or ""
                    del page
                if not token:
                    return found
        raise Unavailable(f"the list {path} expired {RESTARTS} times while it was being read", subject=path)

    def _send(
        self,
        method: str,
        path: str,
        body: Json,
        query: Mapping[str, str | int] | None,
        content_type: str,
        *,
        idempotent: bool,
    ) -> bytes:
        headers = {"accept": "application/json", "content-type": content_type}
        data = json.dumps(body, separators=(",", ":")).encode()
        return self._request(method, path, query, headers=headers, data=data, idempotent=idempotent)

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        *,
        headers: Mapping[str, str],
        data: bytes | None = None,
        idempotent: bool,
    ) -> bytes:
        url = f"{self.connection.host.rstrip('/')}{path}" + (f"?{urlencode(query)}" if query else "")
        deadline = self._monotonic() + self._patience
        attempt = 0
        renewed = False
        while True:
            attempt += 1
            wait: float | None
            error: PodidError
            try:
                response = self._once(method, url, headers, data, deadline)
            except (transport_errors.HTTPError, OSError) as problem:
                error = errors.of_network(problem, self.connection.where)
                error.__cause__ = problem
                wait = _backoff(attempt) if idempotent and _passing(problem) else None
            else:
                if response.status < 400:
                    return response.data
                if response.status == 410:
                    raise _Expired(f"the list {path} expired while it was being read", subject=path)
                if response.status == 401 and not renewed:
                    renewed = True
                    self.connection.renew()
                    continue
                error = errors.of_response(
                    response.status, response.data, method=method, path=path, where=self.connection.where
                )
                wait = _pause(response, attempt, idempotent=idempotent)
            if wait is None or self._monotonic() + wait >= deadline:
                raise error
            self._sleep(wait)

    def _once(
        self, method: str, url: str, headers: Mapping[str, str], data: bytes | None, deadline: float
    ) -> urllib3.BaseHTTPResponse:
        left = max(deadline - self._monotonic(), 1.0)
        timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, left), read=READ_SECONDS)
        return self._open_pool().request(
            method,
            url,
            headers={**headers, **self.connection.headers()},
            body=data,
            timeout=timeout,
            retries=False,
            redirect=False,
        )

    def _open_pool(self) -> urllib3.PoolManager:
        with self._lock:
            if self._pool is None:
                self._pool = self.connection.new_pool()
            return self._pool


class _Expired(Unavailable):
    """410 Gone: the continue token is older than what etcd keeps."""


def _decode(body: bytes) -> Json:
    try:
        document = json.loads(body)
    except ValueError as error:
        raise Unavailable("the API server's answer is not JSON; something on the way answered instead") from error
    if not isinstance(document, dict):
        raise Unavailable("the API server's answer is not a JSON object; something on the way answered instead")
    return document


def _passing(problem: Exception) -> bool:
    """A connection that broke may work the next time; a name that does not resolve or a refusal will not."""
    lasting = (transport_errors.NewConnectionError, transport_errors.ConnectTimeoutError, transport_errors.ProxyError)
    return not isinstance(problem, (*lasting, transport_errors.SSLError))


def _pause(response: urllib3.BaseHTTPResponse, attempt: int, *, idempotent: bool) -> float | None:
    """Seconds until the next try, or None when there should be none.

    429 comes from priority and fairness before anything was done, so that a write can be sent again as well.
    """
    if response.status == 429 or (idempotent and response.status in (500, 502, 503, 504)):
        after = response.headers.get("Retry-After", "")
        if after.isdigit():
            return float(after)
        # a 500 without Retry-After is mostly a lasting one: a kubelet that cannot be reached, a broken webhook
        return None if response.status == 500 and attempt >= 2 else _backoff(attempt)
    return None


def _backoff(attempt: int) -> float:
    return min(0.2 * 2.0 ** min(attempt, 6), 5.0) * random.uniform(0.5, 1.0)  # noqa: S311  jitter, not cryptography


_collectors = threading.Lock()
_paused = 0
_was_enabled = False


@contextmanager
def _gc_paused() -> Iterator[None]:
    """Decoding makes a hundred thousand objects and no cycles. Pauses nest across threads."""
    global _paused, _was_enabled
    with _collectors:
        if _paused == 0:
            _was_enabled = gc.isenabled()
            gc.disable()
        _paused += 1
    try:
        yield
    finally:
        with _collectors:
            _paused -= 1
            if _paused == 0 and _was_enabled:
                gc.enable()
