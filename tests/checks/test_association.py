"""Link 1: associations and the service accounts and namespaces they name."""

from dataclasses import replace
from typing import Any

import pytest

from harness import table
from podid.checks.all import ALL
from podid.checks.runner import run_checks
from podid.domain.cluster import Pod, ServiceAccount
from podid.domain.findings import Outcome, Severity
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Snapshot, known

from .builder import ROLE_ARN, UNREAD, ago, association, bare, chained, healthy, pod, workload
from .grid import DENIED, answers, only, verdicts

ADDON = "arn:aws:eks:eu-west-1:111122223333:addon/prod/aws-ebs-csi-driver/1"
TYPO = association(name="odrers")
SUBJECT = "Association shop/odrers"


def accounts(*names: str) -> tuple[ServiceAccount, ...]:
    return tuple(ServiceAccount(namespace="shop", name=name) for name in names)


@table(
    ("snapshot", "expected"),
    [
        pytest.param(
            healthy(associations=(TYPO,), service_accounts=accounts("odrers")), ("pass", "error", SUBJECT), id="exists"
        ),
        pytest.param(
            healthy(associations=(TYPO,), service_accounts=accounts("orders")), ("fail", "error", SUBJECT), id="typo"
        ),
        pytest.param(
            healthy(associations=(TYPO,), service_accounts=accounts("default")), ("fail", "warn", SUBJECT), id="alone"
        ),
        pytest.param(
            healthy(associations=(replace(TYPO, created_at=ago(minutes=10)),), service_accounts=accounts("default")),
            ("fail", "info", SUBJECT),
            id="provisioned a moment ago",
        ),
        pytest.param(
            healthy(associations=(replace(TYPO, owner_arn=ADDON),), service_accounts=accounts("orders")),
            ("not-applicable", "error", SUBJECT),
            id="an add-on makes it",
        ),
        pytest.param(
            healthy(associations=(TYPO,), service_accounts=accounts("orders"), namespaces=frozenset({"default"})),
            ("not-applicable", "error", SUBJECT),
            id="no namespace",
        ),
        pytest.param(healthy(service_accounts=DENIED), ("unknown", "error", "Cluster prod"), id="unreadable"),
        pytest.param(healthy(namespaces=DENIED), ("unknown", "error", "Cluster prod"), id="namespaces unreadable"),
    ],
)
def test_association_sa_not_found(snapshot: Snapshot, expected: tuple[str, str, str]) -> None:
    assert answers("association-sa-not-found", snapshot) == [expected]


@table(
    ("needed_by", "expected"),
    [
        pytest.param({"pods": (pod(),)}, ("fail", "error"), id="pods from before it was deleted"),
        pytest.param({"workloads": (workload(ready=0),)}, ("fail", "error"), id="a workload that gets no pods"),
        pytest.param(
            {"pods": (pod(),), "associations": (association(owner_arn=ADDON),)}, ("fail", "error"), id="an add-on's"
        ),
        pytest.param({"pods": (pod(phase="Succeeded"),)}, ("fail", "warn"), id="a finished pod"),
        pytest.param({"workloads": (workload(replicas=0, ready=0),)}, ("fail", "warn"), id="scaled to nothing"),
        pytest.param({"pods": DENIED, "workloads": DENIED}, ("fail", "warn"), id="pods cannot be listed"),
    ],
)
def test_a_service_account_that_is_missed(needed_by: dict[str, Any], expected: tuple[str, str]) -> None:
    verdict = only(
        "association-sa-not-found", healthy(**{"service_accounts": (), "pods": (), "workloads": (), **needed_by})
    )
    assert (verdict.outcome.value, verdict.severity.value) == expected
    if verdict.severity is Severity.ERROR:
        assert verdict.message == "service account shop/orders does not exist, but Deployment orders needs it"
        assert verdict.fix is not None
        assert verdict.fix.commands == (("kubectl", "-n", "shop", "create", "serviceaccount", "orders"),)


def test_a_typo_is_named_with_the_name_that_was_meant() -> None:
    verdict = only("association-sa-not-found", healthy(associations=(TYPO,), service_accounts=accounts("orders")))
    assert verdict.message == (
        "service account shop/odrers of association a-odrers does not exist; did you mean shop/orders?"
    )
    assert verdict.fix is not None
    assert verdict.fix.commands == (
        ("podid", "associate", "shop/orders", "--role", ROLE_ARN, "--cluster", "prod"),
        ("podid", "disassociate", "shop/odrers", "--cluster", "prod"),
    )


def test_a_sibling_with_its_own_association_is_no_typo() -> None:
    snapshot = healthy(
        associations=(association(name="worker-1"), association(name="worker-2")), service_accounts=accounts("worker-1")
    )
    assert answers("association-sa-not-found", snapshot) == [
        ("pass", "error", "Association shop/worker-1"),
        ("fail", "warn", "Association shop/worker-2"),
    ]


