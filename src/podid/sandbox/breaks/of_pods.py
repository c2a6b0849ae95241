"""Failure modes of pods that lack the credentials of their service account, or do not use them: links 3 and 4."""

from typing import Any

from podid.sandbox.breaks.scenario import CONTAINER, NAMESPACE, Scenario

_WEBHOOK = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook"


def _env(**values: str) -> dict[str, Any]:
    return {"env": [{"name": name, "value": value} for name, value in values.items()]}


def pod_predates_association(scenario: Scenario) -> str:
    scenario.install_agent()
    identity = scenario.create_identity(associated=False)
    scenario.create_workload()
    scenario.associate(identity.name, identity.role, age=60.0)
    scenario.advance_time()
    return str(identity)


def association_propagation_race(scenario: Scenario) -> str:
    scenario.install_agent()
    identity = scenario.create_identity(associated=False)
    scenario.associate(identity.name, identity.role, age=0.0)
    scenario.create_workload()
    return str(identity)


def webhook_config_altered(scenario: Scenario) -> str:
    """Add a label selector to the webhook that no pod matches."""
    scenario.create_working_identity()
    webhook = {**scenario.cluster.get(_WEBHOOK)["webhooks"][0], "objectSelector": {"matchLabels": {"inject": "yes"}}}
    scenario.merge(_WEBHOOK, {"webhooks": [webhook]})
    scenario.replace_pods()
    return "pod-identity-webhook"


def injection_missed_webhook(scenario: Scenario) -> str:
    identity = scenario.create_working_identity()
    scenario.kube.faults.webhook_misses = 1
    (first, *_) = scenario.cluster.pod_names(NAMESPACE, identity.name)
    scenario.cluster.delete(f"/api/v1/namespaces/{NAMESPACE}/pods/{first}")
    scenario.advance_time()
    return str(identity)


def injected_fields_hardcoded(scenario: Scenario) -> str:
    return str(
        scenario.create_working_identity(
            container=_env(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://localhost:9911/credentials")
        )
    )


def token_audience(scenario: Scenario) -> str:
    """Mount a token for STS in the manifest, as IRSA does."""
    variables = _env(
        AWS_CONTAINER_CREDENTIALS_FULL_URI="http://169.254.170.23/v1/credentials",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="/var/run/own/token",  # noqa: S106
    )
    mounts = [{"name": "own", "mountPath": "/var/run/own"}]
    token = {"serviceAccountToken": {"audience": "sts.amazonaws.com", "path": "token"}}
    volumes = [{"name": "own", "projected": {"sources": [token]}}]
    return str(
        scenario.create_working_identity(container={**variables, "volumeMounts": mounts}, pod={"volumes": volumes})
    )


def irsa_env_still_active(scenario: Scenario) -> str:
    """Move a service account from IRSA to Pod Identity without restarting its pods."""
    scenario.install_agent()
    identity = scenario.create_identity(associated=False)
    irsa = f"arn:{scenario.world.partition}:iam::{scenario.world.account}:role/irsa-reports"
    scenario.merge(identity.account, {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": irsa}}})
    scenario.create_workload()
    scenario.associate(identity.name, identity.role, age=60.0)
    scenario.advance_time()
    return str(identity)


def irsa_env_hardcoded(scenario: Scenario) -> str:
    role = f"arn:{scenario.world.partition}:iam::{scenario.world.account}:role/old"
    variables = _env(AWS_ROLE_ARN=role, AWS_WEB_IDENTITY_TOKEN_FILE="/token")  # noqa: S106
    return str(scenario.create_working_identity(container=variables))


def static_aws_keys_shadow(scenario: Scenario) -> str:
    keys = _env(AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE", AWS_SECRET_ACCESS_KEY="not-a-secret")  # noqa: S106
    return str(scenario.create_working_identity(container=keys))


def sdk_too_old(scenario: Scenario) -> str:
    """Use an AWS CLI that does not support the agent and calls AWS with the node's role instead."""
    from podid.sandbox.aws import trail
    from podid.sandbox.baseline import NODE_ROLE

    identity = scenario.create_working_identity(container={"image": "public.ecr.aws/aws-cli/aws-cli:2.13.0"})
    node = str(scenario.cluster.pods(NAMESPACE, identity.name)[0]["spec"]["nodeName"])
    scenario.set_metadata_options(node, HttpPutResponseHopLimit=2)
    role = f"arn:{scenario.world.partition}:iam::{scenario.world.account}:role/{NODE_ROLE}"
    agent = "aws-cli/2.13.0 Python/3.11.4 Linux/6.1.0 docker/x86_64.amzn.2 prompt/off command/secretsmanager"
    trail.called(
        scenario.world, scenario.instance_id(node), role, "secretsmanager.amazonaws.com", "GetSecretValue", agent
    )
    event = scenario.world.trail[-1]
    scenario.on_undo(lambda: scenario.world.trail.remove(event))
    return str(identity)


def injection_opted_out(scenario: Scenario) -> str:
    return str(scenario.create_working_identity(annotations={"eks.amazonaws.com/skip-containers": CONTAINER}))


def irsa_annotation_leftover(scenario: Scenario) -> str:
    identity = scenario.create_working_identity()
    role = f"arn:{scenario.world.partition}:iam::{scenario.world.account}:role/old"
    scenario.merge(identity.account, {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": role}}})
    return str(identity)


def irsa_role_trusts_pods_only(scenario: Scenario) -> str:
    """Annotate a service account with a role whose trust policy allows only EKS Pod Identity."""
    identity = scenario.create_identity(associated=False)
    role = f"arn:{scenario.world.partition}:iam::{scenario.world.account}:role/{identity.role}"
    scenario.merge(identity.account, {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": role}}})
    scenario.create_workload()
    return str(identity)


def cached_credentials_after_change(scenario: Scenario) -> str:
    """Change the role of an association while pods still have credentials of the previous role."""
    scenario.install_agent()
    identity = scenario.create_identity(associated=False)
    association = scenario.associate(identity.name, identity.role)
    scenario.create_workload()
    second_role = scenario.create_role(f"{identity.role}-2")
    scenario.change_association(association, role_arn=second_role, modified_at=scenario.world.clock.now() - 60)
    return str(identity)


def fargate_pod(scenario: Scenario) -> str:
    node = scenario.add_node("10.0.9.9", labels={"eks.amazonaws.com/compute-type": "fargate"})
    return str(scenario.create_working_identity(pod={"nodeName": node}))


def windows_pod(scenario: Scenario) -> str:
    node = scenario.add_node("10.0.9.10", labels={"kubernetes.io/os": "windows"})
    return str(
        scenario.create_working_identity(pod={"nodeName": node, "nodeSelector": {"kubernetes.io/os": "windows"}})
    )
