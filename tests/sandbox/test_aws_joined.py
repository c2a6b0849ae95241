"""Both halves together: from an association to credentials in a pod, by real clients only."""

import base64
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from kubernetes import client as k8s
from kubernetes.config import new_client_from_config

from podid.sandbox.box import Sandbox
from sandbox.aws_checks import ROLE, associate
from worlds import Site


@pytest.fixture
def joined(site: Site) -> Site:
    """With the samples."""
    return site.with_samples()


def core_of(box: Sandbox) -> Any:
    connect: Any = new_client_from_config
    return k8s.CoreV1Api(connect(box.env()["KUBECONFIG"]))


@pytest.fixture
def core(joined: Site) -> Any:
    return core_of(joined.box)


def pod_of(core: Any, namespace: str) -> Any:
    return core.list_namespaced_pod(namespace).items[0]


def token(core: Any, namespace: str, account: str, audience: str) -> str:
    pod = pod_of(core, namespace)
    reference = k8s.V1BoundObjectReference(api_version="v1", kind="Pod", name=pod.metadata.name, uid=pod.metadata.uid)
    spec = k8s.V1TokenRequestSpec(audiences=[audience], bound_object_ref=reference)
    request = k8s.AuthenticationV1TokenRequest(spec=spec)
    issued: str = core.create_namespaced_service_account_token(account, namespace, request).status.token
    return issued


def injected(core: Any, namespace: str, account: str) -> bool:
    """Whether a new pod would be injected, asked with dryRun as podid does."""
    container = k8s.V1Container(name="probe", image="busybox")
    spec = k8s.V1PodSpec(service_account_name=account, containers=[container])
    body = k8s.V1Pod(metadata=k8s.V1ObjectMeta(generate_name="probe-"), spec=spec)
    pod = core.create_namespaced_pod(namespace, body, dry_run="All")
    names = {variable.name for variable in pod.spec.containers[0].env or []}
    return "AWS_CONTAINER_CREDENTIALS_FULL_URI" in names


def test_describe_cluster_leads_to_the_api_server(joined: Site, core: Any) -> None:
    cluster = joined.aws("eks").describe_cluster(name="demo")["cluster"]
    assert cluster["endpoint"] == core.api_client.configuration.host
    assert base64.b64decode(cluster["certificateAuthority"]["data"]).startswith(b"-----BEGIN CERTIFICATE-----")


def test_from_association_to_credentials(joined: Site, core: Any) -> None:
    box, connect = joined.box, joined.aws
    eks = connect("eks")
    eks.create_addon(clusterName="demo", addonName="eks-pod-identity-agent")
    box.world.clock.advance(60)
    assert eks.describe_addon(clusterName="demo", addonName="eks-pod-identity-agent")["addon"]["status"] == "ACTIVE"
    agents = core.list_namespaced_pod("kube-system", label_selector="app.kubernetes.io/name=eks-pod-identity-agent")
    assert len(agents.items) == 3
    associate(eks, "shop", "orders")
    assert not injected(core, "shop", "orders")
    box.world.clock.advance(10)
    assert injected(core, "shop", "orders")
    auth = connect("eks-auth")
    answer = auth.assume_role_for_pod_identity(
        clusterName="demo", token=token(core, "shop", "orders", "pods.eks.amazonaws.com")
    )
    assert answer["subject"] == {"namespace": "shop", "serviceAccount": "orders"}
    key = box.world.credentials.find(answer["credentials"]["accessKeyId"])
    assert key is not None
    prefix = "arn:aws:sts::111122223333:assumed-role/orders-dynamodb/eks-demo-"
    assert connect("sts", key=key).get_caller_identity()["Arn"].startswith(prefix)


def test_the_mistyped_association_serves_nobody(joined: Site, core: Any) -> None:
    listed = joined.aws("eks").list_pod_identity_associations(clusterName="demo", namespace="payments")["associations"]
    assert [item["serviceAccount"] for item in listed] == ["bilingworker"]
    assert not injected(core, "payments", "billing-worker")


