"""Links 2 and 6: the pod's service account, and nodes that cannot serve it."""

from dataclasses import replace

import pytest

from harness import table
from podid.domain.cluster import Pod, ServiceAccount
from podid.domain.snapshot import Snapshot

from .builder import ROLE_ARN, agent_pod, association, bare, healthy, node, pod, workload
from .grid import DENIED, answers, only

ACCOUNT = "ServiceAccount shop/orders"
STRAY = bare(pod(), service_account="default")


def stray(**changes: str) -> Snapshot:
    return healthy(pods=(STRAY,), workloads=(workload(service_account="default", **changes),))


@table(
    ("snapshot", "expected"),
    [
        pytest.param(healthy(), "pass", id="in use"),
        pytest.param(healthy(pods=(), workloads=(workload(replicas=0),)), "pass", id="scaled to zero"),
        pytest.param(healthy(pods=(), workloads=(workload("CronJob", "nightly"),)), "pass", id="CronJob between runs"),
        pytest.param(stray(), "fail", id="runs as default"),
        pytest.param(stray(name="orders-api"), "fail", id="named alike, runs as default"),
        pytest.param(
            healthy(pods=(), workloads=(workload(name="r1-orders", service_account="r1", labels={"app": "orders"}),)),
            "fail",
            id="chart made an account of its own",
        ),
        pytest.param(
            healthy(pods=(), workloads=(workload(name="orders-api", service_account="orders-api"),)),
            "not-applicable",
            id="a neighbour with its own account",
        ),
        pytest.param(
            healthy(
                pods=(),
                workloads=(workload(service_account="orders-irsa"),),
                service_accounts=(
                    ServiceAccount(namespace="shop", name="orders"),
                    ServiceAccount(
                        namespace="shop", name="orders-irsa", annotations={"eks.amazonaws.com/role-arn": ROLE_ARN}
                    ),
                ),
            ),
            "not-applicable",
            id="has a role by IRSA and has not moved yet",
        ),
        pytest.param(stray(name="billing"), "not-applicable", id="unrelated workload"),
        pytest.param(healthy(pods=(), workloads=()), "not-applicable", id="nothing there yet"),
        pytest.param(healthy(pods=(), workloads=(), service_accounts=()), "not-applicable", id="no such account"),
    ],
)
def test_sa_mismatch(snapshot: Snapshot, expected: str) -> None:
    assert answers("sa-mismatch", snapshot) == [(expected, "error", ACCOUNT)]


def test_sa_mismatch_unknown() -> None:
    assert answers("sa-mismatch", healthy(workloads=DENIED)) == [("unknown", "error", "Cluster prod")]


def test_sa_mismatch_never_proposes_to_associate_default() -> None:
    verdict = only("sa-mismatch", stray())
    assert verdict.message == (
        "no pod runs as shop/orders, but Deployment shop/orders runs as 'default', which has no association"
    )
    assert verdict.fix is not None
    assert verdict.fix.commands == (("kubectl", "-n", "shop", "set", "serviceaccount", "deployment/orders", "orders"),)


@pytest.mark.parametrize(
    ("pods", "associations", "expected"),
    [
        ((pod(),), (association(),), [("pass", "error", ACCOUNT)]),
        ((pod(),), (), [("fail", "error", ACCOUNT)]),
        ((replace(pod(), phase="Succeeded"),), (), []),
        ((bare(pod()),), (), []),
    ],
)
def test_association_deleted_env_remains(
    pods: tuple[Pod, ...], associations: object, expected: list[tuple[str, str, str]]
) -> None:
    snapshot = healthy(pods=pods, associations=associations)
    assert answers("association-deleted-env-remains", snapshot) == expected
    unreadable = healthy(pods=pods, associations=DENIED)
    assert answers("association-deleted-env-remains", unreadable) == [("unknown", "error", "Cluster prod")]


WORKLOAD = "Deployment shop/orders"


def test_fargate_pod() -> None:
    on_fargate = healthy(pods=(replace(pod(), node="fargate-ip-10-0-0-1"),), nodes=DENIED)
    by_label = healthy(nodes=(node(compute_type="fargate"),))
    assert answers("fargate-pod", healthy()) == [("pass", "error", WORKLOAD)]
    assert answers("fargate-pod", on_fargate) == [("fail", "error", WORKLOAD)]
    assert answers("fargate-pod", by_label) == [("fail", "error", WORKLOAD)]
    assert answers("fargate-pod", healthy(pods=DENIED)) == [("unknown", "error", "Cluster prod")]


def test_windows_pod() -> None:
    assert answers("windows-pod", healthy()) == [("pass", "error", WORKLOAD)]
    assert answers("windows-pod", healthy(nodes=(node(os="windows"),))) == [("fail", "error", WORKLOAD)]
    assert answers("windows-pod", healthy(nodes=DENIED)) == [("unknown", "error", "Cluster prod")]


def test_host_network_pod() -> None:
    shared = replace(pod(), host_network=True)
    assert answers("host-network-pod", healthy()) == [("pass", "info", WORKLOAD)]
    assert answers("host-network-pod", healthy(pods=(shared, agent_pod()))) == [("fail", "info", WORKLOAD)]
    owned = healthy(pods=(shared,), associations=(association(owner_arn="arn:aws:eks:r:1:addon/prod/vpc-cni/1"),))
    assert answers("host-network-pod", owned) == [("not-applicable", "info", WORKLOAD)]
    assert answers("host-network-pod", healthy(pods=DENIED)) == [("unknown", "info", "Cluster prod")]
