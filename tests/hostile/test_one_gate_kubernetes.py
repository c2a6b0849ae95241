"""Every answer of Kubernetes passes one gate: see test_one_gate.py. tests/kube/test_marks.py holds a call of each
operation."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from cluster_api import ClusterApi
from harness import one_in
from kube import test_marks
from kube.test_marks import READS, WRITES
from podid.domain.errors import LostAnswer, PodidError, UnreadableAnswer
from podid.kube.transport import Transport
from podid.kube.writer import KubeWriter
from podid.sandbox.http import HttpAnswer, HttpRequest
from worlds import KubeWorld, kube_world

Front = Callable[[HttpRequest, Callable[[], HttpAnswer]], HttpAnswer]

Errors = type[PodidError] | tuple[type[PodidError], ...]

UNREAD = (UnreadableAnswer, LostAnswer)
LEASE = "/apis/coordination.k8s.io/v1/namespaces/shop/leases/podid"
PAGE = "<html><body><h1>Sign in</h1></body></html>"
OTHER = {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": "other", "namespace": "shop", "uid": "1"}}
STATUS = {"kind": "Status", "apiVersion": "v1", "status": "Success"}
STRANGE: Mapping[str, tuple[int, object]] = {
    "a page": (200, PAGE),
    "nothing": (200, ""),
    "nothing, 204": (204, ""),
    "half of it": (200, '{"kind": "PodList", "apiVersion": "v1", "items": [{"metadata": '),
    "an empty object": (200, {}),
    "an empty list": (200, []),
    "null": (200, None),
    "text": (200, '"x"'),
    "JSON of another service": (200, {"message": "ok", "data": [], "groups": [], "status": {}}),
    "a list without a kind": (200, {"metadata": {}, "items": []}),
    "a list of another kind": (200, {"kind": "BucketList", "apiVersion": "v1", "metadata": {}, "items": []}),
    "another object": (200, OTHER),
    "a success": (200, STATUS),
    "a failure, 200": (200, {**STATUS, "status": "Failure"}),
    "a page, 404": (404, PAGE),
    "nothing, 404": (404, ""),
    "a gateway's 404": (404, {"code": "NotFound", "message": "no such route was found"}),
    "a page, 400": (400, PAGE),
}
# Kubernetes answers these so
DONE = {KubeWriter.evict, KubeWriter.delete_job, KubeWriter.delete_workload, KubeWriter.delete_service_account}
TOKEN = "podid-second-page"


def strange(name: str) -> HttpAnswer:
    status, body = STRANGE[name]
    text = body if isinstance(body, str) else json.dumps(body)
    media = "text/html" if text.startswith("<") else "application/json"
    return HttpAnswer(status, {"Content-Type": media}, text.encode())


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[KubeWorld]:
    defaults: dict[str, Any] | None = Transport.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "patience", 0.01)
    with kube_world(agent=True) as new:
        yield new


@contextmanager
def fronted(world: KubeWorld, front: Front) -> Iterator[None]:
    server = world.sandbox._server
    assert server is not None
    genuine = server.application
    server.application = lambda request: front(request, lambda: genuine(request))
    try:
        yield
    finally:
        server.application = genuine


class Results:
    """The results of the calls that a test of marks makes for several kinds."""

    def __init__(self, expected: Errors, *, every: bool) -> None:
        self._expected, self._every = expected, every

    def __call__(self, kinds: tuple[str, ...], call: Callable[[str], object]) -> None:
        """Raise an error of a call, if every call raises one that is expected, or if one is enough."""
        errors, results = [], []
        for kind in kinds:
            try:
                results.append((kind, call(kind)))
            except PodidError as error:
                errors.append(error)
        expected = [error for error in errors if isinstance(error, self._expected)]
        if expected and not (self._every and len(expected) < len(kinds)):
            raise expected[0]


def unread(call: Callable[[], object], errors: Errors = UNREAD) -> str:
    """Return "" if the call raises one of the errors, otherwise its result."""
    try:
        return f"returned {call()!r:.200}"
    except PodidError as error:
        return "" if isinstance(error, errors) else f"{type(error).__name__}: {error}"


def calls(world: KubeWorld) -> Iterator[tuple[Callable[..., Any], Callable[[], object]]]:
    """Yield each operation with a call of it. Each has its own transport: an operation that failed is not called again
    for a moment."""

    def of(client: int, call: Callable[[Any], object]) -> Callable[[], object]:
        return lambda: call(world.login(world.sandbox.admin_token)[client])

    yield from ((operation, of(0, call)) for operation, call in READS.items())
    yield from ((operation, of(1, call)) for operation, call in WRITES.items())


@pytest.mark.parametrize("name", one_in(3, STRANGE))
def test_the_first_answer_of_each_operation(world: KubeWorld, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(test_marks, "each", Results(UNREAD, every=True))
    with fronted(world, lambda *_: strange(name)):
        wrong = [
            (operation.__qualname__, problem)
            for operation, call in calls(world)
            if not (name == "a success" and operation in DONE) and (problem := unread(call))
        ]
    assert wrong == []


@pytest.mark.parametrize("name", one_in(6, STRANGE))
def test_each_answer_of_each_operation(world: KubeWorld, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """All other answers are genuine, so that the operation gets that far."""
    monkeypatch.setattr(test_marks, "each", Results(UNREAD, every=False))
    wrong, paths = [], list[str]()

    def note(request: HttpRequest, genuine: Callable[[], HttpAnswer]) -> HttpAnswer:
        paths.append(request.path)
        return genuine()

    for operation, call in calls(world):
        paths.clear()
        with fronted(world, note), suppress(PodidError):
            call()
        for path in dict.fromkeys(paths):
            if name == "a success" and operation in DONE:
                continue
            with suppress(AssertionError):
                ClusterApi(world.sandbox).delete(LEASE)  # the call creates it
            with fronted(world, only(path, strange(name))):
                if problem := unread(call):
                    wrong.append((operation.__qualname__, path, problem))
    assert wrong == []


def only(path: str, answer: HttpAnswer) -> Front:
    return lambda request, genuine: answer if request.path == path else genuine()


AFTERWARDS: Mapping[str, Callable[[HttpAnswer], HttpAnswer]] = {
    "a page": lambda _: strange("a page"),
    "nothing": lambda _: strange("nothing"),
    "half of it": lambda _: strange("half of it"),
    "an empty object": lambda _: strange("an empty object"),
    "a list without a kind": lambda _: strange("a list without a kind"),
    "a failure": lambda _: HttpAnswer(500, {}, b""),
    "a denial": lambda _: HttpAnswer(403, {}, b""),
    "an expired position": lambda _: HttpAnswer(410, {}, b""),
    "the same page": lambda page: page,
}


@pytest.mark.parametrize("name", one_in(3, AFTERWARDS))
def test_a_second_page_that_is_not_read(world: KubeWorld, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Half a list is no list: never the first page as a whole."""
    monkeypatch.setattr(test_marks, "each", Results(PodidError, every=False))
    first: dict[str, HttpAnswer] = {}
    later: list[str] = []

    def front(request: HttpRequest, genuine: Callable[[], HttpAnswer]) -> HttpAnswer:
        if TOKEN in request.query:
            later.append(request.path)
            return AFTERWARDS[name](first[request.path])
        answer = genuine()
        if request.method != "GET" or answer.status != 200 or b'"items"' not in answer.body:
            return answer
        document = json.loads(answer.body)
        document["metadata"]["continue"] = TOKEN
        first[request.path] = HttpAnswer(200, {"Content-Type": "application/json"}, json.dumps(document).encode())
        return first[request.path]

    wrong, paged = [], set[str]()
    with fronted(world, front):
        for operation, call in calls(world):
            later.clear()
            problem = unread(call, PodidError)
            paged.update(later)
            if later and problem:
                wrong.append((operation.__qualname__, problem))
    assert wrong == []
    assert paged == first.keys()
    assert len(paged) >= 20
