"""Workloads that get credentials from kiam or kube2iam, one for each case of a migration: `podid sandbox start
--samples kube2iam`. The agents answer no requests, because the sandbox runs no containers."""

from __future__ import annotations

from typing import Any

from podid.sandbox import baseline
from podid.sandbox.breaks.scenario import Reach
from podid.sandbox.kube.client import ClusterApi, Json

NAMESPACE = "apps"
ROLE, EXTERNAL_ID = "iam.amazonaws.com/role", "iam.amazonaws.com/external-id"
HOME = f"/api/v1/namespaces/{NAMESPACE}"


def load(reach: Reach, source: str) -> None:
    """Add the agent, the namespace with its permitted roles, the roles and the workloads."""
    samples = ProxySamples(reach, source)
    samples.agent()
    samples.workloads()


class ProxySamples:
    def __init__(self, reach: Reach, source: str) -> None:
        self._world, self._iam, self._source = reach.world, reach.iam, source
        self._cluster = ClusterApi(reach.kube)
        self._prefix = f"arn:{self._world.partition}:iam::{self._world.account}:role/"
        server = source == "kiam"
        self.principal = f"{self._prefix}{'kiam-server' if server else baseline.NODE_ROLE}"

    def agent(self, *more: str) -> None:
        """Create the DaemonSets of the agent, with the arguments of its documentation and `more`."""
        if self._source == "kube2iam":
            arguments = (f"--base-role-arn={self._prefix}", "--namespace-restrictions", *more)
            self._daemon_set("kube2iam", "jtblin/kube2iam:0.11.1", [*_KUBE2IAM, *arguments])
            permitted = {"iam.amazonaws.com/allowed-roles": '["apps-*", "arn:aws:iam::444455556666:role/*"]'}
        else:
            node = {
                "Effect": "Allow",
                "Principal": {"AWS": self._prefix + baseline.NODE_ROLE},
                "Action": "sts:AssumeRole",
            }
            self._role("kiam-server", node)
            self._daemon_set("kiam-agent", "quay.io/uswitch/kiam:v4.2", ["--iptables", "--port=3100"], "agent")
            arguments = ("--role-base-arn-autodetect", f"--assume-role-arn={self.principal}", *more)
            self._daemon_set("kiam-server", "quay.io/uswitch/kiam:v4.2", list(arguments), "server")
            permitted = {"iam.amazonaws.com/permitted": ".*:role/apps-.*"}
        self._cluster.post("/api/v1/namespaces", {"metadata": {"name": NAMESPACE, "annotations": permitted}})

    def workloads(self) -> None:
        self.one("web", self.role("apps-web"))
        self.one("queue", self.role("apps-queue"), kind="StatefulSet")
        self.one("reader", self.role("apps-reader"), account="default")
        self.one("writer", self.role("apps-writer"), account="default")
        self.one("nightly", self.role("apps-nightly"), kind="CronJob", account="default")
        helm = {"meta.helm.sh/release-name": "charted", "meta.helm.sh/release-namespace": NAMESPACE}
        self.one("charted", self.role("apps-charted"), account="default", metadata={"annotations": helm})
        self.one("partner", self.role("apps-partner"), annotations={EXTERNAL_ID: "secret-of-partner"})
        self.one("far", f"arn:{self._world.partition}:iam::444455556666:role/apps-far")
        self.one("admin", self.role("administration"))
        self.one("gone", "apps-gone")

    def role(self, name: str) -> str:
        """Create a role that the agent can assume. Return its name."""
        self._role(name, {"Effect": "Allow", "Principal": {"AWS": self.principal}, "Action": "sts:AssumeRole"})
        return name

    def _role(self, name: str, statement: Json) -> None:
        trust = {"Version": "2012-10-17", "Statement": [statement]}
        baseline.add_role(self._world, self._iam, name, trust, managed=("AmazonS3ReadOnlyAccess",))

    def one(
        self,
        name: str,
        role: str,
        *,
        kind: str = "Deployment",
        account: str = "",
        annotations: Json | None = None,
        metadata: Json | None = None,
    ) -> None:
        """Create a workload whose pods have the annotation. Its service account is `account`, by default one of its own
        name."""
        if not account:
            self._cluster.make_account(NAMESPACE, name)
        labels = {"app": name}
        container = {"name": "app", "image": "busybox:1.37", "command": ["sleep", "infinity"]}
        template: Json = {
            "metadata": {"labels": labels, "annotations": {**({ROLE: role} if role else {}), **(annotations or {})}},
            "spec": {"serviceAccountName": account or name, "containers": [container]},
        }
        spec: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": template}
        if kind == "CronJob":
            template["spec"]["restartPolicy"] = "OnFailure"
            spec = {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": template}}}
        elif kind == "StatefulSet":
            spec["serviceName"] = name
        group = "batch" if kind == "CronJob" else "apps"
        path = f"/apis/{group}/v1/namespaces/{NAMESPACE}/{kind.lower()}s"
        self._cluster.post(path, {"metadata": {"name": name, **(metadata or {})}, "spec": spec})

    def _daemon_set(self, name: str, image: str, args: list[str], command: str = "") -> None:
        self._cluster.make_account("kube-system", name)
        labels = {"app": name}
        container: Json = {"name": name, "image": image, "args": args}
        if command:
            container["command"] = ["/kiam", command]
        spec = {"serviceAccountName": name, "hostNetwork": True, "containers": [container]}
        template = {"metadata": {"labels": labels}, "spec": spec}
        body = {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": template}}
        self._cluster.post("/apis/apps/v1/namespaces/kube-system/daemonsets", body)


_KUBE2IAM = ("--iptables=true", "--host-ip=$(HOST_IP)", "--host-interface=eni+", "--node=$(NODE_NAME)")
