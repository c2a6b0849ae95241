"""Working configuration that should not exist: permissions that no one needs, and ways to them. `podid audit` names
them."""

import base64
import json
from typing import Any

from podid.sandbox.breaks.hands import NAMESPACE, BrokenIdentity, Hands, Json

_ACTIONS = ["sts:AssumeRole", "sts:TagSession"]
# of no account
_KEY_ID = "AKIAZZZZPODIDSANDBOX"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


def role_administrator(hands: Hands) -> str:
    return _allowing(hands, Action="*", Resource="*").role


def iam_quota(hands: Hands) -> str:
    """One more policy can be attached."""
    found = _allowing(hands, Action="dynamodb:GetItem", Resource="*")
    for service in ("S3", "SQS", "SNS", "DynamoDB", "RDS", "EC2", "SSM", "ElastiCache", "Redshift"):
        arn = f"arn:{hands.world.partition}:iam::aws:policy/Amazon{service}ReadOnlyAccess"
        hands.aws("iam").attach_role_policy(RoleName=found.name, PolicyArn=arn)
    return found.role


def role_passes_any_role(hands: Hands) -> str:
    return _allowing(hands, Action=["dynamodb:GetItem", "iam:PassRole"], Resource="*").role


def role_assumes_any_role(hands: Hands) -> str:
    roles = f"arn:{hands.world.partition}:iam::{hands.world.account}:role/*"
    return _allowing(hands, Action=_ACTIONS, Resource=roles).role


def role_privilege_escalation(hands: Hands) -> str:
    return _allowing(hands, Action=["dynamodb:GetItem", "iam:PutRolePolicy"], Resource="*").role


def policy_uses_disabled_session_tags(hands: Hands) -> str:
    hands.agent()
    tag = {"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": NAMESPACE}}
    allows = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*", "Condition": tag}
    found = hands.identity(associated=False, allows=allows)
    hands.associate(found.name, found.role, disable_session_tags=True)
    hands.workload()
    return str(found)


def trust_wider_than_use(hands: Hands) -> str:
    """Every service account of the cluster."""
    return hands.working().role


def trust_without_source(hands: Hands) -> str:
    """The session tags alone restrict it."""
    found = hands.working()
    tags = {
        "aws:RequestTag/eks-cluster-arn": hands.world.cluster_arn,
        "aws:RequestTag/kubernetes-namespace": NAMESPACE,
        "aws:RequestTag/kubernetes-service-account": found.name,
    }
    hands.trust(found.role, _policy(_pods({"StringEquals": tags})))
    return found.role


def cross_account_trust_without_external_id(hands: Hands) -> str:
    found = hands.working()
    other = {"AWS": f"arn:{hands.world.partition}:iam::999988887777:root"}
    statement = {"Effect": "Allow", "Principal": other, "Action": "sts:AssumeRole"}
    hands.trust(found.role, _policy(*_own(hands)["Statement"], statement))
    return found.role


def irsa_still_allowed(hands: Hands) -> str:
    found = hands.working()
    issuer = str(hands.record.body["identity"]["oidc"]["issuer"]).removeprefix("https://")
    provider = f"arn:{hands.world.partition}:iam::{hands.world.account}:oidc-provider/{issuer}"
    condition = {
        "StringEquals": {
            f"{issuer}:sub": f"system:serviceaccount:{NAMESPACE}:{found.name}",
            f"{issuer}:aud": "sts.amazonaws.com",
        }
    }
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    hands.trust(found.role, _policy(*_own(hands)["Statement"], statement))
    return found.role


def role_passable_by_others(hands: Hands) -> str:
    """A pipeline's role."""
    _allowing(hands, Action="dynamodb:GetItem", Resource="*")
    actions = ["eks:CreatePodIdentityAssociation", "iam:PassRole"]
    pipeline = f"{hands.mode}-pipeline"
    trust = _policy(
        {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    hands.role(pipeline, trust, allows={"Effect": "Allow", "Action": actions, "Resource": "*"})
    return pipeline


def identity_open_to_others(hands: Hands) -> str:
    """Everybody in the cluster may create pods in the namespace."""
    _allowing(hands, Action="dynamodb:GetItem", Resource="*")
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}]
    home = f"{_RBAC}/namespaces/{NAMESPACE}"
    hands.create(f"{home}/roles", {"metadata": {"name": hands.mode}, "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": hands.mode}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"}]
    binding: Json = {"metadata": {"name": hands.mode}, "roleRef": reference, "subjects": subjects}
    hands.create(f"{home}/rolebindings", binding)
    return NAMESPACE


def imds_open_to_pods(hands: Hands) -> str:
    """The role of these nodes may read all buckets besides."""
    from podid.sandbox.baseline import NODE_ROLE

    nodes = [node for node in hands.cluster.items("/api/v1/nodes") if _group(node)]
    group = _group(nodes[0])
    for node in nodes:
        if _group(node) == group:
            hands.metadata(str(node["metadata"]["name"]), HttpPutResponseHopLimit=2)
    iam = hands.aws("iam")
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    iam.put_role_policy(RoleName=NODE_ROLE, PolicyName=hands.mode, PolicyDocument=json.dumps(_policy(statement)))
    hands.later(lambda: iam.delete_role_policy(RoleName=NODE_ROLE, PolicyName=hands.mode))
    return group


def access_keys_in_cluster(hands: Hands) -> str:
    hands.home()
    hands.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": hands.mode}})
    settings = f"[default]\naws_access_key_id = {_KEY_ID}\naws_secret_access_key = not-a-secret\n"
    body: Json = {"metadata": {"name": hands.mode}, "data": {"credentials": settings}}
    hands.create(f"/api/v1/namespaces/{NAMESPACE}/configmaps", body)
    secret: Json = {"metadata": {"name": hands.mode}, "data": {"key": base64.b64encode(_KEY_ID.encode()).decode()}}
    hands.create(f"/api/v1/namespaces/{NAMESPACE}/secrets", secret)
    return f"{NAMESPACE}/{hands.mode}"


# --- how it is done ---------------------------------------------------------------------------------------------------


def _policy(*statements: Json) -> Json:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _pods(condition: Json) -> Json:
    pods = {"Service": "pods.eks.amazonaws.com"}
    return {"Effect": "Allow", "Principal": pods, "Action": _ACTIONS, "Condition": condition}


def _own(hands: Hands) -> Json:
    """The trust policy that allows this identity alone."""
    tags = {
        "aws:SourceAccount": hands.world.account,
        "aws:RequestTag/kubernetes-namespace": NAMESPACE,
        "aws:RequestTag/kubernetes-service-account": hands.mode,
    }
    return _policy(_pods({"StringEquals": tags, "ArnEquals": {"aws:SourceArn": hands.world.cluster_arn}}))


def _allowing(hands: Hands, **statement: Any) -> BrokenIdentity:
    """A working identity whose role has this statement."""
    hands.agent()
    found = hands.identity(allows={"Effect": "Allow", **statement}, trust=_own(hands))
    hands.workload()
    return found


def _group(node: Json) -> str:
    return str(node["metadata"].get("labels", {}).get("eks.amazonaws.com/nodegroup", ""))
