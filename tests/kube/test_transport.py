"""Paging, retries and credentials of single requests, against a local TLS server."""

import gc
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from podid.calls.http import TooLarge
from podid.domain.aws import Cluster
from podid.domain.errors import (
    AccessDenied,
    CredentialsError,
    LostAnswer,
    Rejected,
    Throttled,
    Unavailable,
    UnreadableAnswer,
)
from podid.domain.foreign import Object
from podid.kube import transport as transporting
from podid.kube.connect import Connection
from podid.kube.transport import Transport
from podid.version import VERSION

from .kube_server import Answer, Request, Server, listing, recorded, self_signed, serve
from .kubeconfigs import connected

PODS = "/api/v1/pods"
ORDERS = {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": "orders"}}


def name(item: Object) -> str:
    return str(item["metadata"]["name"])


def page(names: str, token: str = "") -> Answer:
    return Answer(200, listing(PODS, [{"metadata": {"name": n}} for n in names], token))


def test_list_follows_continue_to_the_end(tls: Server, transport: Transport) -> None:
    tls.script(page("ab", "t1"), page("c", "t2"), page(""))
    assert transport.list("/api/v1/pods", name, {"labelSelector": "a=b"}) == ["a", "b", "c"]
    assert [request.query for request in tls.requests] == [
        {"labelSelector": "a=b", "limit": "500"},
        {"labelSelector": "a=b", "limit": "500", "continue": "t1"},
        {"labelSelector": "a=b", "limit": "500", "continue": "t2"},
    ]
    assert {request.connection for request in tls.requests} == {tls.requests[0].connection}


def test_requests_name_podid_which_the_api_server_takes_as_field_manager(tls: Server, transport: Transport) -> None:
    tls.script(Answer(200, {}), Answer(200, ORDERS))
    transport.get("/version", dict)
    transport.patch("/api/v1/namespaces/shop/serviceaccounts/orders", {}, dict)
    assert {request.headers["user-agent"] for request in tls.requests} == {f"podid/{VERSION}"}


def test_list_begins_anew_when_its_token_expired(tls: Server, transport: Transport) -> None:
    tls.script(page("ab", "old"), Answer(410, {"kind": "Status", "code": 410}), page("ax", "new"), page("y"))
    assert transport.list("/api/v1/pods", name) == ["a", "x", "y"]


def test_list_gives_up_when_it_expires_again_and_again(tls: Server, transport: Transport) -> None:
    tls.answer = lambda r: Answer(410, {}) if "continue" in r.query else page("a", "t")
    with pytest.raises(Unavailable) as raised:
        transport.list("/api/v1/pods", name)
    assert raised.value.message == "the list /api/v1/pods expired 3 times while podid read it"


@pytest.mark.parametrize("items", [[], None])
def test_no_items_are_an_empty_list(tls: Server, transport: Transport, items: object) -> None:
    """null is what an API server answers for the metadata of no object (apiserver, asPartialObjectMetadataList)."""
    tls.script(Answer(200, listing(PODS, items)))
    assert transport.list("/api/v1/pods", name) == []


@pytest.mark.parametrize("body", [{}, {"metadata": {}}, {"items": {}}, {"items": [None]}])
def test_a_list_without_items_is_not_an_empty_one(tls: Server, transport: Transport, body: Object) -> None:
    """An API server never leaves them out."""
    tls.script(Answer(200, {"kind": "PodList", "apiVersion": "v1", **body}))
    with pytest.raises(UnreadableAnswer) as raised:
        transport.list("/api/v1/pods", name)
    assert "the answer of the API server of cluster demo for pods cannot be read: " in raised.value.message


def paging(names: list[str], size: int) -> Callable[[Request], Answer]:
    """A server that pages as it is asked to, of objects of that many bytes."""

    def answer(request: Request) -> Answer:
        start, limit = int(request.query.get("continue") or 0), int(request.query["limit"])
        items = [{"metadata": {"name": n, "annotations": {"a": "x" * size}}} for n in names[start : start + limit]]
        more = str(start + limit) if start + limit < len(names) else ""
        return Answer(200, listing(request.path, items, more))

    return answer


def test_a_page_that_is_too_large_is_asked_for_by_halves(
    tls: Server, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transporting, "LARGEST_ANSWER", 32_000)
    names = [f"n{number}" for number in range(200)]
    tls.answer = paging(names, 1000)
    assert transport.list("/api/v1/pods", name, {"labelSelector": "a=b"}) == names
    assert [int(request.query["limit"]) for request in tls.requests[:6]] == [500, 250, 125, 62, 31, 15]
    assert {request.query["limit"] for request in tls.requests[5:]} == {"15"}
    # the next list begins with whole pages
    tls.requests.clear()
    transport.list("/api/v1/nodes", name)
    assert tls.requests[0].query == {"limit": "500"}


def test_one_object_that_is_too_large_ends_the_list(
    tls: Server, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transporting, "LARGEST_ANSWER", 32_000)
    tls.answer = paging(["n"], 40_000)
    with pytest.raises(UnreadableAnswer, match="for pods cannot be read: it is larger than"):
        transport.list("/api/v1/pods", name)
    assert len(tls.requests) == 9


@pytest.mark.parametrize(("size", "count"), [(200_000, 500), (1_500_000, 60)])
def test_large_objects_are_held_page_by_page(
    transport: Transport, monkeypatch: pytest.MonkeyPatch, size: int, count: int
) -> None:
    monkeypatch.setattr(transporting, "LARGEST_ANSWER", 4_000_000)

    def once(method: str, url: str, *_: object) -> tuple[int, dict[str, str], bytes]:
        query = dict(parse_qsl(urlsplit(url).query))
        start, limit = int(query.get("continue") or 0), int(query["limit"])
        if limit * size > transporting.LARGEST_ANSWER:
            raise TooLarge("it is larger than")
        item = b'{"metadata":{"name":"n","annotations":{"a":"%s"}}}' % (b"x" * size)
        more = b"%d" % (start + limit) if start + limit < count else b""
        items = b",".join([item] * min(limit, count - start))
        return (
            200,
            {},
            b'{"kind":"PodList","apiVersion":"v1","items":[%s],"metadata":{"continue":"%s"}}' % (items, more),
        )

    monkeypatch.setattr(transport, "_once", once)
    tracemalloc.start()
    try:
        assert transport.list("/api/v1/pods", name) == ["n"] * count
        assert tracemalloc.get_traced_memory()[1] < 6 * transporting.LARGEST_ANSWER
    finally:
        tracemalloc.stop()


def test_the_garbage_collector_runs_again_after_a_list(tls: Server, transport: Transport) -> None:
    tls.script(page("a"))
    seen: list[bool] = []
    transport.list("/api/v1/pods", lambda _: seen.append(gc.isenabled()))
    assert (seen, gc.isenabled()) == ([False], True)


def test_reads_survive_resets_throttling_and_a_server_that_restarts(
    tls: Server, transport: Transport, sleeps: list[float]
) -> None:
    tls.script(
        Answer(hang_up=True),
        Answer(429, {}, {"Retry-After": "2"}),
        Answer(429, {}, {"Retry-After": "0"}),
        Answer(503, "apiserver is shutting down"),
        Answer(200, {"ok": True}),
    )
    assert transport.get("/version", dict) == {"ok": True}
    assert sleeps[1:3] == [2.0, 0.1]
    assert len(sleeps) == 4


def test_reads_give_up_at_the_deadline(tls: Server, connection: Connection) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    tls.script(Answer(429, {}, {"Retry-After": "7"}))
    with pytest.raises(Throttled):
        Transport(connection, patience=30, monotonic=lambda: now[0], sleep=sleep).get("/version", dict)
    assert (now[0], len(tls.requests)) == (28.0, 5)


def test_a_failed_read_is_not_repeated_for_a_moment(tls: Server, connection: Connection) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    transport = Transport(connection, patience=30, monotonic=lambda: now[0], sleep=sleep)
    done = {"kind": "Status", "apiVersion": "v1", "status": "Success"}
    tls.answer = lambda request: Answer(503) if request.path.endswith("/log") else Answer(200, done)
    with pytest.raises(Unavailable, match="failed with 503"):
        transport.text("/api/v1/namespaces/shop/pods/a/log")
    tries = len(tls.requests)
    for number in range(1000):
        with pytest.raises(Unavailable, match="not called again: the API server of cluster demo failed with 503"):
            transport.fresh().text(f"/api/v1/namespaces/n{number}/pods/p/log")
    assert len(tls.requests) == tries
    # something else, and what changes something, is asked for as ever
    transport.text("/api/v1/namespaces/shop/pods")
    transport.delete("/api/v1/namespaces/shop/pods/a")
    tls.answer = lambda _: Answer(200, "")
    now[0] += 5.1
    assert transport.text("/api/v1/namespaces/shop/pods/a/log") == ""


def test_a_kubelet_that_cannot_be_reached_keeps_no_other_log_from_being_read(tls: Server, transport: Transport) -> None:
    tls.answer = lambda request: Answer(500 if "/lost/" in request.path else 200, "")
    with pytest.raises(Unavailable):
        transport.text("/api/v1/namespaces/shop/pods/lost/log")
    assert transport.text("/api/v1/namespaces/shop/pods/a/log") == ""


def test_a_write_is_not_repeated_after_a_reset(tls: Server, transport: Transport) -> None:
    tls.script(Answer(hang_up=True), Answer(201, {}))
    with pytest.raises(LostAnswer) as raised:
        transport.post("/api/v1/namespaces/shop/serviceaccounts", {}, dict)
    lost = "the connection to the API server of cluster demo was lost: Remote end closed connection without response"
    assert raised.value.message == f"the change may or may not have taken effect: {lost}"
    assert len(tls.requests) == 1


def test_a_dry_run_is_repeated_after_a_reset(tls: Server, transport: Transport) -> None:
    tls.script(Answer(hang_up=True), Answer(201, {"kind": "Pod", "apiVersion": "v1"}))
    pod = transport.post("/api/v1/namespaces/shop/pods", {}, dict, {"dryRun": "All"}, idempotent=True)
    assert pod["kind"] == "Pod"


def test_every_request_carries_the_token_and_401_gets_a_new_one_once(
    tls: Server, make_cluster: Callable[..., Cluster]
) -> None:
    tokens = iter(["first", "second", "third"])
    later = datetime.now(UTC) + timedelta(minutes=14)
    connection = connected(make_cluster(tls.url), token=lambda: (next(tokens), later))

    def answer(request: Request) -> Answer:
        good = request.headers["authorization"] == "Bearer second"
        return Answer(200, {}) if good else recorded("unauthorized bad token")

    tls.answer = answer
    transport = Transport(connection)
    transport.get("/version", dict)
    transport.get("/version", dict)
    assert [r.headers["authorization"] for r in tls.requests] == ["Bearer first", "Bearer second", "Bearer second"]


def test_a_second_401_is_the_end(tls: Server, transport: Transport) -> None:
    tls.answer = lambda _: recorded("unauthorized bad token")
    with pytest.raises(CredentialsError) as raised:
        transport.get("/version", dict)
    assert raised.value.message == "the API server of cluster demo does not recognize the caller (401 Unauthorized)"
    assert len(tls.requests) == 2


def test_a_token_is_renewed_before_it_expires(tls: Server, make_cluster: Callable[..., Cluster]) -> None:
    clock = [datetime(2026, 11, 24, 12, 0, tzinfo=UTC)]
    opened: list[datetime] = []

    def token() -> tuple[str, datetime]:
        opened.append(clock[0])
        return f"t{len(opened)}", clock[0] + timedelta(minutes=14)

    connection = connected(make_cluster(tls.url), token=token, now=lambda: clock[0])
    assert opened == []
    seen = []
    for minute in (0, 12, 13, 14):
        clock[0] = datetime(2026, 11, 24, 12, minute, tzinfo=UTC)
        seen.append(connection.headers())
    assert seen == [{"authorization": f"Bearer t{n}"} for n in (1, 1, 2, 2)]


def test_refusals_are_translated(tls: Server, transport: Transport) -> None:
    tls.script(recorded("forbidden list pods all ns"))
    with pytest.raises(AccessDenied) as raised:
        transport.list("/api/v1/pods", name)
    assert raised.value.permission == "list pods (cluster-wide)"
    tls.script(recorded("unknown group"))
    with pytest.raises(Rejected):
        transport.get("/apis/nope.io/v1/things", dict)


def test_fresh_opens_another_connection(tls: Server, transport: Transport) -> None:
    tls.script(Answer(200, {}))
    transport.get("/version", dict)
    transport.fresh().get("/version", dict)
    transport.get("/version", dict)
    first, second, third = (request.connection for request in tls.requests)
    assert first == third != second


def test_a_server_with_another_certificate(tls: Server, make_cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    _, other = self_signed(tmp_path, "other")
    cluster = make_cluster(tls.url, pem=other)
    connection = connected(cluster, token=lambda: ("t", datetime.now(UTC) + timedelta(hours=1)))
    with pytest.raises(Unavailable) as raised:
        Transport(connection).get("/version", dict)
    host = tls.url.removeprefix("https://")
    assert raised.value.message == f"the certificate of {host} is not signed by the cluster's certificate authority"
    assert raised.value.hint == (*("aws", "eks", "update-kubeconfig", "--name", "demo", "--region", "us-west-2"),)
    assert tls.requests == []


def test_a_refused_connection_names_the_private_endpoint(make_cluster: Callable[..., Cluster]) -> None:
    with serve() as gone:
        address = gone.url.removeprefix("http://")
    cluster = make_cluster(f"https://{address}", public_endpoint=False)
    connection = connected(cluster, token=lambda: ("t", datetime.now(UTC) + timedelta(hours=1)))
    with pytest.raises(Unavailable) as raised:
        Transport(connection).get("/version", dict)
    assert raised.value.message == f"the API server of cluster demo cannot be reached: nothing listens at {address}"
    assert raised.value.advice == (
        "Its endpoint is private: it can be reached only from inside the VPC (VPN, bastion host, SSM tunnel)."
    )
    assert raised.value.hint == (
        *("aws", "eks", "describe-cluster", "--name", "demo", "--query", "cluster.resourcesVpcConfig"),
        *("--region", "us-west-2"),
    )


def test_a_name_that_does_not_resolve(make_cluster: Callable[..., Cluster]) -> None:
    cluster = make_cluster("https://abc.gr7.us-west-2.eks.invalid")
    connection = connected(cluster, token=lambda: ("t", datetime.now(UTC) + timedelta(hours=1)))
    with pytest.raises(Unavailable) as raised:
        Transport(connection).get("/version", dict)
    assert raised.value.message == "the name abc.gr7.us-west-2.eks.invalid does not resolve"


def test_an_answer_that_is_not_json(tls: Server, transport: Transport) -> None:
    tls.script(Answer(200, "<html>sign in</html>"))
    with pytest.raises(Unavailable) as raised:
        transport.get("/version", dict)
    assert (
        raised.value.message
        == "the answer of the API server of cluster demo for /version cannot be read: it is not JSON"
    )


@pytest.mark.parametrize(
    ("path", "seconds"),
    [
        ("/apis", 3.0),
        ("/apis/external-secrets.io/v1/secretstores", 3.0),
        ("/apis/karpenter.k8s.aws/v1/ec2nodeclasses", 3.0),
        ("/apis/apps/v1/deployments", 30.0),
        ("/apis/networking.k8s.io/v1/networkpolicies", 30.0),
        ("/api/v1/pods", 30.0),
    ],
)
def test_a_group_outside_of_kubernetes_is_retried_for_seconds(
    tls: Server, connection: Connection, path: str, seconds: float
) -> None:
    """Its API server or its conversion webhook may be down for long, and podid requires none of them."""
    now = [0.0]
    transport = Transport(connection, monotonic=lambda: now[0], sleep=lambda wait: now.__setitem__(0, now[0] + wait))
    tls.answer = lambda _: Answer(503, {})
    with pytest.raises(Unavailable):
        transport.list(path, name)
    assert seconds / 3 < now[0] <= seconds
