"""Pods that do not carry, or do not use, the credentials of their service account: links 3 and 4."""

from typing import Any

from podid.sandbox.breaks.hands import CONTAINER, NAMESPACE, Hands

_WEBHOOK = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook"


def _env(**values: str) -> dict[str, Any]:
    return {"env": [{"name": name, "value": value} for name, value in values.items()]}


def pod_predates_association(hands: Hands) -> str:
    hands.agent()
    found = hands.identity(associated=False)
    hands.workload()
    hands.associate(found.name, found.role, age=60.0)
    hands.let_pass()
    return str(found)


def association_propagation_race(hands: Hands) -> str:
    hands.agent()
    found = hands.identity(associated=False)
    hands.associate(found.name, found.role, age=0.0)
    hands.workload()
    return str(found)


def webhook_config_altered(hands: Hands) -> str:
    """It asks for a label that no pod has."""
    hands.working()
    webhook = {**hands.cluster.get(_WEBHOOK)["webhooks"][0], "objectSelector": {"matchLabels": {"inject": "yes"}}}
    hands.merge(_WEBHOOK, {"webhooks": [webhook]})
    hands.replace_pods()
    return "pod-identity-webhook"


def injection_missed_webhook(hands: Hands) -> str:
    found = hands.working()
    hands.kube.faults.webhook_misses = 1
    (first, *_) = hands.cluster.pod_names(NAMESPACE, found.name)
    hands.cluster.delete(f"/api/v1/namespaces/{NAMESPACE}/pods/{first}")
    hands.let_pass()
    return str(found)


def injected_fields_hardcoded(hands: Hands) -> str:
    return str(hands.working(container=_env(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://localhost:9911/credentials")))


def token_audience(hands: Hands) -> str:
    """The manifest mounts a token for STS, as IRSA uses it."""
    variables = _env(
        AWS_CONTAINER_CREDENTIALS_FULL_URI="http://169.254.170.23/v1/credentials",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="/var/run/own/token",  # noqa: S106
    )
    mounts = [{"name": "own", "mountPath": "/var/run/own"}]
    token = {"serviceAccountToken": {"audience": "sts.amazonaws.com", "path": "token"}}
    volumes = [{"name": "own", "projected": {"sources": [token]}}]
    return str(hands.working(container={**variables, "volumeMounts": mounts}, pod={"volumes": volumes}))


def irsa_env_still_active(hands: Hands) -> str:
    """The move to Pod Identity without a restart."""
    hands.agent()
    found = hands.identity(associated=False)
    irsa = f"arn:{hands.world.partition}:iam::{hands.world.account}:role/irsa-reports"
    hands.merge(found.account, {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": irsa}}})
    hands.workload()
    hands.associate(found.name, found.role, age=60.0)
    hands.let_pass()
    return str(found)


def irsa_env_hardcoded(hands: Hands) -> str:
    role = f"arn:{hands.world.partition}:iam::{hands.world.account}:role/old"
    return str(hands.working(container=_env(AWS_ROLE_ARN=role, AWS_WEB_IDENTITY_TOKEN_FILE="/token")))  # noqa: S106


def static_aws_keys_shadow(hands: Hands) -> str:
    keys = _env(AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY="not-a-secret")  # noqa: S106
    return str(hands.working(container=keys))


def sdk_too_old(hands: Hands) -> str:
    """An AWS CLI that does not know the agent, and calls with the node's role instead."""
    from podid.sandbox.aws import trail
    from podid.sandbox.baseline import NODE_ROLE

    found = hands.working(container={"image": "public.ecr.aws/aws-cli/aws-cli:2.13.0"})
    node = str(hands.cluster.pods(NAMESPACE, found.name)[0]["spec"]["nodeName"])
    hands.metadata(node, HttpPutResponseHopLimit=2)
    role = f"arn:{hands.world.partition}:iam::{hands.world.account}:role/{NODE_ROLE}"
    agent = "aws-cli/2.13.0 Python/3.11.4 Linux/6.1.0 docker/x86_64.amzn.2 prompt/off command/secretsmanager"
    trail.called(hands.world, hands.instance(node), role, "secretsmanager.amazonaws.com", "GetSecretValue", agent)
    event = hands.world.trail[-1]
    hands.later(lambda: hands.world.trail.remove(event))
    return str(found)


def injection_opted_out(hands: Hands) -> str:
    return str(hands.working(annotations={"eks.amazonaws.com/skip-containers": CONTAINER}))


def irsa_annotation_leftover(hands: Hands) -> str:
    found = hands.working()
    role = f"arn:{hands.world.partition}:iam::{hands.world.account}:role/old"
    hands.merge(found.account, {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": role}}})
    return str(found)


def cached_credentials_after_change(hands: Hands) -> str:
    """Another role, and pods that have the old one's credentials still."""
    hands.agent()
    found = hands.identity(associated=False)
    made = hands.associate(found.name, found.role)
    hands.workload()
    other = hands.role(f"{found.role}-2")
    hands.change_association(made, role_arn=other, modified_at=hands.world.clock.now() - 60)
    return str(found)


def fargate_pod(hands: Hands) -> str:
    node = hands.add_node("10.0.9.9", labels={"eks.amazonaws.com/compute-type": "fargate"})
    return str(hands.working(pod={"nodeName": node}))


def windows_pod(hands: Hands) -> str:
    node = hands.add_node("10.0.9.10", labels={"kubernetes.io/os": "windows"})
    hands.cluster.merge(f"/api/v1/nodes/{node}/status", {"status": {"nodeInfo": {"operatingSystem": "windows"}}})
    return str(hands.working(pod={"nodeName": node, "nodeSelector": {"kubernetes.io/os": "windows"}}))
