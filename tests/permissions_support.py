"""Callers with exactly the specified permissions, in AWS and in Kubernetes, and a record of the permissions that podid
uses."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

import boto3
import pytest
from botocore.config import Config

from podid.domain.permissions import KubePermission
from podid.sandbox.aws.service import IamAuthorizer
from podid.sandbox.aws.sts import StsService
from podid.sandbox.box import Sandbox
from podid.sandbox.http import HttpRequest
from podid.sandbox.kube import KubeSandbox, kinds
from podid.sandbox.kube.access import BASIC_RULES, Authorizer, ResourceAccess

Json = dict[str, Any]
_boto = cache(boto3.session.Session)  # after shared_caches.py, which changes what a session keeps
_RBAC = "rbac.authorization.k8s.io"


def limited(
    box: Sandbox,
    directory: Path,
    policy: Json | None = None,
    manifests: Iterable[Json] = (),
    *,
    signs_in: Literal["token", "access-entry", "not"] = "token",
    name: str = "limited",
) -> dict[str, str]:
    """Return the environment of a caller with just these permissions, in place of `box.env()`.

    In AWS it is a new IAM user `name` with keys of CreateAccessKey, whose only policy is `policy`. In the cluster each
    Role and ClusterRole of `manifests` is created and bound to the caller (a Role in its own namespace); other
    manifests are created as they are. `signs_in` selects the caller in the cluster:

    - "token": the service account default/`name`, with its token in a kubeconfig under `directory`.
    - "access-entry": the IAM user itself, by an access entry. Its kubeconfig is empty, so podid signs in by itself,
      which requires eks:DescribeCluster.
    - "not": nothing. The kubeconfig is empty and the cluster answers 401.
    """
    arn = _make_user(_client(box, "iam"), name, policy)
    key = _client(box, "iam").create_access_key(UserName=name)["AccessKey"]
    kubeconfig: Json = {"apiVersion": "v1", "kind": "Config"}
    if signs_in == "access-entry":
        _client(box, "eks").create_access_entry(clusterName=box.world.cluster_name, principalArn=arn)
    if box.kubernetes is not None and signs_in != "not":
        kube = box.kubernetes.kube
        _grant(kube, manifests, name, {"kind": "User", "name": arn} if signs_in == "access-entry" else None)
        if signs_in == "token":
            kubeconfig = kube.kubeconfig(_token(kube, name))
    path = directory / f"kubeconfig-of-{name}"
    path.write_text(json.dumps(kubeconfig))
    return {
        **box.env(),
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "KUBECONFIG": str(path),
    }


class CheckedPermissions:
    """The permissions that IAM and the cluster's authorizer check, granted or not."""

    def __init__(self) -> None:
        self.iam: set[str] = set()
        self.kubernetes: set[KubePermission] = set()


@contextmanager
def checked_permissions() -> Iterator[CheckedPermissions]:
    """Record the permissions that are checked in the block. In AWS only those of users count, because EKS makes
    requests for its pods."""
    checked = CheckedPermissions()
    check_iam, call_sts, check_kubernetes = IamAuthorizer.check, StsService.call, Authorizer.check

    def iam(self: IamAuthorizer, caller: Any, action: str, *args: Any, **named: Any) -> None:
        if ":user/" in caller.arn:
            checked.iam.add(action)
        check_iam(self, caller, action, *args, **named)

    def sts(self: StsService, action: str, *args: Any) -> Any:
        checked.iam.add(f"sts:{action}")
        return call_sts(self, action, *args)

    def kubernetes(self: Authorizer, user: Any, access: ResourceAccess) -> None:
        if not any(access.resource in rule["resources"] for rule in BASIC_RULES):  # permissions that every user has
            checked.kubernetes.add(KubePermission(access.group, access.resource, access.verb))
        check_kubernetes(self, user, access)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IamAuthorizer, "check", iam)
        patch.setattr(StsService, "call", sts)
        patch.setattr(Authorizer, "check", kubernetes)
        yield checked


def allow(*actions: str, resource: str = "*", **more: Any) -> Json:
    """Return a policy of one statement."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def role(*rules: tuple[str, str, tuple[str, ...]], namespace: str = "", name: str = "podid") -> Json:
    """Return a Role, or without a namespace a ClusterRole, with rules as (API group, resource, verbs)."""
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role" if namespace else "ClusterRole",
        "metadata": metadata,
        "rules": [
            {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)} for group, resource, verbs in rules
        ],
    }


def _client(box: Sandbox, service: str) -> Any:
    return _boto().client(
        service,
        endpoint_url=box.endpoint_url,
        region_name=box.world.region,
        aws_access_key_id=box.admin_key.access_key_id,
        aws_secret_access_key=box.admin_key.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


def _make_user(iam: Any, name: str, policy: Json | None) -> str:
    arn: str = iam.create_user(UserName=name)["User"]["Arn"]
    if policy is not None and policy["Statement"]:
        attached = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(policy))["Policy"]
        iam.attach_user_policy(UserName=name, PolicyArn=attached["Arn"])
    return arn


def _grant(kube: KubeSandbox, manifests: Iterable[Json], name: str, user: Json | None) -> None:
    kube.create(kinds.SERVICE_ACCOUNTS, {"metadata": {"name": name, "namespace": "default"}})
    subject = user or {"kind": "ServiceAccount", "name": name, "namespace": "default"}
    for manifest in manifests:
        kind = kinds.BY_NAME[manifest["apiVersion"], manifest["kind"]]
        namespace = manifest["metadata"].get("namespace", "")
        assert bool(namespace) == kind.namespaced, f"{kind.name} {manifest['metadata']}: namespace"
        if namespace and kube.find(kinds.NAMESPACES, "", namespace) is None:
            kube.create(kinds.NAMESPACES, {"metadata": {"name": namespace}})
        created = kube.create(kind, manifest)
        if kind in (kinds.ROLES, kinds.CLUSTER_ROLES):
            binding = {
                "metadata": {**manifest["metadata"], "name": f"{name}-{created['metadata']['name']}"},
                "roleRef": {"apiGroup": _RBAC, "kind": kind.name, "name": created["metadata"]["name"]},
                "subjects": [subject],
            }
            kube.create(kinds.ROLE_BINDINGS if namespace else kinds.CLUSTER_ROLE_BINDINGS, binding)


def _token(kube: KubeSandbox, name: str) -> str:
    path = f"/api/v1/namespaces/default/serviceaccounts/{name}/token"
    headers = {"authorization": f"Bearer {kube.admin_token}"}
    answer = kube.handle(HttpRequest("POST", path, headers, b'{"spec": {"expirationSeconds": 86400}}'))
    assert isinstance(answer.body, dict)
    return str(answer.body["status"]["token"])


def without_eks_auth(box: Sandbox, directory: Path) -> dict[str, str]:
    """Return a caller who may read everything and redeem no tokens, as the role of a person usually does."""
    permissions = allow("eks:*", "iam:GetRole", "iam:SimulatePrincipalPolicy")
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    reader = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "all"},
        "rules": rules,
    }
    return limited(box, directory, permissions, [reader])
