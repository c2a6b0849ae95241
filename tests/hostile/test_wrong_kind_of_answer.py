"""Answers that are not AWS's or Kubernetes' at all, or refuse without a word: each operation of a gateway raises an
error of a class of its own, and no command ends as if podid were broken."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from aws.test_marks import CALLS
from harness import one_in
from kube.kube_server import Answer, serve
from kube.kubeconfigs import cluster_of, connected
from kube.test_marks import READS, WRITES
from podid.aws.session import AwsSession
from podid.domain.errors import ExitCode, PodidError
from podid.kube.reader import KubeReader
from podid.kube.transport import Transport
from podid.kube.writer import KubeWriter
from podid.sandbox.http import HttpAnswer
from worlds import Site

from .front import Call, Genuine, in_front

pytestmark = pytest.mark.sampled(5)

HTML = "<html><body><h1>Sign in</h1></body></html>"
STATUS = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no", "reason": "BadRequest"}
ANSWERS: Mapping[str, Answer] = {
    "HTML": Answer(200, HTML),
    "nothing": Answer(200, ""),
    "an object": Answer(200, {}),
    "400": Answer(400, ""),
    "400 with a page": Answer(400, HTML),
    "400 with a message": Answer(400, {"message": "no"}),
    "400 with a Status": Answer(400, STATUS),
    "400 with a code of its own": Answer(400, {"__type": "StrangeException", "message": "no"}),
    "307": Answer(307, "", {"Location": "https://127.0.0.1:1/"}),
    "307 with a page": Answer(307, HTML),
    "404 with a page": Answer(404, HTML),
    "405": Answer(405, ""),
    "413 with a page": Answer(413, HTML),
    "422 with a message": Answer(422, {"message": "no"}),
    "503 with a page": Answer(503, HTML),
}
# what the gateways' tests do not call for
WAYS = (
    *("whoami", "list", "show shop/orders", "doctor", "verify shop/orders --yes", "agent status", "agent logs"),
    *("role list", "role show shop-orders", "restart shop/orders", "addon list", "trust tighten --role shop-orders"),
    *("disassociate shop/orders --yes", "associate shop/orders --role storefront --replace --wait api"),
)


def unclassified(calls: Mapping[Any, Callable[[Any], object]], gateway: Any) -> list[str]:
    found = []
    for operation, call in calls.items():
        try:
            call(gateway)
        except PodidError as error:
            if error.exit_code is ExitCode.FAILURE:
                found.append(f"{operation.__qualname__}: {type(error).__name__}: {error}")
    return found


@pytest.mark.parametrize("name", ANSWERS)
def test_aws(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with serve() as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        server.script(ANSWERS[name])
        assert unclassified(CALLS, AwsSession(None, "us-west-2", env={}, patience=0.01)) == []


@pytest.mark.parametrize("name", ANSWERS)
def test_kubernetes(tmp_path: Path, name: str) -> None:
    with serve() as server:
        server.script(ANSWERS[name])
        document = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": server.url}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
        }
        file = tmp_path / "config"
        file.write_text(json.dumps(document))
        transport = Transport(connected(cluster_of(file), kubeconfig=str(file)), patience=0.05)
        assert unclassified(READS, KubeReader(transport)) == []
        assert unclassified(WRITES, KubeWriter(transport)) == []


@pytest.mark.parametrize(
    ("way", "name"), one_in(29, ((way, name) for way in WAYS for name in ANSWERS if name != "an object"))
)
def test_every_call_of_a_command(healthy: Site, monkeypatch: pytest.MonkeyPatch, way: str, name: str) -> None:
    """One call after the other is answered so, and all the others as ever."""
    wrong, seen, meant = ANSWERS[name], dict[str, None](), ""
    body = wrong.body.encode() if isinstance(wrong.body, str) else json.dumps(wrong.body).encode()
    for made in (AwsSession, Transport):
        defaults: dict[str, Any] | None = made.__init__.__kwdefaults__
        assert defaults is not None
        monkeypatch.setitem(defaults, "patience", 0.1)

    def front(call: Call, genuine: Genuine) -> HttpAnswer:
        key = f"{call.service} {call.operation}"
        seen.setdefault(key)
        return HttpAnswer(wrong.status, wrong.headers, body) if key == meant else genuine()

    with in_front(healthy, front):
        healthy(*way.split())
        for meant in tuple(seen):
            outcome = healthy(*way.split())
            assert outcome.code in set(ExitCode) - {ExitCode.FAILURE}, (meant, outcome)
            assert "a bug" not in outcome.stderr, (meant, outcome)
    assert meant
