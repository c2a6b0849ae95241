"""Risks in a configuration that works: permissions that no pod uses, and paths to them. `podid audit` reports them."""

import base64
import json
from typing import Any

from podid.sandbox.breaks.scenario import NAMESPACE, BrokenIdentity, Json, Scenario

_ACTIONS = ["sts:AssumeRole", "sts:TagSession"]
# a key id that belongs to no account
_KEY_ID = "AKIAZZZZPODIDSANDBOX"
_RBAC = "/apis/rbac.authorization.k8s.io/v1"


def role_administrator(scenario: Scenario) -> str:
    return _allowing(scenario, Action="*", Resource="*").role


def iam_quota(scenario: Scenario) -> str:
    """Attach policies until only one more can be attached."""
    identity = _allowing(scenario, Action="dynamodb:GetItem", Resource="*")
    for service in ("S3", "SQS", "SNS", "DynamoDB", "RDS", "EC2", "SSM", "ElastiCache", "Redshift"):
        arn = f"arn:{scenario.world.partition}:iam::aws:policy/Amazon{service}ReadOnlyAccess"
        scenario.aws("iam").attach_role_policy(RoleName=identity.name, PolicyArn=arn)
    return identity.role


def role_passes_any_role(scenario: Scenario) -> str:
    return _allowing(scenario, Action=["dynamodb:GetItem", "iam:PassRole"], Resource="*").role


def role_assumes_any_role(scenario: Scenario) -> str:
    roles = f"arn:{scenario.world.partition}:iam::{scenario.world.account}:role/*"
    return _allowing(scenario, Action=_ACTIONS, Resource=roles).role


def role_privilege_escalation(scenario: Scenario) -> str:
    return _allowing(scenario, Action=["dynamodb:GetItem", "iam:PutRolePolicy"], Resource="*").role


def policy_uses_disabled_session_tags(scenario: Scenario) -> str:
    scenario.install_agent()
    tag = {"StringEquals": {"aws:PrincipalTag/kubernetes-namespace": NAMESPACE}}
    allows = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*", "Condition": tag}
    identity = scenario.create_identity(associated=False, allows=allows)
    scenario.associate(identity.name, identity.role, disable_session_tags=True)
    scenario.create_workload()
    return str(identity)


def trust_wider_than_use(scenario: Scenario) -> str:
    """Use a role whose trust policy allows every service account of the cluster."""
    return scenario.create_working_identity().role


def trust_without_source(scenario: Scenario) -> str:
    """Restrict the trust policy by session tags alone."""
    identity = scenario.create_working_identity()
    tags = {
        "aws:RequestTag/eks-cluster-arn": scenario.world.cluster_arn,
        "aws:RequestTag/kubernetes-namespace": NAMESPACE,
        "aws:RequestTag/kubernetes-service-account": identity.name,
    }
    scenario.set_trust(identity.role, _policy(_pods({"StringEquals": tags})))
    return identity.role


