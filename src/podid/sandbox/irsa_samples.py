"""Service accounts that use IRSA, one for each case of a migration: `podid sandbox start --samples irsa`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from podid.sandbox import baseline
from podid.sandbox.breaks.scenario import Reach
from podid.sandbox.kube.client import ClusterApi, Json

ANNOTATION = "eks.amazonaws.com/role-arn"
NAMESPACE, SYSTEM = "apps", "kube-system"


def load(reach: Reach) -> None:
    """Add the service accounts, their roles and workloads."""
    _Samples(reach).load()


class _Samples:
    def __init__(self, reach: Reach) -> None:
        self._reach, self._world, self._iam = reach, reach.world, reach.iam
        self._cluster = ClusterApi(reach.kube)
        issuer = str(self._world.clusters[self._world.cluster_name].body["identity"]["oidc"]["issuer"])
        self._issuer = issuer.removeprefix("https://")

    def load(self) -> None:
        self._cluster.make_namespace(NAMESPACE)
        self._one("web", self._statement("web"))
        self._one("queue", self._statement("queue"), kind="StatefulSet")
        self._one("collector", self._statement("collector"), kind="DaemonSet")
        self._one("idle", self._statement("idle"), kind="")
        shared = self._role("apps-shared", self._statement("first", "second"))
        for name in ("first", "second"):
            self._account(name, shared)
        wide = self._role("apps-wide", self._statement("*", operator="StringLike"))
        for name in ("north", "south"):
            self._account(name, wide)
        second = self._statement("both") | {"Principal": {"Federated": self._provider("OTHERCLUSTER")}}
        self._one("both", self._statement("both"), second)
        helm = {"meta.helm.sh/release-name": "charted", "meta.helm.sh/release-namespace": NAMESPACE}
        self._one("charted", self._statement("charted"), annotations=helm)
        self._one("keys", self._statement("keys"), env={"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"})
        token = {"AWS_ROLE_ARN": self._arn("apps-manual"), "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/token"}
        self._one("manual", self._statement("manual"), env=token)
        self._one("host", self._statement("host"), pod={"hostNetwork": True})
        old = _container([]) | {"image": "public.ecr.aws/aws-cli/aws-cli:2.13.0"}
        self._one("old-sdk", self._statement("old-sdk"), pod={"containers": [old]})
        far = f"arn:{self._world.partition}:iam::444455556666:role/further"
        self._one("chained", self._statement("chained"), allows={"Action": "sts:AssumeRole", "Resource": far})
        session = self._statement("sessions")
        session["Condition"]["StringLike"] = {"sts:RoleSessionName": "botocore-session-*"}
        self._one("sessions", session)
        self._account("far", f"arn:{self._world.partition}:iam::444455556666:role/far")
        self._account("gone", self._arn("gone"))
        self._one("taken", self._statement("taken"))
        baseline.add_association(self._world, NAMESPACE, "taken", "storefront")
        self._addon()
        self._world.changed("associations")
        self._world.changed("addons")
        self._world.notify()

    def _addon(self) -> None:
        """Install the add-on of the EBS CSI driver, with an IRSA role."""
        statement = self._statement("ebs-csi-controller-sa", namespace=SYSTEM)
        path = f"/api/v1/namespaces/{SYSTEM}/serviceaccounts"
        self._cluster.post(path, {"metadata": {"name": "ebs-csi-controller-sa"}})
        self._cluster.make_workload("Deployment", SYSTEM, "ebs-csi-controller", "ebs-csi-controller-sa")
        addon = self._world.clusters[self._world.cluster_name].addons["aws-ebs-csi-driver"]
        addon.service_account_role_arn = self._role("ebs-csi", statement)

    def _one(
        self,
        name: str,
        *statements: Json,
        kind: str = "Deployment",
        annotations: Json | None = None,
        env: dict[str, str] | None = None,
        pod: Json | None = None,
        allows: Json | None = None,
    ) -> None:
        """Add a service account, a role and a workload of the same name. `pod` adds members to the pod's spec. `allows`
        adds members to the statement of the role's policy."""
        arn = self._role(f"apps-{name}", *statements, allows=allows)
        self._account(name, arn, kind, annotations or {}, env or {}, pod or {})

    def _account(
        self,
        name: str,
        role_arn: str,
        kind: str = "Deployment",
        annotations: Json | None = None,
        env: Json | None = None,
        pod: Json | None = None,
    ) -> None:
        metadata = {"name": name, "annotations": {ANNOTATION: role_arn, **(annotations or {})}}
        self._cluster.post(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": metadata})
        if kind:
            variables = [{"name": key, "value": value} for key, value in (env or {}).items()]
            members = {**({"containers": [_container(variables)]} if variables else {}), **(pod or {})}
            more: dict[str, Any] = {"pod": members} if members else {}
            self._cluster.make_workload(kind, NAMESPACE, name, name, **more)

    def _role(self, name: str, *statements: Json, allows: Json | None = None) -> str:
        trust = {"Version": "2012-10-17", "Statement": list(statements)}
        statement = {"Effect": "Allow", **(allows or {})}
        inline = {"more": {"Version": "2012-10-17", "Statement": [statement]}} if allows else None
        managed = ("AmazonS3ReadOnlyAccess",)
        return baseline.add_role(self._world, self._iam, name, trust, managed=managed, inline=inline)

    def _arn(self, role: str) -> str:
        return f"arn:{self._world.partition}:iam::{self._world.account}:role/{role}"

    def _provider(self, ident: str = "") -> str:
        issuer = f"{self._issuer.rpartition('/')[0]}/{ident}" if ident else self._issuer
        return f"arn:{self._world.partition}:iam::{self._world.account}:oidc-provider/{issuer}"

    def _statement(self, *names: str, operator: str = "StringEquals", namespace: str = NAMESPACE) -> Json:
        subjects = [f"system:serviceaccount:{namespace}:{name}" for name in names]
        conditions: Json = {"StringEquals": {f"{self._issuer}:aud": "sts.amazonaws.com"}}
        conditions.setdefault(operator, {})[f"{self._issuer}:sub"] = _scalar(subjects)
        return {
            "Effect": "Allow",
            "Principal": {"Federated": self._provider()},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": conditions,
        }


def _scalar(values: Iterable[str]) -> object:
    listed = list(values)
    return listed[0] if len(listed) == 1 else listed


def _container(env: list[Json]) -> Json:
    return {"name": "app", "image": "busybox:1.37", "command": ["sleep", "infinity"], "env": env}
