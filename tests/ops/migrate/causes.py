"""Causes of blockers and warnings of a migration: each adds a service account that has just this one."""

import json
from collections.abc import Callable

from cluster_api import Json
from irsa import PROVIDER, Irsa, irsa_statement
from podid.sandbox.breaks.scenario import Scenario
from worlds import ACCOUNT

ROLES = f"arn:aws:iam::{ACCOUNT}:role/"
FAR = "arn:aws:iam::444455556666:role/far"
Cause = Callable[[Irsa, str], str]


def add(irsa: Irsa, ref: str, *statements: Json, metadata: Json | None = None, **pod: object) -> str:
    """Add a service account with a role, and a Deployment whose pods have these members."""
    arn = irsa.role(ref.replace("/", "-"), *(statements or (irsa_statement(ref),)))
    more: Json = {"pod": pod} if pod else {}
    irsa.account(ref, arn, metadata=metadata, **more)
    return ref


def allow(irsa: Irsa, ref: str, resource: object, action: str = "sts:AssumeRole", **condition: Json) -> None:
    """Add a policy to the role of the service account."""
    statement: Json = {"Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    irsa.site.aws("iam").put_role_policy(
        RoleName=ref.replace("/", "-"), PolicyName="more", PolicyDocument=json.dumps(document)
    )


def _container(**more: object) -> list[Json]:
    return [{"name": "app", "image": "busybox:1.37", "command": ["sleep", "infinity"], **more}]


def _env(**values: str) -> list[Json]:
    return _container(env=[{"name": name, "value": value} for name, value in values.items()])


def _scenario(irsa: Irsa) -> Scenario:
    return Scenario(irsa.site.box.reach(), "one")


