"""Service accounts that use IRSA, for tests of a migration."""

import json
from typing import Any

from cluster_api import Json
from worlds import ACCOUNT, Site

ISSUER = "oidc.eks.us-west-2.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
ANNOTATION = "eks.amazonaws.com/role-arn"
REPORTS = "legacy/reports"


def irsa_statement(*subjects: str, operator: str = "StringEquals", provider: str = PROVIDER) -> Json:
    issuer = provider.partition(":oidc-provider/")[2]
    values = [f"system:serviceaccount:{subject.replace('/', ':')}" for subject in subjects]
    conditions: Json = {"StringEquals": {f"{issuer}:aud": "sts.amazonaws.com"}}
    if values:
        conditions.setdefault(operator, {})[f"{issuer}:sub"] = values[0] if len(values) == 1 else values
    return {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": conditions,
    }


def trust_of(site: Site, role: str) -> Json:
    """Return the trust policy of the role, without a call of IAM, which may be throttled."""
    roles = site.box.iam.backend(ACCOUNT).roles.values()
    document: Json = json.loads(next(item.assume_role_policy_document for item in roles if item.name == role))
    return document


def policy(*statements: Json) -> Json:
    return {"Version": "2012-10-17", "Statement": list(statements)}


class Irsa:
    """A cluster with service accounts that use IRSA."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def role(self, name: str, *statements: Json) -> str:
        created = self.site.aws("iam").create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps(policy(*statements))
        )
        self.site.aws("iam").attach_role_policy(
            RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
        )
        return str(created["Role"]["Arn"])

    def account(self, ref: str, role_arn: str, *, replicas: int = 1, metadata: Json | None = None, **spec: Any) -> None:
        """Create a service account with the annotation, and a Deployment that uses it."""
        namespace, name = ref.split("/")
        cluster = self.site.cluster
        if namespace not in {item["metadata"]["name"] for item in cluster.items("/api/v1/namespaces")}:
            cluster.make_namespace(namespace)
        more = metadata or {}
        annotations = {ANNOTATION: role_arn, **more.pop("annotations", {})}
        body = {"metadata": {"name": name, "annotations": annotations, **more}}
        cluster.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", body)
        if replicas:
            cluster.make_workload("Deployment", namespace, name, name, replicas, **spec)
        self.site.wait(30)

    def with_role(self, ref: str, **more: Any) -> str:
        role = ref.replace("/", "-")
        arn = self.role(role, irsa_statement(ref))
        self.account(ref, arn, **more)
        return role

    def trust(self, role: str) -> Json:
        return trust_of(self.site, role)

    def annotations(self, ref: str) -> Json:
        namespace, name = ref.split("/")
        account = self.site.cluster.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}")
        return dict(account["metadata"].get("annotations") or {})

    def items(self, *argv: str) -> dict[str, Json]:
        items = self.site.reading("migrate", "plan", *argv, "-o", "json").json["items"]
        return {f"{item['namespace']}/{item['serviceAccount']}": item for item in items}

    def stages(self) -> dict[str, str]:
        items = self.site.reading("migrate", "status", "-o", "json").json["items"]
        return {f"{item['namespace']}/{item['serviceAccount']}": item["stage"] for item in items}

    def blockers(self, ref: str, *argv: str) -> list[str]:
        return [blocker["id"] for blocker in self.items(*argv)[ref]["blockers"]]

    def warnings(self, ref: str) -> list[str]:
        return [warning["id"] for warning in self.items()[ref]["warnings"]]


def ways(pod: Json) -> set[str]:
    """Return the variables of IRSA and of Pod Identity in a pod."""
    names = {item["name"] for container in pod["spec"]["containers"] for item in container.get("env") or ()}
    return names & {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"}
