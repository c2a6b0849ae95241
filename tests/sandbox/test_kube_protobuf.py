"""What kubectl sends in protobuf, as recorded from kubectl 1.32 and 1.37, and what may not be sent."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from podid.sandbox.http import HttpRequest
from podid.sandbox.kube.bodies import PROTOBUF, decode_protobuf
from podid.sandbox.kube.status import StatusError
from sandbox.kube_support import Cluster, Obj

RECORDED = json.loads((Path(__file__).parent / "recorded" / "kubectl-protobuf.json").read_text())
NAMESPACE = base64.b64decode(RECORDED[0]["body"])


def send(cluster: Cluster, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
    sent = {"authorization": f"Bearer {cluster.sandbox.admin_token}", "content-type": PROTOBUF, **headers}
    answer = cluster.sandbox.handle(HttpRequest("POST", path, sent, body))
    return answer.status, answer.body


@pytest.mark.parametrize("entry", RECORDED, ids=[f"{entry['kubectl']} {entry['command']}" for entry in RECORDED])
def test_a_command_of_kubectl(cluster: Cluster, entry: Obj) -> None:
    body = base64.b64decode(entry["body"])
    assert decode_protobuf(body) == entry["json"]
    path = f"{entry['path']}?{entry['query']}"
    status, answer = send(cluster, path, body, accept=entry["accept"])
    if entry["kubectl"] == "1.37.1" and status == 409:
        assert "already exists" in answer["message"]  # by the older kubectl
        return
    assert status == 201, answer
    assert answer["kind"] == entry["json"]["kind"]
    if "metadata" in entry["json"]:
        assert answer["metadata"]["name"] == entry["json"]["metadata"]["name"]


def field(number: int, value: bytes | int) -> bytes:
    """One protobuf field; numbers below 128 only."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def envelope(kind: str, raw: bytes, version: str = "v1") -> bytes:
    named = field(1, version.encode()) + field(2, kind.encode())
    return b"k8s\x00" + field(1, named) + field(2, raw) + field(3, b"") + field(4, b"")


def test_what_go_leaves_empty_is_left_out_and_pointers_are_not() -> None:
    metadata = field(1, b"a") + field(2, b"") + field(7, 0) + field(8, b"") + field(11, field(1, b"k") + field(2, b""))
    account = envelope("ServiceAccount", field(1, metadata) + field(4, 0))
    assert decode_protobuf(account) == {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "a", "labels": {"k": ""}},
        "automountServiceAccountToken": False,
    }
    options = envelope("DeleteOptions", field(1, 0) + field(2, field(1, b"u-1")) + field(5, b"All"))
    assert decode_protobuf(options) == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": "u-1"},
        "dryRun": ["All"],
    }


def test_a_deletion_takes_its_options_in_protobuf(cluster: Cluster) -> None:
    cluster.post("/api/v1/namespaces/shop/serviceaccounts", {"metadata": {"name": "gone"}})
    path = "/api/v1/namespaces/shop/serviceaccounts/gone"
    headers = {"authorization": f"Bearer {cluster.sandbox.admin_token}", "content-type": PROTOBUF}
    wrong = envelope("DeleteOptions", field(2, field(1, b"another")))
    assert cluster.sandbox.handle(HttpRequest("DELETE", path, headers, wrong)).status == 409
    assert cluster.sandbox.handle(HttpRequest("DELETE", path, headers, envelope("DeleteOptions", b""))).status == 200


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (envelope("Endpoints", b""), "does not read a Endpoints in protobuf"),
        (envelope("Namespace", field(9, b"")), "does not read field 9 of Namespace in protobuf"),
    ],
)
def test_what_is_not_known_is_refused_and_not_dropped(body: bytes, message: str) -> None:
    with pytest.raises(StatusError, match=message) as refused:
        decode_protobuf(body)
    assert (refused.value.status, refused.value.reason) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize(
    "body", [b"", b"{}", NAMESPACE[:-9], b"k8s\x00\xff", b"k8s\x00\x0b", envelope("Namespace", b"\x08\x01")]
)
def test_a_broken_body_is_a_bad_request(cluster: Cluster, body: bytes) -> None:
    status, answer = send(cluster, "/api/v1/namespaces", body)
    assert (status, answer["reason"]) == (400, "BadRequest")


