"""The answers of a real kube-apiserver 1.36, replayed one by one against the sandbox."""

import ast
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from podid.sandbox.http import HttpRequest
from podid.sandbox.kube import KubeSandbox, ManualClock
from podid.sandbox.kube.bodies import KubeAnswer
from sandbox.memory_world import MemoryAddon, MemoryWorld

RECORDED = Path(__file__).parent / "recorded"
ADMIN, NOBODY = "token-admin", "token-nobody"

# What differs from the recording on purpose, and why. Everything else is compared whole.
NOT_COMPARED = {
    "managedFields": "the sandbox keeps them of leases and of the add-on's DaemonSets alone, the only ones podid reads",
    "the labels of AWS's chart": "on the managed add-on's DaemonSet, not on the manifest that was recorded",
    "kubectl.kubernetes.io/last-applied-configuration": "the recorded objects were applied with kubectl",
    "openshift-service-ca.crt": "the recorded server was built from OpenShift's Kubernetes; EKS has no such source",
    "the diff in a 422 for an immutable pod field": "it prints Go's internal structs",
    "eks.amazonaws.com/skip-containers": "on the managed add-on's pods, not on the manifest that was recorded",
    "build of /version": "the sandbox has its own",
    "hostIP and podIP": "the recorded nodes were simulated by kwok, which reports one address for all",
}
PATCHES = {
    "merge patch annotation": "application/merge-patch+json",
    "merge patch null removes": "application/merge-patch+json",
    "strategic patch": "application/strategic-merge-patch+json",
    "json patch bad path": "application/json-patch+json",
    "json patch ok": "application/json-patch+json",
    "patch unsupported media type": "application/json",
    "patch missing": "application/merge-patch+json",
    "forbidden patch ds": "application/merge-patch+json",
}
ACCEPT = {
    "list as Table": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    "pods list as PartialObjectMetadataList": (
        "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"
    ),
}
# seconds that pass on the cluster before the request
LATER = {
    "list as Table": 3.0,
    "pod get scheduled": 2.0,
    "deployment get rolled out": 5.0,
    "deployment get after rollout": 10.0,
    "pdb get": 5.0,
    "daemonset get": 5.0,
}