def test_irsa_still_works(joined: Site, core: Any) -> None:
    sts = boto3.client(
        "sts",
        endpoint_url=joined.box.endpoint_url,
        region_name="us-west-2",
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}),
    )
    arguments = {"RoleArn": f"{ROLE}irsa-reports", "RoleSessionName": "reports"}
    good = token(core, "legacy", "reports", "sts.amazonaws.com")
    answer = sts.assume_role_with_web_identity(WebIdentityToken=good, **arguments)
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::111122223333:assumed-role/irsa-reports/reports"
    assert answer["SubjectFromWebIdentityToken"] == "system:serviceaccount:legacy:reports"
    with pytest.raises(sts.exceptions.InvalidIdentityTokenException):
        sts.assume_role_with_web_identity(
            WebIdentityToken=token(core, "legacy", "reports", "pods.eks.amazonaws.com"), **arguments
        )
    other = token(core, "shop", "orders", "sts.amazonaws.com")
    with pytest.raises(sts.exceptions.ClientError, match="Not authorized to perform sts:AssumeRoleWithWebIdentity"):
        sts.assume_role_with_web_identity(WebIdentityToken=other, **arguments)


def test_the_admin_signs_in_without_a_kubeconfig(joined: Site, tmp_path: Path) -> None:
    """The token of `aws eks get-token`: a presigned GetCallerIdentity."""
    box = joined.box
    session = boto3.session.Session(
        box.admin_key.access_key_id, box.admin_key.secret_access_key, region_name="us-west-2"
    )
    sts = session.client("sts")
    events = sts.meta.events
    events.register(
        "provide-client-params.sts.GetCallerIdentity",
        lambda params, context, **_: context.update(cluster=params.pop("Cluster")),
    )
    events.register(
        "before-sign.sts.GetCallerIdentity",
        lambda request, **_: request.headers.add_header("x-k8s-aws-id", request.context["cluster"]),
    )
    url = sts.generate_presigned_url("get_caller_identity", {"Cluster": "demo"}, ExpiresIn=60, HttpMethod="GET")
    bearer = "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
    cluster = joined.aws("eks").describe_cluster(name="demo")["cluster"]
    authority = tmp_path / "ca.pem"
    authority.write_bytes(base64.b64decode(cluster["certificateAuthority"]["data"]))
    configuration = k8s.Configuration(host=cluster["endpoint"])
    configuration.ssl_ca_cert = str(authority)
    configuration.api_key = {"authorization": f"Bearer {bearer}"}
    nodes = k8s.CoreV1Api(k8s.ApiClient(configuration)).list_node().items
    assert len(nodes) == 3


def test_a_presigned_call_is_served(box: Sandbox) -> None:
    import urllib.request

    session = boto3.session.Session(
        box.admin_key.access_key_id, box.admin_key.secret_access_key, region_name="us-west-2"
    )
    url = session.client("sts", endpoint_url=box.endpoint_url).generate_presigned_url(
        "get_caller_identity", ExpiresIn=60, HttpMethod="GET"
    )
    with urllib.request.urlopen(url) as answer:
        assert b"user/podid-admin" in answer.read()


def test_reset_brings_both_halves_back(joined: Site, core: Any) -> None:
    box, eks = joined.box, joined.aws("eks")
    core.delete_namespace("legacy")
    associate(eks, "shop", "orders")
    box.reset()
    fresh = core_of(box)
    assert "legacy" in {item.metadata.name for item in fresh.list_namespace().items}
    assert len(eks.list_pod_identity_associations(clusterName="demo")["associations"]) == 0
    box.world.clock.advance(10)
    associate(eks, "shop", "orders")
    box.world.clock.advance(10)
    assert injected(fresh, "shop", "orders")