def test_every_cut_of_a_body_is_answered() -> None:
    def outcome(body: bytes) -> object:
        try:
            return decode_protobuf(body)["kind"]
        except StatusError as refused:
            return refused.status

    assert {outcome(NAMESPACE[:length]) for length in range(len(NAMESPACE))} == {400, 415, "Namespace"}


def test_whoever_takes_nothing_but_protobuf_is_told(cluster: Cluster) -> None:
    status, answer = send(cluster, "/api/v1/namespaces", NAMESPACE, accept=PROTOBUF)
    assert (status, answer["reason"]) == (406, "NotAcceptable")
    headers = {"authorization": f"Bearer {cluster.sandbox.admin_token}"}
    for accept, expected in ((f"{PROTOBUF}, */*", 200), ("application/json;as=Table;v=v1;g=meta.k8s.io", 200)):
        request = HttpRequest("GET", "/api/v1/namespaces", {**headers, "accept": accept})
        assert cluster.sandbox.handle(request).status == expected


def test_a_list_can_be_streamed(cluster: Cluster) -> None:
    path = "/api/v1/namespaces?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=0.1"
    _, events = cluster.call("GET", path)
    assert {event["type"] for event in events[:-1]} == {"ADDED"}
    assert events[-1]["type"] == "BOOKMARK"
    assert events[-1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_impersonation_asks_for_the_permission_and_takes_the_other_ones_permissions(cluster: Cluster) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    asked = json.dumps(
        {"spec": {"resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "shop"}}}
    ).encode()

    def allowed(token: str, other: str) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {token}", "impersonate-user": other}
        answer = cluster.sandbox.handle(HttpRequest("POST", path, headers, asked, lines=tuple(headers.items())))
        assert isinstance(answer.body, dict)
        return answer.status, answer.body.get("status", {}) if answer.status == 201 else answer.body["message"]

    admin, account = cluster.sandbox.admin_token, "system:serviceaccount:payments:billing-worker"
    assert allowed(admin, "nobody") == allowed(admin, account) == (201, {"allowed": False})
    cluster.sandbox.add_user("t", "viewer", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}])
    assert allowed(admin, "viewer") == (201, {"allowed": True})
    assert allowed("t", account) == (
        403,
        'serviceaccounts "billing-worker" is forbidden: User "viewer" cannot impersonate resource "serviceaccounts" '
        'in API group "" in the namespace "payments"',
    )


@pytest.mark.parametrize(
    ("header", "resource", "missing"),
    [
        (
            ("impersonate-group", "g"),
            "groups",
            'groups "g" is forbidden: User "u" cannot impersonate resource "groups"',
        ),
        (
            ("impersonate-uid", "7"),
            "uids",
            'uids.authentication.k8s.io "7" is forbidden: User "u" cannot impersonate resource "uids"',
        ),
        (
            ("impersonate-extra-a%2Fb", "v"),
            "userextras/a/b",
            'userextras.authentication.k8s.io "v" is forbidden: User "u" cannot impersonate resource "userextras/a/b"',
        ),
    ],
)
def test_more_than_a_name_takes_more_permissions(
    cluster: Cluster, header: tuple[str, str], resource: str, missing: str
) -> None:
    groups = ["", "authentication.k8s.io"]
    may = {"apiGroups": groups, "resources": ["users"], "verbs": ["impersonate"]}

    def answer(*lines: tuple[str, str]) -> tuple[int, Any]:
        lines = (("authorization", "Bearer t"), *lines)
        found = cluster.sandbox.handle(HttpRequest("GET", "/version", dict(lines), lines=lines))
        assert isinstance(found.body, dict)
        return found.status, found.body.get("message", "")

    cluster.sandbox.add_user("t", "u", rules=[may])
    assert answer(("impersonate-user", "other")) == (200, "")
    status, message = answer(("impersonate-user", "other"), header)
    assert (status, message.startswith(missing)) == (403, True), message
    assert answer(header)[0] == 500
    cluster.sandbox.add_user("t", "u", rules=[may, {**may, "resources": [resource]}])
    assert answer(("impersonate-user", "other"), header) == (200, "")