def load(name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((RECORDED / name).read_text())
    return entries


@dataclass
class Replay:
    """A sandbox and what its answers have told so far. A request is sent after all those before it, by whichever test
    comes first."""

    sandbox: KubeSandbox
    clock: ManualClock
    play: Callable[["Replay", dict[str, Any]], tuple[int, Any]]
    entries: list[dict[str, Any]]
    names: dict[str, str] = field(default_factory=dict)
    answers: list[tuple[int, Any]] = field(default_factory=list)

    def answer(self, index: int) -> tuple[int, Any]:
        """Status and body for the recorded request of that number."""
        for entry in self.entries[len(self.answers) : index + 1]:
            self.clock.advance(LATER.get(entry["label"], 0.0))
            self.answers.append(self.play(self, entry))
        return self.answers[index]

    def send(self, method: str, path: str, body: Any = None, *, token: str = ADMIN, **headers: str) -> KubeAnswer:
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        if token:
            sent["authorization"] = f"Bearer {token}"
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.sandbox.handle(HttpRequest(method, path, sent, data))

    def body(self, response: KubeAnswer) -> Any:
        if response.lines is not None:
            return [json.dumps(event) for event in response.lines]
        return response.body


def make_sandbox(world: MemoryWorld) -> tuple[KubeSandbox, ManualClock]:
    clock = ManualClock()
    sandbox = KubeSandbox(world, clock=clock, kubernetes_version="1.36.2")
    sandbox.add_user(ADMIN, "token-admin", groups=("system:masters",))
    sandbox.add_user(NOBODY, NOBODY, groups=("podid-testers",))
    return sandbox, clock


@pytest.fixture(scope="module")
def first() -> Replay:
    sandbox, clock = make_sandbox(MemoryWorld())
    return Replay(sandbox, clock, play_first, FIRST)


@pytest.fixture(scope="module")
def workloads() -> Replay:
    sandbox, clock = make_sandbox(MemoryWorld(addon=MemoryAddon()))
    sandbox.load_empty()
    replay = Replay(sandbox, clock, play_workloads, WORKLOADS)
    enforce = {"pod-security.kubernetes.io/enforce": "baseline"}
    replay.send("POST", "/api/v1/namespaces", {"metadata": {"name": "gold2", "labels": enforce}})
    replay.send("POST", "/api/v1/namespaces/gold2/serviceaccounts", {"metadata": {"name": "orders"}})
    for index in range(3):
        post_node(replay, index)
    webhook = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    recorded = next(e for e in load("recorded-workload-answers.json") if e["label"].startswith("mutatingwebhookc"))
    applied = recorded["body"]["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
    replay.send("DELETE", f"{webhook}/pod-identity-webhook")
    replay.send("POST", webhook, json.loads(applied))
    return replay


def post_node(replay: Replay, index: int) -> None:
    """The nodes were made by hand for the recording, too; the API has to give them back with its defaults."""
    entry = next(e for e in load("recorded-workload-answers.json") if e["label"] == "node list limit=1")
    text = json.dumps(entry["body"]["items"][0]).replace("ip-10-0-0-10", f"ip-10-0-0-{10 + index}")
    node = json.loads(text.replace("us-west-2a", f"us-west-2{'abc'[index]}"))
    made = replay.send("POST", "/api/v1/nodes", node)
    assert made.status == 201
    assert (
        replay.send(
            "PUT",
            f"/api/v1/nodes/{node['metadata']['name']}/status",
            node | {"metadata": {"name": node["metadata"]["name"]}},
        ).status
        == 200
    )


REWRITES = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
    (r"containerd://[0-9a-f]{32}", "<container>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"kube-api-access-[a-z0-9]{5}", "kube-api-access-<suffix>"),
    (r"\bg-[a-z0-9]{5}\b", "g-<suffix>"),
    (r"\bweb-[a-z0-9]{10}-[a-z0-9]{5}\b", "web-<hash>-<suffix>"),
    (r"\bweb-[a-z0-9]{10}\b", "web-<hash>"),
    (r"ip-10-0-0-\d+\.", "<node>."),
    (r"us-west-2[abc]", "<zone>"),
    (r"\bp1\.[0-9a-f]{16,19}\b", "p1.<stamp>"),
    (r"\n@@.*", ""),
    (r"^default-scheduler-?\w*$", "default-scheduler"),
)
BLANK = {
    "resourceVersion": "<version>",
    "continue": "<token>",
    "pod-template-hash": "<hash>",
    "hostIP": "<ip>",
    "podIP": "<ip>",
    "ip": "<ip>",
    "token": "<jwt>",
    "machineID": "<machine>",
}
BUILD = ("gitVersion", "gitCommit", "goVersion", "buildDate")


def plain(value: Any) -> Any:
    """Without what is different in every run."""
    if isinstance(value, list):
        return [
            plain(entry)
            for entry in value
            if not (isinstance(entry, dict) and "openshift-service-ca.crt" in json.dumps(entry.get("configMap", "")))
        ]
    if isinstance(value, dict):
        dropped = (
            *("managedFields", "app.kubernetes.io/managed-by", "helm.sh/chart"),
            "kubectl.kubernetes.io/last-applied-configuration",
            "eks.amazonaws.com/skip-containers",
        )
        found = {
            key: "<build>" if key in BUILD else BLANK[key] if key in BLANK and isinstance(entry, str) else plain(entry)
            for key, entry in value.items()
            if key not in dropped
        }
        return {key: entry for key, entry in found.items() if not (key == "annotations" and entry == {})}
    if isinstance(value, str):
        for pattern, replacement in REWRITES:
            value = re.sub(pattern, replacement, value, flags=re.DOTALL)
    return value


def comparable(label: str, body: Any) -> Any:
    if label.startswith("watch"):
        lines = body if isinstance(body, list) else body.splitlines()
        return [plain(json.loads(line)) for line in lines]
    found = plain(body)
    if label == "list as Table":
        found["rows"][0]["cells"][-1] = re.sub(r"^\d+s$", "<age>", found["rows"][0]["cells"][-1])
    return found


def recorded_body(request: list[Any]) -> Any:
    if len(request) < 3:
        return None
    return ast.literal_eval(request[2]) if isinstance(request[2], str) else request[2]


FIRST = load("recorded-answers.json")
WORKLOADS = load("recorded-workload-answers.json")
TOKENS = {"forbidden": NOBODY, "SSAR": NOBODY, "SelfSubjectReview": NOBODY, "unauthorized": "wrong", "anonymous": ""}


def token_for(label: str) -> str:
    return next((token for start, token in TOKENS.items() if label.startswith(start)), ADMIN)


def play_first(replay: Replay, entry: dict[str, Any]) -> tuple[int, Any]:
    label, (method, path) = entry["label"], entry["request"][:2]
    if label == "list labelSelector":
        for number in range(5):
            account = {"metadata": {"name": f"n{number}", "labels": {"grp": "n"}}}
            assert replay.send("POST", "/api/v1/namespaces/gold/serviceaccounts", account).status == 201
    if label == "list continue":
        path = f"{path.partition('continue=')[0]}continue={replay.names['continue']}"
    answer = replay.send(
        method,
        path,
        recorded_body(entry["request"]),
        token=token_for(label),
        content_type=PATCHES.get(label, "application/json"),
        accept=ACCEPT.get(label, "application/json"),
    )
    body = replay.body(answer)
    if isinstance(body, dict):
        replay.names["continue"] = body.get("metadata", {}).get("continue", replay.names.get("continue", ""))
    return answer.status, body


def play_workloads(replay: Replay, entry: dict[str, Any]) -> tuple[int, Any]:
    label, (method, path) = entry["label"], entry["request"][:2]
    body, faults = recorded_body(entry["request"]), replay.sandbox.faults
    if label == "eviction refused by the budget":
        pods = replay.send("GET", "/api/v1/namespaces/gold2/pods?labelSelector=app%3Dweb").body
        assert isinstance(pods, dict)
        running = [pod["metadata"]["name"] for pod in pods["items"]]
        path = f"/api/v1/namespaces/gold2/pods/{running[0]}/eviction"
        body["metadata"]["name"] = running[0]
    if label == "pod log without kubelet":
        faults.kubelet_unreachable.add("*")
    answer = replay.send(
        method,
        path,
        body,
        content_type=entry["request"][3] if len(entry["request"]) > 3 else "application/json",
        accept=ACCEPT.get(label, "application/json"),
    )
    faults.clear()
    return answer.status, replay.body(answer)


@pytest.mark.parametrize("index", range(len(FIRST)), ids=[entry["label"] for entry in FIRST])
def test_recorded_answer(first: Replay, index: int) -> None:
    same_as_recorded(first, index)


@pytest.mark.parametrize("index", range(len(WORKLOADS)), ids=[entry["label"] for entry in WORKLOADS])
def test_recorded_workload_answer(workloads: Replay, index: int) -> None:
    same_as_recorded(workloads, index)


def same_as_recorded(replay: Replay, index: int) -> None:
    entry = replay.entries[index]
    status, body = replay.answer(index)
    assert status == entry["status"]
    assert comparable(entry["label"], body) == comparable(entry["label"], entry["body"])
