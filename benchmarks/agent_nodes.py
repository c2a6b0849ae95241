"""How long `podid agent nodes` takes on 500 nodes beyond the APIs' own time, and how much memory.

    python benchmarks/agent_nodes.py [NODES]

The account is the sandbox's, with 500 associations; nodes, DaemonSets and pods (eleven on each node, of about 8 kB)
come from a second process over TLS, in pages of 500. The APIs' own time is that of fetching the same bytes without
reading them. Prints one JSON object; exits 1 for more than 2 s beyond it, of the processor's time where others use that
too, or more than 150 MB.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import urllib3
from pods import pod

SECONDS = 2.0
MEGABYTES = 150
PAGE = 500
PODS_A_NODE = 10
AGENT = "eks-pod-identity-agent"
LABELS = {"app.kubernetes.io/instance": AGENT, "app.kubernetes.io/name": AGENT}
LISTS = ("/apis/apps/v1/daemonsets", "/api/v1/nodes", "/api/v1/pods")
Json = dict[str, Any]


def node(number: int) -> Json:
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "eks.amazonaws.com/nodegroup": "workers"}
    labels |= {f"example.com/label-{n}": f"value-{n}" for n in range(20)}
    images = [{"names": [f"registry.example/image-{n}@sha256:{n:064x}"], "sizeBytes": n} for n in range(50)]
    info = {"operatingSystem": "linux", "architecture": "amd64", "kubeletVersion": "v1.35.0-eks-1"}
    return {
        "metadata": {"name": f"node-{number}", "labels": labels, "creationTimestamp": "2026-11-24T14:44:10Z"},
        "spec": {"providerID": f"aws:///us-west-2a/i-{number:017x}"},
        "status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": info, "images": images},
    }


def of_a_node(number: int) -> list[Json]:
    """The agent's pod, and those of applications: the one in ten of them that has an association."""
    found = [pod(number * PODS_A_NODE + n) for n in range(PODS_A_NODE)]
    found[0]["metadata"]["namespace"] = f"team-{number // 50:04d}"
    found[0]["spec"]["serviceAccountName"] = f"app-{number % 50:03d}"
    agent = pod(1_000_000 + number)
    agent["metadata"] |= {"name": f"{AGENT}-{number}", "namespace": "kube-system", "labels": LABELS}
    agent["metadata"]["ownerReferences"] = [{"kind": "DaemonSet", "name": AGENT, "uid": "ds", "controller": True}]
    for each in (*found, agent):
        each["spec"]["nodeName"] = f"node-{number}"
    return [*found, agent]


def daemon_set(nodes: int) -> Json:
    container = {"name": AGENT, "image": "r.example/agent:1", "command": ["/go-runner", f"/{AGENT}", "server"]}
    status = {"desiredNumberScheduled": nodes, "numberReady": nodes, "currentNumberScheduled": nodes}
    template = {
        "metadata": {"labels": LABELS},
        "spec": {"containers": [container], "tolerations": [{"operator": "Exists"}]},
    }
    return {
        "metadata": {"name": AGENT, "namespace": "kube-system", "uid": "ds", "labels": LABELS, "generation": 1},
        "spec": {"selector": {"matchLabels": LABELS}, "template": template},
        "status": status,
    }


class Half:
    """The Kubernetes half of a sandbox that only answers lists."""

    kubeconfig_path = Path("/nonexistent")

    def __init__(self, nodes: int) -> None:
        from podid.sandbox.http import LoopbackServer, make_certificates

        pods = [each for number in range(nodes) for each in of_a_node(number)]
        items = dict(zip(LISTS, ([daemon_set(nodes)], [node(number) for number in range(nodes)], pods), strict=True))
        self._pages = {path: pages(found) for path, found in items.items()}
        certificates = make_certificates()
        self.ca_pem = certificates.ca_pem.decode()
        self._server = LoopbackServer(self._answer, 0, certificates.server_context())
        self._server.start()
        self.endpoint_url = f"https://127.0.0.1:{self._server.server_port}"

    def _answer(self, request: Any) -> Any:
        from podid.sandbox.http import HttpAnswer

        found = self._pages.get(request.path)
        body = found[int(request.arguments.get("continue", "0"))] if found else b'{"gitVersion":"v1.35.0"}'
        return HttpAnswer(200, {"Content-Type": "application/json"}, body)

    def run_pods_for(self, gateway: object) -> None:
        """No pod runs."""

    def stop(self) -> None:
        self._server.close()


def pages(items: list[Json]) -> list[bytes]:
    found = []
    for number, start in enumerate(range(0, len(items), PAGE)):
        metadata = {"continue": str(number + 1)} if start + PAGE < len(items) else {}
        body = {"items": items[start : start + PAGE], "metadata": metadata}
        found.append(json.dumps(body, separators=(",", ":")).encode())
    return found


def serve(nodes: int, pipe: Pipe) -> None:
    from podid.sandbox import baseline
    from podid.sandbox.box import Sandbox

    half = Half(nodes)
    with Sandbox(kubernetes=lambda _: half) as box:  # type: ignore[arg-type,return-value]
        baseline.seed_associations(box.world, nodes)
        pipe.send(({**box.env(), "KUBECONFIG": "/nonexistent/config"}, half.endpoint_url, half.ca_pem))
        time.sleep(3600)


def raw_seconds(endpoint: str, authority: str) -> float:
    pool, began = urllib3.PoolManager(ca_cert_data=authority), time.perf_counter()
    for path in LISTS:
        answer = pool.request("GET", f"{endpoint}{path}")
        number = 1
        while b'"metadata":{"continue"' in answer.data[-200:]:
            answer = pool.request("GET", f"{endpoint}{path}?continue={number}")
            number += 1
    return time.perf_counter() - began


def main() -> int:
    nodes = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    here, there = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(nodes, there), daemon=True)
    server.start()
    env, endpoint, authority = here.recv()
    raw = raw_seconds(endpoint, authority)
    with TemporaryDirectory() as home:
        command = [sys.executable, "-m", "podid", "agent", "nodes", "--cluster", "demo", "-o", "json"]
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, env={"PATH": os.environ["PATH"], "HOME": home, **env}
        )
        assert process.stdout is not None
        document = json.loads(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
    server.terminate()
    ready = [item for item in document["items"] if item["state"] == "ready" and item["needy"]]
    megabytes, beyond = usage.ru_maxrss / 1024, seconds - raw
    found: dict[str, float] = {
        "nodes": len(document["items"]),
        "pods": nodes * (PODS_A_NODE + 1),
        "seconds": round(seconds, 2),
        "apiSeconds": round(raw, 2),
        "beyondSeconds": round(beyond, 2),
        "cpuSeconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peakMegabytes": round(megabytes, 1),
    }
    print(json.dumps(found))
    assert (os.waitstatus_to_exitcode(status), len(ready)) == (0, nodes), document["items"][:1]
    return int(min(beyond, found["cpuSeconds"]) > SECONDS or megabytes > MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())
