"""Faults on demand, and what a hostile client cannot do."""

import http.client
import json
import time
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import BotoCoreError, ConnectionClosedError

from podid.domain.errors import Conflict
from podid.sandbox import faults
from podid.sandbox.box import Sandbox
from podid.sandbox.faults import Fault
from podid.sandbox.state import COMMAND, HELLO, NONCE_HEADER, proof
from sandbox.aws_checks import ROLE, Connect, associate, refusal


def ask(box: Sandbox, method: str, path: str, headers: dict[str, str] | None = None, body: str = "") -> Any:
    address = urlsplit(box.endpoint_url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=5)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    read = response.read()
    connection.close()
    return response.status, {name.lower() for name, _ in response.getheaders()}, read


@pytest.mark.parametrize(
    ("service", "operation", "expected"),
    [
        ("eks", "list_clusters", ("ThrottlingException", "Rate exceeded", 429)),
        ("iam", "list_roles", ("Throttling", "Rate exceeded", 400)),
        ("sts", "get_caller_identity", ("Throttling", "Rate exceeded", 400)),
        ("ec2", "describe_regions", ("RequestLimitExceeded", "Rate exceeded", 503)),
    ],
)
def test_throttling(
    box: Sandbox, connect: Connect, service: str, operation: str, expected: tuple[str, str, int]
) -> None:
    box.faults.throttle(rate=0.001, burst=2, service=service)
    call = getattr(connect(service), operation)
    call()
    call()
    assert refusal(call) == expected
    box.faults.clear()
    call()


def test_throttling_lets_the_rate_through(box: Sandbox, eks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(faults, "time", SimpleNamespace(monotonic=lambda: now[0]))
    box.faults.throttle(rate=50, burst=1, service="eks", operation="List*")
    eks.list_clusters()
    assert refusal(eks.list_clusters)[0] == "ThrottlingException"
    now[0] += 0.03
    eks.list_clusters()


def test_latency(box: Sandbox, eks: Any) -> None:
    box.faults.latency(0.15, "eks", "ListClusters")
    started = time.monotonic()
    eks.list_clusters()
    assert time.monotonic() - started >= 0.15
    assert box.faults.calls["eks", "ListClusters"] == 1


def test_failures_end_after_their_number(box: Sandbox, connect: Connect) -> None:
    box.faults.fail("eks", times=1, status=500)
    box.faults.fail("iam", times=1)
    box.faults.fail("ec2", times=1)
    eks, iam, ec2 = connect("eks"), connect("iam"), connect("ec2")
    assert refusal(eks.list_clusters)[::2] == ("ServerException", 500)
    assert refusal(iam.list_roles)[::2] == ("ServiceUnavailable", 503)
    assert refusal(ec2.describe_regions)[::2] == ("Unavailable", 503)
    assert eks.list_clusters()["clusters"] == ["demo"]


def test_a_reset_happens_before_the_write(box: Sandbox, eks: Any) -> None:
    box.faults.reset("eks", "CreatePodIdentityAssociation", times=1)
    with pytest.raises((ConnectionClosedError, BotoCoreError)):
        associate(eks, "shop", "orders")
    assert eks.list_pod_identity_associations(clusterName="demo")["associations"] == []


def test_a_lost_answer_leaves_the_write(box: Sandbox, eks: Any, connect: Connect) -> None:
    box.faults.lose_answer("eks", "CreatePodIdentityAssociation", times=1)
    with pytest.raises((ConnectionClosedError, BotoCoreError)):
        associate(eks, "shop", "orders")
    assert len(eks.list_pod_identity_associations(clusterName="demo")["associations"]) == 1
    box.faults.lose_answer("eks", "CreatePodIdentityAssociation", times=1)
    # botocore sends the same clientRequestToken again, so the retry answers the association of the first attempt.
    retried = associate(connect("eks", attempts=3), "shop", "web", "storefront")
    assert len(eks.list_pod_identity_associations(clusterName="demo")["associations"]) == 2
    assert retried["roleArn"] == f"{ROLE}storefront"


def test_a_fault_must_exist(box: Sandbox) -> None:
    with pytest.raises(ValueError, match="'explode' is not one of latency, throttle, fail, reset, lose-answer"):
        box.faults.add(Fault("explode"))


def test_the_admin_channel_needs_the_nonce(box: Sandbox) -> None:
    command = json.dumps({"command": "fault", "kind": "fail", "service": "eks", "times": 1})
    for headers in ({}, {NONCE_HEADER: "guess"}):
        assert ask(box, "POST", COMMAND, headers, command)[0] == 404
    assert box.faults.listed() == []
    status, _, body = ask(box, "POST", COMMAND, {NONCE_HEADER: box.nonce}, command)
    assert (status, json.loads(body)["result"]["kind"]) == (200, "fail")
    assert ask(box, "POST", COMMAND, {NONCE_HEADER: box.nonce}, '{"command": "format-disk"}')[0] == 400
    status, _, body = ask(box, "GET", f"{HELLO}?abc")
    assert (status, json.loads(body)) == (200, {"proof": proof(box.nonce, "abc")})
    assert box.nonce.encode() not in body


def test_admin_commands_change_the_world(box: Sandbox, eks: Any) -> None:
    def command(**arguments: Any) -> Any:
        status, _, body = ask(box, "POST", COMMAND, {NONCE_HEADER: box.nonce}, json.dumps(arguments))
        assert status == 200
        return json.loads(body)["result"]

    assert command(command="delays", addon=60, association=3)["association"] == 3
    command(command="addon-fault", addon="eks-pod-identity-agent", status="DEGRADED")
    eks.create_addon(clusterName="demo", addonName="eks-pod-identity-agent")
    command(command="advance", seconds=61)
    found = eks.describe_addon(clusterName="demo", addonName="eks-pod-identity-agent")["addon"]
    assert (found["status"], found["health"]["issues"][0]["code"]) == ("DEGRADED", "InsufficientNumberOfReplicas")
    command(command="deny", action="eks:ListClusters")
    assert refusal(eks.list_clusters)[0] == "AccessDeniedException"
    command(command="allow", action="eks:ListClusters")
    associate(eks, "shop", "orders")
    assert command(command="status")["associations"] == 1
    command(command="reset")
    assert command(command="status")["associations"] == 0
    assert eks.list_addons(clusterName="demo")["addons"] == ["aws-ebs-csi-driver"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1.nip.io"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_browsers_are_turned_away(box: Sandbox, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/clusters"), ("OPTIONS", "/clusters"), ("GET", f"{HELLO}?x")):
        assert ask(box, method, path, headers)[::2] == (403, b"This sandbox serves loopback clients only.\n")


