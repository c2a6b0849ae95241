"""How long KubeReader.list_pods takes for 5,000 pods, and how much memory.

    python benchmarks/pods.py [PODS]

The pods (about 8 kB each, as real ones are with managedFields) come from a second process over plain HTTP in pages of
500. Prints one JSON object; exits 1 when listing takes more than 0.6 s or the process more than 130 MB.
"""

import json
import multiprocessing
import resource
import sys
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection as Pipe
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import parse_qs, urlsplit

SECONDS = 0.6
MEGABYTES = 130
PAGE = 500


def pod(number: int) -> dict[str, Any]:
    injected = [
        {"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": "http://169.254.170.23/v1/credentials"},
        {"name": "AWS_REGION", "value": "us-west-2"},
        *({"name": f"SETTING_{n}", "value": f"value-{n}"} for n in range(8)),
    ]
    mounts = [{"name": f"v{n}", "mountPath": f"/mnt/{n}", "readOnly": True} for n in range(3)]
    containers = [
        {"name": name, "image": f"registry.example/{name}:1.{number % 7}", "env": injected, "volumeMounts": mounts}
        for name in ("app", "sidecar")
    ]
    fields: dict[str, Any] = {
        f"f:field-{n}": {".": {}, "f:value": {}, "k:{}": {"f:name": {}, "f:image": {}}} for n in range(30)
    }
    status = {"ready": True, "restartCount": number % 3, "state": {"running": {"startedAt": "2026-11-24T14:44:14Z"}}}
    return {
        "metadata": {
            "name": f"web-{number // 10}-77c5dcb747-{number:05d}",
            "namespace": f"team-{number % 50}",
            "uid": f"5d4941bf-7044-4e44-bcd5-{number:012d}",
            "creationTimestamp": "2026-11-24T14:44:10Z",
            "labels": {"app": f"web-{number // 10}", "pod-template-hash": "77c5dcb747", "team": f"t{number % 50}"},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "x" * 2600},
            "ownerReferences": [
                {"kind": "ReplicaSet", "name": f"web-{number // 10}-77c5dcb747", "uid": "u", "controller": True}
            ],
            "managedFields": [{"manager": "kubelet", "operation": "Update", "fieldsV1": fields}],
        },
        "spec": {
            "serviceAccountName": f"web-{number // 10}",
            "nodeName": f"ip-10-0-{number % 100}-7.us-west-2.compute.internal",
            "containers": containers,
            "volumes": [{"name": "eks-pod-identity-token", "projected": {}}, {"name": "v0"}, {"name": "v1"}],
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": t, "status": "True"} for t in ("Initialized", "Ready", "PodScheduled")],
            "containerStatuses": [{"name": name, **status} for name in ("app", "sidecar")],
        },
    }


def serve(count: int, pipe: Pipe) -> None:
    pages = []
    for start in range(0, count, PAGE):
        end = start + PAGE
        metadata = {"continue": str(end)} if end < count else {}
        body = {"items": [pod(number) for number in range(start, min(end, count))], "metadata": metadata}
        pages.append(json.dumps(body, separators=(",", ":")).encode())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    def answer(self: BaseHTTPRequestHandler) -> None:
        token = parse_qs(urlsplit(self.path).query).get("continue", ["0"])[0]
        body = pages[int(token) // PAGE]
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    setattr(Handler, "do_GET", answer)  # noqa: B010  http.server's name, which ruff refuses as a method
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pipe.send((server.server_address[1], sum(map(len, pages))))
    server.serve_forever()


def kubeconfig(port: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bench",
        "clusters": [{"name": "bench", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
        "users": [{"name": "bench", "user": {}}],
    }


def no_token() -> tuple[str, datetime]:
    raise AssertionError("the context of the kubeconfig is used")


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(count, there), daemon=True)
    process.start()
    port, size = here.recv()

    started = time.perf_counter()
    from podid.domain.aws import Cluster
    from podid.kube.connect import connect
    from podid.kube.reader import KubeReader
    from podid.kube.transport import Transport

    with NamedTemporaryFile("w", suffix=".json") as file:
        # no token is sent over plain HTTP, so the way in is a kubeconfig without one
        json.dump(kubeconfig(port), file)
        file.flush()
        arn, url = "arn:aws:eks:eu-west-1:111122223333:cluster/bench", f"http://127.0.0.1:{port}"
        cluster = Cluster(name="bench", arn=arn, version="1.34", status="ACTIVE", endpoint=url)
        connection = connect(cluster, token=no_token, kubeconfig=file.name, env={"HOME": "/nonexistent"})
    reader = KubeReader(Transport(connection))
    reader_ready = time.perf_counter()
    pods = reader.list_pods()
    listed = time.perf_counter()

    seconds = listed - reader_ready
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "pods": len(pods),
                "megabytesOverTheWire": round(size / 1e6, 1),
                "listSeconds": round(seconds, 3),
                "withImportsSeconds": round(listed - started, 3),
                "peakMegabytes": round(megabytes, 1),
            }
        )
    )
    process.terminate()
    assert len(pods) == count
    return int(seconds > SECONDS or megabytes > MEGABYTES)


if __name__ == "__main__":
    sys.exit(main())
