"""The pod identity webhook, rule by rule (aws/amazon-eks-pod-identity-webhook, pkg/handler)."""

import math
from typing import Any

import pytest

from sandbox.kube_support import Cluster, Obj, names, pod

PODS = "/api/v1/namespaces/shop/pods"
DRY = f"{PODS}?dryRun=All"
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
URI = {"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": "http://169.254.170.23/v1/credentials"}
TOKEN_FILE = {
    "name": "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "value": "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token",
}
REGIONS = [{"name": "AWS_DEFAULT_REGION", "value": "us-west-2"}, {"name": "AWS_REGION", "value": "us-west-2"}]
REGIONAL = {"name": "AWS_STS_REGIONAL_ENDPOINTS", "value": "regional"}
POD_IDENTITY = [REGIONAL, *REGIONS, URI, TOKEN_FILE]
MOUNT = {
    "name": "eks-pod-identity-token",
    "readOnly": True,
    "mountPath": "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount",
}
ROLE = "arn:aws:iam::111122223333:role/irsa-reports"
IRSA = [
    REGIONAL,
    *REGIONS,
    {"name": "AWS_ROLE_ARN", "value": ROLE},
    {
        "name": "AWS_WEB_IDENTITY_TOKEN_FILE",
        "value": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
    },
]


@pytest.fixture(autouse=True)
def _associated(cluster: Cluster) -> None:
    cluster.world.associations.add(("shop", "orders"))


def env(container: Obj) -> list[Obj]:
    found: list[Obj] = container.get("env", [])
    return found


def annotate_account(cluster: Cluster, annotations: dict[str, str], account: str = "shop/orders") -> None:
    namespace, name = account.split("/")
    body = {"metadata": {"annotations": annotations}}
    cluster.patch(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}", body)


def token_volume(made: Obj, name: str = "eks-pod-identity-token") -> Any:
    volume = next(entry for entry in made["spec"]["volumes"] if entry["name"] == name)
    assert volume["projected"]["defaultMode"] == 420
    return volume["projected"]["sources"][0]["serviceAccountToken"]


@pytest.mark.parametrize("path", [PODS, DRY])
def test_a_pod_of_an_associated_service_account_gets_variables_volume_mount_and_label(
    cluster: Cluster, path: str
) -> None:
    made = cluster.post(path, pod())
    assert env(made["spec"]["containers"][0]) == POD_IDENTITY
    assert made["spec"]["containers"][0]["volumeMounts"][-1] == MOUNT
    assert made["metadata"]["labels"] == {"eks.amazonaws.com/pod-identity": "enabled"}
    token = token_volume(made)
    assert 79200 <= token.pop("expirationSeconds") <= 86400
    assert token == {"audience": "pods.eks.amazonaws.com", "path": "eks-pod-identity-token"}


def test_a_pod_of_another_service_account_stays_as_it_is(cluster: Cluster) -> None:
    made = cluster.post(DRY, pod(account="default"))
    assert env(made["spec"]["containers"][0]) == []
    assert "labels" not in made["metadata"]


def test_init_containers_and_native_sidecars_are_injected_too(cluster: Cluster) -> None:
    sidecar = {"name": "s", "image": "pause", "restartPolicy": "Always"}
    made = cluster.post(DRY, pod(initContainers=[{"name": "i", "image": "pause"}, sidecar]))
    assert [env(entry) for entry in made["spec"]["initContainers"]] == [POD_IDENTITY, POD_IDENTITY]


def test_a_skipped_container_is_left_alone(cluster: Cluster) -> None:
    given = pod(containers=[{"name": "a", "image": "pause"}, {"name": "b", "image": "pause"}])
    given["metadata"]["annotations"] = {"eks.amazonaws.com/skip-containers": "x, b"}
    first, second = cluster.post(DRY, given)["spec"]["containers"]
    assert (env(first), env(second)) == (POD_IDENTITY, [])


def test_a_pod_with_the_skip_label_is_left_alone(cluster: Cluster) -> None:
    given = pod()
    given["metadata"]["labels"] = {"eks.amazonaws.com/skip-pod-identity-webhook": "any"}
    assert env(cluster.post(DRY, given)["spec"]["containers"][0]) == []


@pytest.mark.parametrize("set_already", [URI["name"], TOKEN_FILE["name"]])
def test_neither_variable_is_added_where_one_is_set(cluster: Cluster, set_already: str) -> None:
    own = {"name": set_already, "value": "own"}
    made = cluster.post(DRY, pod(containers=[{"name": "c", "image": "pause", "env": [own]}]))
    assert env(made["spec"]["containers"][0]) == [own, REGIONAL, *REGIONS]