@pytest.mark.parametrize(
    "path",
    [
        "/moto-api/",
        "/moto-api/data.json",
        "/moto-api/reset",
        "/latest/meta-data/iam/security-credentials/",
        "/latest/api/token",
        "/favicon.ico",
        "/_podid/",
        "/",
    ],
)
def test_motos_own_paths_are_closed(box: Sandbox, path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        status, headers, _ = ask(box, method, path)
        assert status in (403, 404)
        assert not any(name.startswith("access-control") for name in headers)


def test_signed_calls_cannot_reach_motos_paths_or_other_services(box: Sandbox, connect: Connect, iam: Any) -> None:
    assert refusal(connect("athena").list_work_groups) == (
        "UnknownOperationException",
        "The podid sandbox does not simulate the service 'athena'.",
        404,
    )
    before = len(iam.list_roles()["Roles"])
    iam.meta.events.register(
        "before-sign", lambda request, **_: setattr(request, "url", request.url + "moto-api/reset")
    )
    assert len(iam.list_roles()["Roles"]) == before


def test_no_answer_has_cors_headers(box: Sandbox, connect: Connect) -> None:
    for service, operation in (("iam", "list_roles"), ("ec2", "describe_regions"), ("eks", "list_clusters")):
        answer = getattr(connect(service), operation)()
        assert not [name for name in answer["ResponseMetadata"]["HTTPHeaders"] if name.startswith("access-control")]


def test_one_sandbox_at_a_time(box: Sandbox) -> None:
    with pytest.raises(Conflict, match="a sandbox already runs in this process"):
        Sandbox().start()