def cross_account_trust_without_external_id(scenario: Scenario) -> str:
    identity = scenario.create_working_identity()
    principal = {"AWS": f"arn:{scenario.world.partition}:iam::999988887777:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    scenario.set_trust(identity.role, _policy(*_own(scenario)["Statement"], statement))
    return identity.role


def irsa_still_allowed(scenario: Scenario) -> str:
    identity = scenario.create_working_identity()
    issuer = str(scenario.record.body["identity"]["oidc"]["issuer"]).removeprefix("https://")
    provider = f"arn:{scenario.world.partition}:iam::{scenario.world.account}:oidc-provider/{issuer}"
    condition = {
        "StringEquals": {
            f"{issuer}:sub": f"system:serviceaccount:{NAMESPACE}:{identity.name}",
            f"{issuer}:aud": "sts.amazonaws.com",
        }
    }
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    scenario.set_trust(identity.role, _policy(*_own(scenario)["Statement"], statement))
    return identity.role


def role_passable_by_others(scenario: Scenario) -> str:
    """Create the role of a pipeline that can pass roles to associations."""
    _allowing(scenario, Action="dynamodb:GetItem", Resource="*")
    actions = ["eks:CreatePodIdentityAssociation", "iam:PassRole"]
    pipeline = f"{scenario.mode}-pipeline"
    trust = _policy(
        {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    scenario.create_role(pipeline, trust, allows={"Effect": "Allow", "Action": actions, "Resource": "*"})
    return pipeline


def identity_open_to_others(scenario: Scenario) -> str:
    """Allow every authenticated user to create pods in the namespace."""
    _allowing(scenario, Action="dynamodb:GetItem", Resource="*")
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]}]
    home = f"{_RBAC}/namespaces/{NAMESPACE}"
    scenario.create(f"{home}/roles", {"metadata": {"name": scenario.mode}, "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": scenario.mode}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"}]
    binding: Json = {"metadata": {"name": scenario.mode}, "roleRef": reference, "subjects": subjects}
    scenario.create(f"{home}/rolebindings", binding)
    return NAMESPACE


def imds_open_to_pods(scenario: Scenario) -> str:
    """Let pods reach the metadata service of a node group, whose role may also read all buckets."""
    from podid.sandbox.baseline import NODE_ROLE

    nodes = [node for node in scenario.cluster.items("/api/v1/nodes") if _group(node)]
    group = _group(nodes[0])
    for node in nodes:
        if _group(node) == group:
            scenario.set_metadata_options(str(node["metadata"]["name"]), HttpPutResponseHopLimit=2)
    iam = scenario.aws("iam")
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    iam.put_role_policy(RoleName=NODE_ROLE, PolicyName=scenario.mode, PolicyDocument=json.dumps(_policy(statement)))
    scenario.on_undo(lambda: iam.delete_role_policy(RoleName=NODE_ROLE, PolicyName=scenario.mode))
    return group


def access_keys_in_cluster(scenario: Scenario) -> str:
    scenario.create_namespace()
    scenario.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": {"name": scenario.mode}})
    settings = f"[default]\naws_access_key_id = {_KEY_ID}\naws_secret_access_key = not-a-secret\n"
    body: Json = {"metadata": {"name": scenario.mode}, "data": {"credentials": settings}}
    scenario.create(f"/api/v1/namespaces/{NAMESPACE}/configmaps", body)
    secret: Json = {"metadata": {"name": scenario.mode}, "data": {"key": base64.b64encode(_KEY_ID.encode()).decode()}}
    scenario.create(f"/api/v1/namespaces/{NAMESPACE}/secrets", secret)
    return f"{NAMESPACE}/{scenario.mode}"


# --- helpers ----------------------------------------------------------------------------------------------------------


def _policy(*statements: Json) -> Json:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _pods(condition: Json) -> Json:
    pods = {"Service": "pods.eks.amazonaws.com"}
    return {"Effect": "Allow", "Principal": pods, "Action": _ACTIONS, "Condition": condition}


def _own(scenario: Scenario) -> Json:
    """Return a trust policy that allows only this identity."""
    tags = {
        "aws:SourceAccount": scenario.world.account,
        "aws:RequestTag/kubernetes-namespace": NAMESPACE,
        "aws:RequestTag/kubernetes-service-account": scenario.mode,
    }
    return _policy(_pods({"StringEquals": tags, "ArnEquals": {"aws:SourceArn": scenario.world.cluster_arn}}))


def _allowing(scenario: Scenario, **statement: Any) -> BrokenIdentity:
    """Create a working identity whose role has this statement."""
    scenario.install_agent()
    identity = scenario.create_identity(allows={"Effect": "Allow", **statement}, trust=_own(scenario))
    scenario.create_workload()
    return identity


def _group(node: Json) -> str:
    return str(node["metadata"].get("labels", {}).get("eks.amazonaws.com/nodegroup", ""))
