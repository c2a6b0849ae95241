import pytest

from checks.builder import ADDON_ARN, DENIED, ROLE_ARN, ago, association, healthy, pod, workload
from checks.grid import answers, only
from harness import table
from podid.domain.cluster import ServiceAccount
from podid.domain.findings import Severity
from podid.domain.snapshot import Snapshot

ID = "association-namespace-not-found"
FAILS = healthy(namespaces=frozenset({"x"}))
UNKNOWN = healthy(namespaces=DENIED)
FINDINGS = [("fail", "warn", "Association shop/orders")]
UNKNOWNS = [("unknown", "warn", "Cluster prod")]


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        (healthy(), ("pass", "warn", "Association shop/orders")),
        (healthy(namespaces=frozenset({"shopp"})), ("fail", "warn", "Association shop/orders")),
        # as for a service account: Terraform may run first
        (
            healthy(associations=(association(created_at=ago(minutes=10)),), namespaces=frozenset({"x"})),
            ("fail", "info", "Association shop/orders"),
        ),
        (
            healthy(associations=(association(owner_arn=ADDON_ARN),), namespaces=frozenset()),
            ("not-applicable", "warn", "Association shop/orders"),
        ),
        (healthy(namespaces=DENIED), ("unknown", "warn", "Cluster prod")),
    ],
)
def test_namespaces_of_associations(snapshot: Snapshot, expected: tuple[str, str, str]) -> None:
    assert answers(ID, snapshot) == [expected]


def test_a_missing_namespace_is_a_standing_grant() -> None:
    verdict = only(ID, healthy(namespaces=frozenset({"shopp", "default"})))
    assert verdict.message == (
        "namespace shop of association a-orders does not exist or is being deleted, so no new pod uses the association"
    )
    assert verdict.evidence == (
        "namespaces with a similar name: shopp",
        "if someone creates the namespace and the service account, its pods get role orders",
    )


def test_the_association_of_running_pods_is_not_offered_for_deletion() -> None:
    """Pods of a namespace that is being deleted can still run."""
    assert (fix := only(ID, FAILS).fix) is not None
    assert fix.commands == ()
    fix = only(ID, healthy(namespaces=frozenset({"x"}), pods=())).fix
    assert fix is not None
    assert [command[:2] for command in fix.commands] == [("podid", "disassociate")]


def test_a_name_that_kubernetes_refuses_is_deleted_by_its_id() -> None:
    """EKS accepts any name, and `podid disassociate` only those that can exist."""
    snapshot = healthy(
        associations=(association("SHOP"),),
        service_accounts=(ServiceAccount(namespace="shop", name="orders"),),
        namespaces=frozenset({"shop"}),
    )
    verdict = only(ID, snapshot)
    assert verdict.evidence[0] == "namespaces with a similar name: shop"
    assert "'SHOP' is not a namespace name" in verdict.evidence[1]
    assert verdict.fix is not None
    create, delete = verdict.fix.commands
    assert create == ("podid", "associate", "shop/orders", "--role", ROLE_ARN, "--cluster", "prod")
    assert delete[:3] == ("aws", "eks", "delete-pod-identity-association")
    assert "a-orders" in delete


@table(
    ("existing", "intended"),
    [
        (("shopp", "orders"), "shopp/orders"),
        # namespace and service account in the wrong order
        (("orders", "shop"), "orders/shop"),
        # the namespace has another name
        (("store", "orders"), "store/orders"),
        (("store", "other"), ""),
    ],
)
def test_the_service_account_that_was_meant_gets_the_association(existing: tuple[str, str], intended: str) -> None:
    namespace, name = existing
    moved = {"namespace": namespace, "service_account": name}
    verdict = only(
        ID,
        healthy(
            associations=(association(created_at=ago(minutes=10)),),
            namespaces=frozenset({namespace}),
            service_accounts=(ServiceAccount(namespace=namespace, name=name),),
            pods=(pod(**moved),),
            workloads=(workload(**moved),),
        ),
    )
    assert verdict.message.partition("; did you mean ")[2] == (f"{intended}?" if intended else "")
    assert verdict.severity is (Severity.WARN if intended else Severity.INFO)
    associate = ("podid", "associate", intended, "--role", ROLE_ARN, "--cluster", "prod")
    assert (associate in (verdict.fix.commands if verdict.fix else ())) is bool(intended)
