"""Raw JSON over the kubernetes client's urllib3 pool.

The typed client builds ten objects where podid needs three fields: it lists 5,000 pods in 5.7 s and 764 MB, this module
in 0.4 s and 100 MB. Pages are decoded, projected and dropped, with the garbage collector paused.
"""

import gc
import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlencode

import urllib3
import urllib3.exceptions as transport_errors

from podid.calls.deadline import NEVER, Deadline
from podid.calls.http import TooLarge, read_whole
from podid.calls.pacing import GivenUp
from podid.domain.errors import (
    BudgetHolds,
    ConnectionLost,
    LostAnswer,
    PodidError,
    ServerFailed,
    Throttled,
    Unavailable,
    UnreadableAnswer,
    WebhookFailed,
)
from podid.domain.foreign import Malformed, Object, Reading, as_object, inner_or_empty, listed, pages, text_or
from podid.domain.text import is_page
from podid.kube import errors
from podid.kube.connect import Connection
from podid.kube.form import check_form
from podid.version import VERSION

T = TypeVar("T")
_NOTHING: Object = {}
Json = dict[str, Any]
Query = dict[str, str | int]

PAGE = 500
# 500 pods of 64 KiB each; larger pods mean fewer on a page. One object has at most 1.5 MiB
LARGEST_ANSWER = 32 * 1024 * 1024
CONNECT_SECONDS = 5.0
# the time limit of an API server for a request
CALL_SECONDS = 60.0
# of discovery, and of a group that the API server does not serve itself
EXTENSION_SECONDS = 3.0
EXTENSION_CALL_SECONDS = 10.0
RESTARTS = 3

# a name that is safe to print in a sentence
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,252}", re.ASCII)

JSON = "application/json"
TEXT = "*/*"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
# the API server takes the field manager of a write from it, and the audit log contains it
USER_AGENT = f"podid/{VERSION}"
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


