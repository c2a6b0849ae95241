"""What the end-to-end tests hold in their hands: podid, the account through boto3, the cluster through its API."""

import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config

from harness import Outcome
from podid.cli.boundary import run
from podid.cli.runtime import Runtime, Streams
from podid.sandbox.box import Sandbox
from podid.sandbox.credentials import Credential
from podid.sandbox.kube.sandbox import KubeSandbox
from podid.sandbox.kubernetes import JoinedKubernetes

Json = dict[str, Any]

ACCOUNT = "111122223333"
CLUSTER_ARN = f"arn:aws:eks:us-west-2:{ACCOUNT}:cluster/demo"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/shop-orders"
AGENT = "eks-pod-identity-agent"
IMAGE = "public.ecr.aws/docker/library/busybox:1.37"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:Query"],
            "Resource": f"arn:aws:dynamodb:us-west-2:{ACCOUNT}:table/orders",
        }
    ],
}


class Cluster:
    """The Kubernetes API as its administrator sees it: JSON in, JSON out. Refusals are AssertionErrors."""

    def __init__(self, kube: KubeSandbox) -> None:
        self._kube = kube
        self._pool = urllib3.PoolManager(ca_cert_data=kube.ca_pem.decode())

    def _call(self, method: str, path: str, body: Json | None = None, content_type: str = "application/json") -> Json:
        answer = self._pool.request(
            method,
            self._kube.endpoint + path,
            body=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {self._kube.admin_token}", "content-type": content_type},
        )
        assert answer.status < 300, answer.data
        document: Json = json.loads(answer.data)
        return document

    def get(self, path: str) -> Json:
        return self._call("GET", path)

    def items(self, path: str) -> list[Json]:
        found: list[Json] = self.get(path)["items"]
        return found

    def post(self, path: str, body: Json) -> Json:
        return self._call("POST", path, body)

    def merge(self, path: str, patch: Json) -> Json:
        return self._call("PATCH", path, patch, "application/merge-patch+json")

    def delete(self, path: str) -> None:
        self._call("DELETE", path, {})

    def make_namespace(self, name: str) -> None:
        self.post("/api/v1/namespaces", {"metadata": {"name": name}})

    def make_account(self, namespace: str, name: str) -> None:
        self.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": name}})

    def make_workload(self, kind: str, namespace: str, name: str, account: str, replicas: int = 1, **spec: Any) -> None:
        """A Deployment, StatefulSet, DaemonSet or Job of one container; `pod` in `spec` adds to the pod's spec."""
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
        """Those that are not on their way out, by name."""
        query = f"?labelSelector=app%3D{app}" if app else ""
        found = self.items(f"/api/v1/namespaces/{namespace}/pods{query}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def pod_names(self, namespace: str, app: str = "") -> list[str]:
        return sorted(pod["metadata"]["name"] for pod in self.pods(namespace, app))


def pod_spec(account: str, **more: Any) -> Json:
    container = {"name": "app", "image": IMAGE, "command": ["sleep", "infinity"]}
    return {"serviceAccountName": account, "containers": [container], **more}


def injected(pod: Json) -> bool:
    names = {item["name"] for container in pod["spec"]["containers"] for item in container.get("env") or ()}
    return "AWS_CONTAINER_CREDENTIALS_FULL_URI" in names


class Site:
    """`site("doctor")` runs podid as the account's administrator, in process, on the sandbox's clock: what podid
    sleeps passes for the account and the cluster, and nothing else does but the milliseconds in between. `slept` is
    how long podid has slept, in seconds, whatever the machine needed for the rest."""

    def __init__(self, box: Sandbox, directory: Path) -> None:
        half = box.kubernetes
        assert isinstance(half, JoinedKubernetes)
        self.box, self.half, self.kube = box, half, half.kube
        self.directory = directory
        self.cluster = Cluster(half.kube)
        self.env = {
            **box.env(),
            "PODID_CLUSTER": box.world.cluster_name,
            "XDG_STATE_HOME": str(directory / "state"),
            "HOME": str(directory / "home"),
        }
        self.slept = 0.0
        self.on_sleep: Callable[[float], None] = lambda seconds: None

    def wait(self, seconds: float) -> None:
        """Lets that much time pass, second by second: controllers act on what the step before has led to."""
        left = seconds
        while left > 0:
            step = min(left, 1.0)
            self.box.world.clock.advance(step)
            self.half.kube.poke()
            self.on_sleep(step)
            left -= step

    def _sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.wait(seconds)

    def __call__(self, *argv: str, env: dict[str, str] | None = None, without: Iterable[str] = ()) -> Outcome:
        environment = {**self.env, **(env or {})}
        for name in without:
            environment.pop(name, None)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)  # boto3 reads the process's environment
            stdout, stderr = io.StringIO(), io.StringIO()
            streams = Streams(io.StringIO(), stdout, stderr, stdin_tty=False, stdout_tty=False, stderr_tty=False)
            clock = self.box.world.clock
            runtime = Runtime(
                streams=streams,
                env=environment,
                argv=argv,
                now=clock.datetime,
                monotonic=clock.now,
                sleep=self._sleep,
            )
            code = run(list(argv), runtime)
        return Outcome(code, stdout.getvalue(), stderr.getvalue())

    def must(self, *argv: str) -> Outcome:
        outcome = self(*argv)
        assert outcome.code == 0, (argv, outcome)
        return outcome

    def policy_file(self) -> str:
        path = self.directory / "dynamodb-read.json"
        path.write_text(json.dumps(POLICY))
        return str(path)

    def aws(self, service: str) -> Any:
        """boto3's client of the administrator."""
        key: Credential = self.box.admin_key
        return boto3.session.Session().client(
            service,
            endpoint_url=self.box.endpoint_url,
            region_name="us-west-2",
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}),
        )

    def trust(self, role: str, document: Json) -> None:
        self.aws("iam").update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(document))

    def associate(self, namespace: str, account: str, role: str = "storefront") -> str:
        """The association's id, in effect already; the role lets in whoever is of the cluster."""
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        made = self.aws("eks").create_pod_identity_association(
            clusterName="demo", namespace=namespace, serviceAccount=account, roleArn=arn
        )
        self.wait(10)
        return str(made["association"]["associationId"])

    def user(self, name: str, rules: list[Json]) -> dict[str, str]:
        """Environment of a caller with the administrator's AWS rights and only `rules` in Kubernetes."""
        token = f"token-of-{name}"
        self.kube.add_user(token, name, rules=rules)
        path = self.directory / f"kubeconfig-{name}"
        path.write_text(json.dumps(self.kube.kubeconfig(token)))
        return {"KUBECONFIG": str(path)}
