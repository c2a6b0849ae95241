from typing import Any

import pytest

from checks.builder import DENIED, ROLE_ARN, bare, healthy, pod, workload
from checks.grid import answers, only
from harness import table
from podid.domain.cluster import OwnerRef, ServiceAccount
from podid.domain.findings import Outcome, Severity
from podid.domain.snapshot import Snapshot

ID = "sa-mismatch"
FAILS = healthy(pods=(), workloads=(workload(service_account="default"),))
UNKNOWN = healthy(workloads=DENIED)
FINDINGS = [("fail", "error", "ServiceAccount shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]
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
            healthy(pods=(), workloads=(workload(name="orders-svc", service_account="orders-svc"),)),
            "fail",
            id="the same name with an ending",
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
def test_workloads_that_may_use_the_service_account(snapshot: Snapshot, expected: str) -> None:
    assert answers(ID, snapshot) == [(expected, "error", ACCOUNT)]


ELSEWHERE = bare(pod(), namespace="prod")


def two_namespaces(*pods: Any, **accounts: str) -> Snapshot:
    prod = ServiceAccount(namespace="prod", name="orders", annotations=accounts)
    return healthy(pods=pods, workloads=(), service_accounts=(ServiceAccount(namespace="shop", name="orders"), prod))


def test_the_same_name_in_another_namespace() -> None:
    verdict = only(ID, two_namespaces(ELSEWHERE))
    assert (verdict.severity.value, verdict.chain) == ("warn", ("shop/orders", "prod/orders"))
    assert verdict.message == "no pod or workload uses shop/orders, but prod/orders is in use and has no association"
    command = ("podid", "associate", "prod/orders", "--role", ROLE_ARN)
    assert verdict.fix is not None
    assert [words[:5] for words in verdict.fix.commands] == [command]


@table(
    "snapshot",
    [
        two_namespaces(ELSEWHERE, **{"eks.amazonaws.com/role-arn": ROLE_ARN}),
        two_namespaces(),
        two_namespaces(pod(), ELSEWHERE),
    ],
)
def test_the_other_service_account_needs_nothing(snapshot: Snapshot) -> None:
    assert [outcome for outcome, *_ in answers(ID, snapshot) if outcome == "fail"] == []


def test_unread_workloads_are_unknown() -> None:
    assert answers(ID, healthy(workloads=DENIED)) == [("unknown", "error", "Cluster prod")]


def test_the_fix_never_associates_default() -> None:
    verdict = only(ID, stray())
    assert verdict.message == (
        "no pod runs as shop/orders, but Deployment shop/orders runs as 'default', which has no association"
    )
    assert verdict.fix is not None
    assert verdict.fix.commands == (("kubectl", "-n", "shop", "set", "serviceaccount", "deployment/orders", "orders"),)


@pytest.mark.parametrize(
    ("settings", "command"),
    [
        ({"paused": True}, ("kubectl", "-n", "shop", "rollout", "resume", "deployment/orders")),
        ({"kind": "StatefulSet", "on_delete": True}, ("kubectl", "-n", "shop", "delete", "pod", "old")),
    ],
)
def test_pods_with_the_previous_account_that_a_workload_does_not_replace(
    settings: dict[str, Any], command: tuple[str, ...]
) -> None:
    kind = settings.get("kind", "Deployment")
    owner = OwnerRef(kind, "orders")
    old = bare(pod(), name="old", service_account="default", owner=owner)
    late = workload(**settings)
    verdict = only(ID, healthy(pods=(old,), workloads=(late,)))
    assert (verdict.outcome.value, verdict.severity.value) == ("fail", "error")
    assert verdict.message == (
        f"1 of 1 pod of {kind} shop/orders still runs as default, although its template specifies orders"
    )
    assert verdict.chain == ("shop/orders", "shop/default")
    assert verdict.fix is not None
    assert verdict.fix.commands == (command,)
    # others run as the account; and a rollout that goes on replaces the pod by itself
    both = healthy(pods=(old, pod(owner=owner)), workloads=(late,))
    assert answers(ID, both) == [("fail", "warn", ACCOUNT)]
    assert answers(ID, healthy(pods=(old,), workloads=(workload(kind),))) == [("pass", "error", ACCOUNT)]
    assert answers(ID, healthy(pods=(pod(owner=owner),), workloads=(late,))) == [("pass", "error", ACCOUNT)]


@table(
    ("account", "outcome"),
    [("orders", Outcome.PASS), ("ordres", Outcome.FAIL), ("billing", Outcome.PASS)],
)
def test_a_template_that_names_a_missing_service_account(account: str, outcome: Outcome) -> None:
    """The previous pods still run, with the previous service account."""
    accounts = tuple(ServiceAccount(namespace="shop", name=name) for name in ("orders", "billing"))
    changed = healthy(service_accounts=accounts, workloads=(workload(service_account=account),))
    verdict = only(ID, changed)
    assert verdict.outcome is outcome
    if outcome is Outcome.FAIL:
        assert verdict.severity is Severity.WARN
        assert verdict.message == (
            "Deployment shop/orders names 'ordres', which does not exist: no new pod can be created, and only its "
            "previous pods run as orders"
        )
        assert verdict.fix is not None
        assert verdict.fix.commands == (
            ("kubectl", "-n", "shop", "set", "serviceaccount", "deployment/orders", "orders"),
        )
