"""A client of the Kubernetes API with an administrator's permissions, without network and faults."""

import json
from typing import Any

from podid.sandbox.http import HttpRequest
from podid.sandbox.kube.baseline import IMAGE
from podid.sandbox.kube.sandbox import KubeSandbox

Json = dict[str, Any]


class ClusterApi:
    """Takes and returns JSON. A refusal raises AssertionError."""

    def __init__(self, kube: KubeSandbox) -> None:
        self._kube = kube

    def _call(self, method: str, path: str, body: Json | None = None, content_type: str = "application/json") -> Json:
        headers = {"authorization": f"Bearer {self._kube.admin_token}", "content-type": content_type}
        sent = b"" if body is None else json.dumps(body).encode()
        answer = self._kube.handle(HttpRequest(method, path, headers, sent))
        assert answer.status < 300, answer.body
        document: Json = json.loads(answer.encode().body)
        return document

    def get(self, path: str) -> Json:
        return self._call("GET", path)

    def items(self, path: str) -> list[Json]:
        objects: list[Json] = self.get(path)["items"]
        return objects

    def post(self, path: str, body: Json) -> Json:
        return self._call("POST", path, body)

    def merge(self, path: str, patch: Json) -> Json:
        return self._call("PATCH", path, patch, "application/merge-patch+json")

    def put(self, path: str, body: Json) -> Json:
        return self._call("PUT", path, body)

    def delete(self, path: str) -> None:
        self._call("DELETE", path, {})

    def make_namespace(self, name: str) -> None:
        self.post("/api/v1/namespaces", {"metadata": {"name": name}})

    def make_account(self, namespace: str, name: str) -> None:
        self.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": name}})

    def make_workload(self, kind: str, namespace: str, name: str, account: str, replicas: int = 1, **spec: Any) -> None:
        """Create a Deployment, StatefulSet, DaemonSet or Job of one container. `pod` in `spec` adds members to the
        pod's spec."""
        group, plural = ("batch", "jobs") if kind == "Job" else ("apps", f"{kind.lower()}s")
        labels = {"app": name}
        body: Json = {
            "template": {"metadata": {"labels": labels}, "spec": pod_spec(account, **spec.pop("pod", {}))},
            **spec,
        }
        if kind == "Job":
            body["template"]["spec"]["restartPolicy"] = "Never"
        else:
            body["selector"] = {"matchLabels": labels}
        if kind in ("Deployment", "StatefulSet"):
            body["replicas"] = replicas
        if kind == "StatefulSet":
            body["serviceName"] = name
        self.post(
            f"/apis/{group}/v1/namespaces/{namespace}/{plural}",
            {"metadata": {"name": name, "labels": labels}, "spec": body},
        )

    def make_pod(self, namespace: str, name: str, account: str, **spec: Any) -> None:
        body = {"metadata": {"name": name, "labels": {"app": name}}, "spec": pod_spec(account, **spec)}
        self.post(f"/api/v1/namespaces/{namespace}/pods", body)

    def pods(self, namespace: str, app: str = "") -> list[Json]:
        """Return the pods that are not terminating, by name."""
        query = f"?labelSelector=app%3D{app}" if app else ""
        pods = self.items(f"/api/v1/namespaces/{namespace}/pods{query}")
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def pod_names(self, namespace: str, app: str = "") -> list[str]:
        return sorted(pod["metadata"]["name"] for pod in self.pods(namespace, app))


def pod_spec(account: str, **more: Any) -> Json:
    container = {"name": "app", "image": IMAGE, "command": ["sleep", "infinity"]}
    return {"serviceAccountName": account, "containers": [container], **more}


def injected(pod: Json) -> bool:
    names = {item["name"] for container in pod["spec"]["containers"] for item in container.get("env") or ()}
    return "AWS_CONTAINER_CREDENTIALS_FULL_URI" in names