@pytest.mark.parametrize("region", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_a_region_that_is_set_stays_the_only_one(cluster: Cluster, region: str) -> None:
    own = {"name": region, "value": "eu-west-1"}
    made = cluster.post(DRY, pod(containers=[{"name": "c", "image": "pause", "env": [own]}]))
    assert env(made["spec"]["containers"][0]) == [own, REGIONAL, URI, TOKEN_FILE]


def test_an_annotated_service_account_gets_irsa(cluster: Cluster) -> None:
    made = cluster.post("/api/v1/namespaces/legacy/pods?dryRun=All", pod(account="reports"))
    assert env(made["spec"]["containers"][0]) == IRSA
    assert token_volume(made, "aws-iam-token") == {
        "audience": "sts.amazonaws.com",
        "expirationSeconds": 86400,
        "path": "token",
    }
    assert "labels" not in made["metadata"]


def test_an_association_beats_the_irsa_annotation(cluster: Cluster) -> None:
    cluster.world.associations.add(("legacy", "reports"))
    cluster.wait(60)
    made = cluster.post("/api/v1/namespaces/legacy/pods?dryRun=All", pod(account="reports"))
    assert env(made["spec"]["containers"][0]) == POD_IDENTITY
    assert "aws-iam-token" not in names([{"metadata": volume} for volume in made["spec"]["volumes"]])


@pytest.mark.parametrize(("given", "expected"), [("7200", 7200), ("60", 600), ("999999", 86400)])
def test_expiration_is_taken_from_the_service_account_within_bounds(
    cluster: Cluster, given: str, expected: int
) -> None:
    annotate_account(cluster, {"eks.amazonaws.com/token-expiration": given})
    assert token_volume(cluster.post(DRY, pod()))["expirationSeconds"] == expected


def test_the_pods_expiration_wins_over_the_service_accounts(cluster: Cluster) -> None:
    annotate_account(cluster, {"eks.amazonaws.com/token-expiration": "7200"})
    given = pod()
    given["metadata"]["annotations"] = {"eks.amazonaws.com/token-expiration": "3600"}
    assert token_volume(cluster.post(DRY, given))["expirationSeconds"] == 3600


def test_regional_endpoints_can_be_switched_off(cluster: Cluster) -> None:
    annotate_account(cluster, {"eks.amazonaws.com/sts-regional-endpoints": "false"})
    assert env(cluster.post(DRY, pod())["spec"]["containers"][0]) == [*REGIONS, URI, TOKEN_FILE]


def test_pods_on_the_host_network_are_injected(cluster: Cluster) -> None:
    assert env(cluster.post(DRY, pod(hostNetwork=True))["spec"]["containers"][0]) == POD_IDENTITY


def test_existing_pods_are_never_changed(cluster: Cluster) -> None:
    cluster.world.associations.add(("payments", "billing-worker"))
    cluster.wait(60)
    running = cluster.items("/api/v1/namespaces/payments/pods")
    assert [env(entry["spec"]["containers"][0]) for entry in running] == [[]]


def test_a_miss_is_silent_because_the_failure_policy_is_ignore(cluster: Cluster) -> None:
    cluster.sandbox.faults.webhook_misses = 1
    found = [env(cluster.post(DRY, pod())["spec"]["containers"][0]) for _ in range(2)]
    assert found == [[], POD_IDENTITY]


def test_a_miss_refuses_the_pod_where_the_failure_policy_is_fail(cluster: Cluster) -> None:
    cluster.sandbox.faults.webhook_misses = math.inf
    replace = [{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Fail"}]
    cluster.patch(f"{WEBHOOKS}/pod-identity-webhook", replace, "json")
    status, body = cluster.call("POST", DRY, pod())
    assert (status, body["reason"]) == (500, "InternalError")
    assert 'failed calling webhook "iam-for-pods.amazonaws.com"' in body["message"]


def test_nothing_is_injected_without_the_configuration(cluster: Cluster) -> None:
    status, answer = cluster.call("DELETE", f"{WEBHOOKS}/pod-identity-webhook")
    assert (status, answer["status"]) == (200, "Success")
    assert env(cluster.post(DRY, pod())["spec"]["containers"][0]) == []


def test_a_namespace_selector_of_the_configuration_is_honoured(cluster: Cluster) -> None:
    selector = {"matchLabels": {"pod-identity": "on"}}
    change = [{"op": "replace", "path": "/webhooks/0/namespaceSelector", "value": selector}]
    cluster.patch(f"{WEBHOOKS}/pod-identity-webhook", change, "json")
    assert env(cluster.post(DRY, pod())["spec"]["containers"][0]) == []
    cluster.patch("/api/v1/namespaces/shop", {"metadata": {"labels": {"pod-identity": "on"}}})
    assert env(cluster.post(DRY, pod())["spec"]["containers"][0]) == POD_IDENTITY


def test_replicas_of_the_webhook_learn_at_different_times(cluster: Cluster) -> None:
    def answers() -> list[bool]:
        path = "/api/v1/namespaces/payments/pods?dryRun=All"
        made = [cluster.post(path, pod(account="billing-worker"), caller=caller) for caller in (0, 1)]
        return [bool(env(entry["spec"]["containers"][0])) for entry in made]

    seen = [answers()]
    cluster.world.associations.add(("payments", "billing-worker"))
    seen.append(answers())
    cluster.wait(0.6)
    seen.append(answers())
    cluster.world.associations.clear()
    seen.append(answers())
    cluster.wait(0.6)
    seen.append(answers())
    assert seen == [[False, False], [True, False], [True, True], [False, True], [False, False]]
