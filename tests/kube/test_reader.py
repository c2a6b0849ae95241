"""What KubeReader keeps of the API's JSON: recorded answers of a real API server, and the sandbox's cluster."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from podid.domain.aws import Cluster
from podid.domain.cluster import OwnerRef, ServiceAccount, Workload
from podid.domain.errors import AccessDenied, NotFound
from podid.domain.names import ServiceAccountRef
from podid.kube.reader import KubeReader
from podid.kube.transport import Transport
from podid.sandbox.faults import Fault
from podid.sandbox.kube import kinds
from worlds import ORDERS, KubeWorld

from .kubeconfigs import connected


def test_lists_are_complete_and_sorted(lab: KubeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lab.reader.list_pods()
    monkeypatch.setattr("podid.kube.transport.PAGE", 2)
    assert lab.reader.list_pods() == whole
    assert [(pod.namespace, pod.name) for pod in whole] == sorted((pod.namespace, pod.name) for pod in whole)
    assert {pod.service_account for pod in whole} == {"default", "billing-worker", "orders", "reports"}


def test_pods_of_a_service_account_of_labels_and_of_a_namespace(lab: KubeWorld) -> None:
    whole = lab.reader.list_pods()
    shop = tuple(pod for pod in whole if pod.namespace == "shop")
    assert lab.reader.list_pods("shop") == shop
    assert lab.reader.list_pods("shop", service_account="orders") == shop
    assert lab.reader.list_pods(selector={"app": "orders"}) == shop
    assert lab.reader.list_pods("shop", service_account="nobody") == ()


def test_find_and_get(lab: KubeWorld) -> None:
    account = lab.reader.get_service_account(ORDERS)
    assert account.created_at is not None
    moment = account.created_at
    assert account == ServiceAccount(namespace="shop", name="orders", uid=account.uid, created_at=moment)
    assert lab.reader.find_service_account(ServiceAccountRef("shop", "nobody")) is None
    assert lab.reader.find_service_account(ServiceAccountRef("nowhere", "nobody")) is None
    with pytest.raises(NotFound) as raised:
        lab.reader.get_rollout("StatefulSet", "shop", "nope")
    assert raised.value.message == "StatefulSet shop/nope does not exist"


def test_find_does_not_hide_a_missing_permission(lab: KubeWorld) -> None:
    lab.sandbox.add_user("nobody-token", "nobody", rules=[])
    reader, _ = lab.login("nobody-token")
    with pytest.raises(AccessDenied) as raised:
        reader.find_service_account(ORDERS)
    assert raised.value.permission == "get serviceaccounts in namespace shop"
    with pytest.raises(AccessDenied) as raised:
        reader.list_nodes()
    assert raised.value.permission == "list nodes (cluster-wide)"


def test_workloads_and_their_owners(lab: KubeWorld) -> None:
    (orders,) = (item for item in lab.reader.list_workloads("shop") if item.kind == "Deployment")
    assert orders == Workload(
        kind="Deployment",
        namespace="shop",
        name="orders",
        uid=orders.uid,
        service_account="orders",
        replicas=2,
        ready=2,
        updated=2,
        generation=1,
        observed_generation=1,
        labels={"app": "orders"},
        variables=(),
    )
    assert [(w.kind, w.name) for w in lab.reader.list_workloads()] == [
        ("Deployment", "reports"),
        ("Deployment", "billing-worker"),
        ("Deployment", "orders"),
        ("DaemonSet", "eks-pod-identity-agent"),
    ]
    owner = lab.reader.list_pods("shop")[0].owner
    assert owner is not None
    assert lab.reader.list_owners("shop", "ReplicaSet") == {owner.uid: OwnerRef("Deployment", "orders", orders.uid)}


def test_a_namespace_that_is_being_deleted_is_not_listed() -> None:
    active, stuck = {"name": "shop"}, {"name": "old", "deletionTimestamp": "2026-01-02T03:04:05Z"}
    transport: Any = SimpleNamespace(list=lambda path, read, **how: [read({"metadata": m}) for m in (stuck, active)])
    assert KubeReader(transport).list_namespaces() == ("shop",)
    assert KubeReader(transport).list_ending_namespaces() == ("old",)


def test_namespaces_nodes_and_irsa_annotations(lab: KubeWorld) -> None:
    assert lab.reader.list_namespaces() == (
        *("default", "kube-node-lease", "kube-public", "kube-system"),
        *("legacy", "payments", "shop"),
    )
    nodes = lab.reader.list_nodes()
    assert [(node.os, node.arch, node.compute_type, node.ready) for node in nodes] == [("linux", "amd64", "", True)] * 3
    roles = {str(account.ref): account.irsa_role_arn for account in lab.reader.list_service_accounts("legacy")}
    assert roles == {"legacy/default": "", "legacy/reports": "arn:aws:iam::111122223333:role/irsa-reports"}


def test_the_agent(lab: KubeWorld) -> None:
    (agent,) = lab.reader.list_agent_daemon_sets()
    assert (agent.name, agent.desired, agent.ready) == ("eks-pod-identity-agent", 3, 3)
    pods = lab.reader.list_agent_pods()
    assert len(pods) == 3
    # the chart gives its DaemonSets the same labels, and one may be chosen by an expression, which gives none
    other = replace(agent, name="eks-pod-identity-agent-hybrid")
    assert lab.reader.list_pods_of((agent, other)) == lab.reader.list_pods_of((replace(agent, selector={}),)) == pods
    assert lab.reader.list_pods_of((other,)) == ()


def test_no_log_is_read_with_a_token_in_it() -> None:
    """Whoever shows a line of it, in a list or in an error, need not think of that."""
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzIn0.c2ln"
    text: Any = SimpleNamespace(text=lambda path, query: f'level=error token="{token}" url=k8s-aws-v1.aHR0cHM6')
    assert KubeReader(text).read_log("shop", "p", container="c") == 'level=error token="[token]" url=[token]'


def test_the_webhooks_registration(lab: KubeWorld) -> None:
    registration = lab.reader.find_webhook()
    assert registration is not None
    assert (registration.on_create, registration.versions, registration.differences()) == (True, ("v1beta1",), ())
    assert registration.excluding_selector("shop", {}) == ""
    assert (
        registration.excluding_selector("shop", {"eks.amazonaws.com/skip-pod-identity-webhook": ""})
        == "its objectSelector"
    )
    lab.sandbox.delete(kinds.MUTATING_WEBHOOKS, "", "pod-identity-webhook")
    assert lab.reader.find_webhook() is None


def test_an_expired_list_is_read_again(lab: KubeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podid.kube.transport.PAGE", 3)
    lab.sandbox.faults.add(Fault("fail", operation="*continue=*", status=410, times=1))
    assert len(lab.reader.list_pods()) == 7


def test_a_kubeconfig_whose_ca_is_the_clusters(
    lab: KubeWorld, tmp_path: Any, make_cluster: Callable[..., Cluster]
) -> None:
    file = tmp_path / "config"
    file.write_text(json.dumps(lab.sandbox.kubeconfig(lab.sandbox.admin_token)))
    elsewhere = make_cluster("https://abc.gr7.us-west-2.eks.amazonaws.com", pem=lab.sandbox.ca_pem.decode())
    connection = connected(elsewhere, kubeconfig=str(file))
    assert KubeReader(Transport(connection)).check().startswith("v1.35")