def _daemon_set(irsa: Irsa, name: str) -> None:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": f"{name}:v1"}]}}
    body = {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": template}}
    irsa.site.cluster.post("/apis/apps/v1/namespaces/kube-system/daemonsets", body)
    irsa.site.wait(30)


# --- blockers ---------------------------------------------------------------------------------------------------------


def fargate_pod(irsa: Irsa, ref: str) -> str:
    node = _scenario(irsa).add_node("10.0.9.9", labels={"eks.amazonaws.com/compute-type": "fargate"})
    return add(irsa, ref, nodeName=node)


def windows_pod(irsa: Irsa, ref: str) -> str:
    node = _scenario(irsa).add_node("10.0.9.10", labels={"kubernetes.io/os": "windows"})
    irsa.site.cluster.merge(f"/api/v1/nodes/{node}/status", {"status": {"nodeInfo": {"operatingSystem": "windows"}}})
    return add(irsa, ref, nodeName=node, nodeSelector={"kubernetes.io/os": "windows"})


def agent_not_on_node(irsa: Irsa, ref: str) -> str:
    values = json.dumps({"tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}]})
    irsa.site.aws("eks").update_addon(
        clusterName="demo", addonName="eks-pod-identity-agent", configurationValues=values
    )
    irsa.site.wait(60)
    node = _scenario(irsa).add_node("10.0.9.11", taints=[{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}])
    add(irsa, ref, nodeName=node, tolerations=[{"operator": "Exists"}])
    irsa.site.wait(150)  # a node that has just joined may still get its agent
    return ref


def role_not_found(irsa: Irsa, ref: str) -> str:
    irsa.account(ref, f"{ROLES}gone")
    return ref


def cross_account_role_arn(irsa: Irsa, ref: str) -> str:
    irsa.account(ref, FAR)
    return ref


def association_other_role(irsa: Irsa, ref: str) -> str:
    namespace, name = add(irsa, ref).split("/")
    irsa.site.associate(namespace, name)
    return ref


def irsa_env_hardcoded(irsa: Irsa, ref: str) -> str:
    role = ROLES + ref.replace("/", "-")
    return add(irsa, ref, containers=_env(AWS_ROLE_ARN=role, AWS_WEB_IDENTITY_TOKEN_FILE="/token"))


def static_aws_keys_shadow(irsa: Irsa, ref: str) -> str:
    return add(irsa, ref, containers=_env(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="y"))


def sdk_too_old(irsa: Irsa, ref: str) -> str:
    return add(irsa, ref, containers=_container(image="public.ecr.aws/aws-cli/aws-cli:2.13.0"))


def product_still_in_irsa_mode(irsa: Irsa, ref: str) -> str:
    namespace, name = add(irsa, ref).split("/")
    irsa.site.kube.install("external-secrets.io")
    auth = {"jwt": {"serviceAccountRef": {"name": name}}}
    spec = {"provider": {"aws": {"service": "SecretsManager", "region": "us-west-2", "auth": auth}}}
    path = f"/apis/external-secrets.io/v1/namespaces/{namespace}/secretstores"
    irsa.site.cluster.post(path, {"metadata": {"name": name}, "spec": spec})
    return ref


def pod_proxy_missing_no_proxy(irsa: Irsa, ref: str) -> str:
    return add(irsa, ref, containers=_env(HTTP_PROXY="http://proxy.internal:3128"))


def networkpolicy_blocks_agent(irsa: Irsa, ref: str) -> str:
    namespace, name = add(irsa, ref).split("/")
    _daemon_set(irsa, "calico-node")
    block = {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}
    spec = {"podSelector": {"matchLabels": {"app": name}}, "policyTypes": ["Egress"], "egress": [{"to": [block]}]}
    path = f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"
    irsa.site.cluster.post(path, {"metadata": {"name": "egress"}, "spec": spec})
    return ref


def sg_for_pods_blocks_agent(irsa: Irsa, ref: str) -> str:
    # the VPC CNI in its default mode, and pods with network interfaces of their own
    namespace, name = add(irsa, ref).split("/")
    _daemon_set(irsa, "aws-node")
    interface = '[{"eniId":"eni-0a1b2c3d4e5f60001","ifAddress":"0e:12:34:56:78:9a","privateIp":"10.0.1.77"}]'
    template = {"metadata": {"annotations": {"vpc.amazonaws.com/pod-eni": interface}}}
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
    irsa.site.cluster.merge(path, {"spec": {"template": template}})
    irsa.site.wait(60)
    return ref


def trust_quota(irsa: Irsa, ref: str) -> str:
    return add(irsa, ref, irsa_statement(ref, *(f"shop/{'x' * 50}{number}" for number in range(18))))


def addon_pod_identity_unsupported(irsa: Irsa, _: str) -> str:
    ref = addon_with_irsa(irsa)
    irsa.site.box.world.clusters["demo"].addons["aws-ebs-csi-driver"].version = "v1.25.0-eksbuild.1"
    return ref


def addon_with_irsa(irsa: Irsa) -> str:
    arn = irsa.role("ebs-csi", irsa_statement("kube-system/ebs-csi-controller-sa"))
    irsa.account("kube-system/ebs-csi-controller-sa", arn)
    irsa.site.aws("eks").update_addon(clusterName="demo", addonName="aws-ebs-csi-driver", serviceAccountRoleArn=arn)
    irsa.site.wait(60)
    return "kube-system/ebs-csi-controller-sa"


# --- warnings ---------------------------------------------------------------------------------------------------------


def role_used_elsewhere(irsa: Irsa, ref: str) -> str:
    return add(irsa, ref, irsa_statement(ref), irsa_statement(ref, provider=PROVIDER.replace("EXAMPLED", "OTHERD")))


def wildcard_subject(irsa: Irsa, ref: str) -> str:
    return add(irsa, ref, irsa_statement(f"{ref[:-3]}*", operator="StringLike"))


def wildcard_subject_without_sub(irsa: Irsa, ref: str) -> str:
    return add(irsa, ref, irsa_statement())


def annotation_owned(irsa: Irsa, ref: str) -> str:
    return add(irsa, ref, metadata={"annotations": {"meta.helm.sh/release-name": "one"}})


def session_name_changed(irsa: Irsa, ref: str) -> str:
    statement = irsa_statement(ref)
    statement["Condition"]["StringLike"] = {"sts:RoleSessionName": "botocore-session-*"}
    return add(irsa, ref, statement)


def session_name_changed_in_a_policy(irsa: Irsa, ref: str) -> str:
    add(irsa, ref)
    allow(irsa, ref, "*", "s3:GetObject", StringLike={"aws:userid": "*:botocore-session-*"})
    return ref


def chained_assume_missing_tag_session(irsa: Irsa, ref: str) -> str:
    add(irsa, ref)
    allow(irsa, ref, FAR)
    return ref


def host_network_pod(irsa: Irsa, ref: str) -> str:
    return add(irsa, ref, hostNetwork=True)


# those with a new node are last, because pods of the others would run there too
BLOCKERS = (
    role_not_found,
    cross_account_role_arn,
    association_other_role,
    irsa_env_hardcoded,
    static_aws_keys_shadow,
    sdk_too_old,
    product_still_in_irsa_mode,
    pod_proxy_missing_no_proxy,
    networkpolicy_blocks_agent,
    sg_for_pods_blocks_agent,
    trust_quota,
    addon_pod_identity_unsupported,
    agent_not_on_node,
    fargate_pod,
    windows_pod,
)
WARNINGS = (
    role_used_elsewhere,
    wildcard_subject,
    wildcard_subject_without_sub,
    annotation_owned,
    session_name_changed,
    session_name_changed_in_a_policy,
    chained_assume_missing_tag_session,
    host_network_pod,
)