class Transport:
    """Requests to one API server. Safe to use from several threads.

    Reads, and writes that are `idempotent`, are retried on a broken connection, 429 and 5xx for `patience` seconds. A
    kind of object that failed for so long is not read again for a moment. Every failure is raised as a PodidError. A
    request takes at most `longest` seconds and ends at the command's `deadline`. Both are less for custom resources: a
    conversion webhook or an extension API server may be down for long, and podid requires none of them.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        patience: float = 30.0,
        longest: float = CALL_SECONDS,
        deadline: Deadline = NEVER,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.connection = connection
        self._patience = patience
        self._longest = longest
        self._deadline = deadline
        self._monotonic = monotonic
        self._sleep = sleep
        self._given_up = GivenUp(monotonic)
        self._pool: urllib3.PoolManager | None = None
        self._lock = threading.Lock()

    def fresh(self) -> "Transport":
        """Return a transport without open connections: a load balancer may choose another API server for it."""
        fresh = copy(self)
        fresh._pool, fresh._lock = None, threading.Lock()
        return fresh

    def close(self) -> None:
        with self._lock:
            if self._pool is not None:
                self._pool.clear()

    def get(self, path: str, read: Reading[T]) -> T:
        """Return the answer as `read` decodes it. `read` raises Malformed for an unexpected form."""
        return self._read(self._request("GET", path), path, read)

    def text(self, path: str, query: Query | None = None) -> str:
        """Return an answer that is not JSON, such as a log; bytes that are not UTF-8 are replaced."""
        return self._request("GET", path, query, accept=TEXT).decode(errors="replace")

    def post(
        self, path: str, body: Json, read: Reading[T], query: Query | None = None, *, idempotent: bool = False
    ) -> T:
        """Create an object. An `idempotent` request creates none."""
        if not idempotent:
            return self._change("POST", path, query, body, read)
        return self._read(self._request("POST", path, query, body), path, read, "POST", body)

    def patch(self, path: str, body: Json, read: Reading[T]) -> T:
        """Send a patch. It describes the final state, so it can be sent again after a lost answer."""
        return self._change("PATCH", path, None, body, read)

    def delete(self, path: str, *, uid: str = "", with_dependents: bool = False) -> None:
        """Delete an object. With `uid`, raise Conflict if another object has its name now. A Job requires
        `with_dependents`; otherwise its pods remain."""
        body: Json = {"preconditions": {"uid": uid}} if uid else {}
        body |= {"propagationPolicy": "Background"} if with_dependents else {}
        self._change("DELETE", path, None, body, lambda _: None)

    def _change(self, method: str, path: str, query: Query | None, body: Json, read: Reading[T]) -> T:
        """Send a change. Raise LostAnswer if it may or may not have been made."""
        patch = method == "PATCH"
        try:
            answer = self._request(
                method, path, query, body, content_type=STRATEGIC_PATCH if patch else JSON, idempotent=patch
            )
            return self._read(answer, path, read, method, body)
        except WebhookFailed:
            raise
        except (ServerFailed, ConnectionLost, UnreadableAnswer) as error:
            raise LostAnswer.of(error) from error

    def list(self, path: str, project: Reading[T], query: Query | None = None, *, accept: str = JSON) -> list[T]:
        """Return all items, each decoded by `project`. Restart a list that expires while it is paged (410). Halve the
        limit for a page that is too large, so that large objects do not block the others."""
        limit = PAGE

        def page(token: str) -> tuple[list[T], str]:
            nonlocal limit
            while True:
                paged = {**(query or {}), "limit": limit, **({"continue": token} if token else {})}
                try:
                    body = self._request("GET", path, paged, accept=accept)
                except _TooLarge:
                    if limit == 1:
                        raise
                    limit //= 2
                    continue
                with _gc_paused():
                    return self._read(body, path, partial(_page, project=project))

        for _ in range(RESTARTS):
            try:
                return [item for items in pages(page) for item in items]
            except _Expired:
                continue
            except Malformed as error:
                raise errors.unreadable(path, str(error), self.connection.where) from None
        raise Unavailable(f"the list {path} expired {RESTARTS} times while podid read it", subject=path)

    def _read(self, body: bytes, path: str, read: Reading[T], method: str = "GET", sent: Object = _NOTHING) -> T:
        try:
            answer = as_object(json.loads(body))
            check_form(answer, method, path, sent)
            return read(answer)
        except Malformed as error:
            raise errors.unreadable(path, str(error), self.connection.where) from None
        except (ValueError, RecursionError):
            raise errors.unreadable(path, "it is not JSON", self.connection.where) from None

    def _request(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: Json | None = None,
        *,
        accept: str = JSON,
        content_type: str = JSON,
        idempotent: bool = True,
    ) -> bytes:
        headers = {"accept": accept} if body is None else {"accept": accept, "content-type": content_type}
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        url = f"{self.connection.host.rstrip('/')}{path}" + (f"?{urlencode(query)}" if query else "")
        patience, longest = self._patience, self._longest
        if _is_extension(path):
            patience, longest = min(patience, EXTENSION_SECONDS), min(longest, EXTENSION_CALL_SECONDS)
        deadline = self._monotonic() + min(patience, self._deadline.remaining())
        read = _kind(path) if method == "GET" else ""
        answers = self._given_up.begin(read)
        attempt = 0
        renewed = False
        while True:
            attempt += 1
            wait: float | None
            error: PodidError
            try:
                remaining = max(deadline - self._monotonic(), 1.0)
                status, answered, content = self._deadline.call(
                    partial(self._once, method, url, headers, data, min(CONNECT_SECONDS, remaining)), longest
                )
            except TooLarge as problem:
                unreadable = errors.unreadable(path, str(problem), self.connection.where)
                raise _TooLarge(unreadable.message, subject=unreadable.subject, advice=unreadable.advice) from None
            except (transport_errors.HTTPError, OSError) as problem:
                error = errors.of_network(problem, self.connection.where)
                error.__cause__ = problem
                wait = _backoff(attempt) if idempotent and _passing(problem) else None
            else:
                if status < 300:
                    self._given_up.answered(read)
                    if accept == TEXT and not _is_text(answered, content):
                        raise errors.unreadable(path, "it is not plain text", self.connection.where)
                    return content
                if status == 410:
                    raise _Expired(f"the list {path} expired while podid read it", subject=path)
                if status == 401 and not renewed:
                    renewed = True
                    self.connection.renew()
                    continue
                error = errors.of_response(status, content, method=method, path=path, where=self.connection.where)
                # a disruption budget answers 429 as well; an immediate retry does not help
                held = isinstance(error, BudgetHolds)
                wait = None if held else _pause(status, answered, attempt, idempotent=idempotent)
            if wait is None:
                raise error
            if self._monotonic() + wait >= deadline:
                if read and isinstance(error, Unavailable) and not isinstance(error, Throttled):
                    self._given_up.add(read, answers, error)
                raise error
            self._sleep(wait)

    def _once(
        self, method: str, url: str, headers: Mapping[str, str], data: bytes | None, connect: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers and body of the answer."""
        sent = self.connection.headers()
        sent.update({"user-agent": USER_AGENT, **headers})
        response = self._open_pool().request(
            method,
            url,
            headers=sent,
            body=data,
            timeout=urllib3.Timeout(connect=connect, read=self._longest),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        content = read_whole(response, LARGEST_ANSWER)
        response.release_conn()
        return response.status, response.headers, content

    def _open_pool(self) -> urllib3.PoolManager:
        with self._lock:
            if self._pool is None:
                self._pool = self.connection.new_pool()
            return self._pool


class _Expired(Unavailable):
    """410 Gone: the continue token is older than what etcd keeps."""


class _TooLarge(UnreadableAnswer):
    """An answer larger than LARGEST_ANSWER."""


def _kind(path: str) -> str:
    """Return the kind of object in a path, without names: `namespaces/pods/log`."""
    parts = path.strip("/").split("/")
    return "/".join(parts[2 if parts[0] == "api" else 3 :][::2]) or path


def _is_extension(path: str) -> bool:
    """Return whether a read is of API groups, or of a group outside of Kubernetes."""
    group = path.removeprefix("/apis").strip("/").partition("/")[0]
    return path.startswith("/apis") and (not group or ("." in group and not group.endswith(".k8s.io")))


def _page(answer: Object, project: Reading[T]) -> tuple[list[T], str]:
    items = [_projected(item, project) for item in listed(answer, "items")]
    return items, text_or(inner_or_empty(answer, "metadata"), "continue")


def _projected(item: Object, project: Reading[T]) -> T:
    try:
        return project(item)
    except Malformed as error:
        name = item["metadata"].get("name") if isinstance(item.get("metadata"), dict) else None
        named = f"object {name}" if isinstance(name, str) and _NAME.fullmatch(name) else "an object without a name"
        raise Malformed(f"in {named}: {error}") from None


def _passing(problem: Exception) -> bool:
    """Return whether a retry may help: after a broken connection, not for an unresolved name or a refusal."""
    lasting = (transport_errors.NewConnectionError, transport_errors.ConnectTimeoutError, transport_errors.ProxyError)
    return not isinstance(problem, (*lasting, transport_errors.SSLError))


def _pause(status: int, headers: Mapping[str, str], attempt: int, *, idempotent: bool) -> float | None:
    """Return the seconds until the next attempt, or None for none.

    Priority and fairness answers 429 before anything was done, so a write can be sent again as well.
    """
    if status == 429 or (idempotent and status in (500, 502, 503, 504)):
        after = headers.get("Retry-After", "")
        if after.isascii() and after.isdigit():
            return max(float(after), 0.1)
        # a 500 without Retry-After mostly persists: a kubelet that cannot be reached, a broken webhook
        return None if status == 500 and attempt >= 2 else _backoff(attempt)
    return None


def _is_text(headers: Mapping[str, str], content: bytes) -> bool:
    """Return whether an API server sent the text: its media type is text/plain."""
    media = headers.get("Content-Type", "")
    return media.startswith("text/plain") if media else not is_page(content[:1000].decode(errors="replace"))


def _backoff(attempt: int) -> float:
    return min(0.2 * 2.0 ** min(attempt, 6), 5.0) * random.uniform(0.5, 1.0)  # noqa: S311  jitter, not cryptography


_collectors = threading.Lock()
_paused = 0
_was_enabled = False


@contextmanager
def _gc_paused() -> Iterator[None]:
    """Pause the collector: decoding creates a hundred thousand objects and no cycles. Pauses nest across threads."""
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