def test_a_typo_beside_an_association_of_the_right_name_is_not_blessed() -> None:
    """payments/apii while payments/api has its association: to create apii would make the slip permanent."""
    pair = (association(name="api"), association(name="apii"))
    snapshot = healthy(associations=pair, service_accounts=accounts("api", "unrelated"))
    (verdict,) = (v for v in verdicts("association-sa-not-found", snapshot) if v.outcome.value == "fail")
    assert verdict.evidence[0] == "service accounts with a similar name and an association: api"
    assert verdict.fix is not None
    assert verdict.fix.commands == (("podid", "disassociate", "shop/apii", "--cluster", "prod"),)


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (healthy(), ("pass", "warn", "Association shop/orders")),
        (healthy(namespaces=frozenset({"shopp"})), ("fail", "warn", "Association shop/orders")),
        (
            healthy(associations=(association(owner_arn=ADDON),), namespaces=frozenset()),
            ("not-applicable", "warn", "Association shop/orders"),
        ),
        (healthy(namespaces=DENIED), ("unknown", "warn", "Cluster prod")),
    ],
)
def test_association_namespace_not_found(snapshot: Snapshot, expected: tuple[str, str, str]) -> None:
    assert answers("association-namespace-not-found", snapshot) == [expected]


def test_a_missing_namespace_is_a_standing_grant() -> None:
    verdict = only("association-namespace-not-found", healthy(namespaces=frozenset({"shopp", "default"})))
    assert verdict.message == "namespace shop of association a-orders does not exist, so no pod uses the association"
    assert verdict.evidence == (
        "namespaces with a similar name: shopp",
        "if someone creates the namespace and the service account, its pods get role orders",
    )


def asked(*refs: str, **sections: object) -> Snapshot:
    return replace(healthy(**sections), targets=tuple(ServiceAccountRef.parse(r) for r in refs))


def test_association_missing_speaks_only_when_asked() -> None:
    assert answers("association-missing", healthy(associations=())) == []
    assert answers("association-missing", asked("shop/orders")) == [("pass", "error", "ServiceAccount shop/orders")]
    assert answers("association-missing", asked("shop/orders", associations=DENIED)) == [
        ("unknown", "error", "Cluster prod")
    ]


def test_a_slip_in_a_workload_is_mended_there() -> None:
    """Nothing is made for a service account that does not exist and is like one that has an association."""
    verdict = only("association-missing", asked("shop/ordres", workloads=(workload(service_account="ordres"),)))
    assert verdict.message == "shop/ordres has no association on this cluster, and the service account does not exist"
    assert verdict.fix is not None
    assert verdict.fix.commands == (("kubectl", "-n", "shop", "set", "serviceaccount", "deployment/orders", "orders"),)


def test_nothing_is_made_for_a_slip_where_service_accounts_cannot_be_read() -> None:
    verdict = only("association-missing", asked("shop/ordres", service_accounts=DENIED))
    assert (verdict.evidence, verdict.fix and verdict.fix.commands) == (
        ("associations with a similar name: shop/orders",),
        (),
    )


def test_association_missing_names_the_neighbours_and_irsa() -> None:
    annotated = ServiceAccount(
        namespace="shop", name="order", annotations={"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/old"}
    )
    verdict = only("association-missing", asked("shop/order", service_accounts=(annotated,)))
    assert verdict.message == "shop/order has no association on this cluster"
    assert verdict.evidence == (
        "associations with a similar name: shop/orders",
        "IRSA annotation: arn:aws:iam::111122223333:role/old; not checked whether its trust policy allows the service "
        "account",
    )
    plain = only("association-missing", asked("stage/orders"))
    assert plain.evidence == ("associations of the same name elsewhere: shop/orders",)
    assert plain.fix is not None
    assert plain.fix.commands == (
        ("podid", "associate", "stage/orders", "--create-role", "--create-service-account", "--cluster", "prod"),
    )
    there = asked("stage/orders", service_accounts=(ServiceAccount(namespace="stage", name="orders"),))
    assert "--create-service-account" not in str(only("association-missing", there).fix)


@table("pods", [(), (pod("cart-1", service_account="cart"),), (bare(pod(service_account="cart")),)])
@table("base", [healthy(), chained()])
def test_one_that_could_not_be_read_is_unknown_and_no_other(base: Snapshot, pods: tuple[Pod, ...]) -> None:
    """Whatever looks at roles cannot tell; that it is there counts for all that asks for no more."""
    whole = replace(
        base,
        associations=Known((*known(base.associations), UNREAD)),
        service_accounts=Known((*known(base.service_accounts), *accounts("cart"))),
        pods=Known((*known(base.pods), *pods)),
    )
    found = run_checks(ALL, whole)
    assert [v for v in found if v.outcome is Outcome.FAIL] == []
    of_roles = {check.id for check in ALL if {"roles", "target_roles", "target_permissions"} & {*check.needs}}
    unknown = [v for v in found if v.outcome is Outcome.UNKNOWN]
    assert of_roles | {"session-policy-misconfig", "tool-aws-denied"} <= {v.check for v in unknown}
    assert {v.permission for v in unknown} == {UNREAD.permission}
    assert {v.chain for v in unknown} == {("shop/cart",), ("*",)}
    for check_id in of_roles:
        assert set(verdicts(check_id, base)) <= set(verdicts(check_id, whole))


@pytest.mark.parametrize(("pods", "users"), [((), "none"), (DENIED, "not read")])
def test_pods_of_the_default_account_that_were_not_read_are_not_none(pods: Any, users: str) -> None:
    snapshot = healthy(associations=(association(name="default"),), pods=pods)
    (verdict,) = verdicts("default-sa-association", snapshot)
    assert verdict.evidence == (f"pods that use it now: {users}",)
