"""The check association-missing."""

from dataclasses import replace

from checks.builder import DENIED, healthy, requested, workload
from checks.grid import answers, only
from podid.domain.cluster import ServiceAccount
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Snapshot

ID = "association-missing"
FAILS = requested(healthy(associations=()))
UNKNOWN = requested(healthy(associations=DENIED))


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "ServiceAccount shop/orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Cluster prod")]


def named(*refs: str, **sections: object) -> Snapshot:
    return replace(healthy(**sections), targets=tuple(ServiceAccountRef.parse(r) for r in refs))


def test_only_named_service_accounts_are_judged() -> None:
    assert answers(ID, healthy(associations=())) == []
    assert answers(ID, named("shop/orders")) == [("pass", "error", "ServiceAccount shop/orders")]
    assert answers(ID, named("shop/orders", associations=DENIED)) == [("unknown", "error", "Cluster prod")]


def test_a_typo_in_a_workload_is_fixed_in_the_workload() -> None:
    """Nothing is made for a service account that does not exist and is like one that has an association."""
    verdict = only(ID, named("shop/ordres", workloads=(workload(service_account="ordres"),)))
    assert verdict.message == "shop/ordres has no association on this cluster, and the service account does not exist"
    assert verdict.fix is not None
    assert verdict.fix.commands == (("kubectl", "-n", "shop", "set", "serviceaccount", "deployment/orders", "orders"),)


def test_nothing_is_created_if_service_accounts_were_not_read() -> None:
    verdict = only(ID, named("shop/ordres", service_accounts=DENIED))
    assert (verdict.evidence, verdict.fix and verdict.fix.commands) == (
        ("associations with a similar name: shop/orders",),
        (),
    )


def test_the_evidence_names_similar_associations_and_the_irsa_annotation() -> None:
    annotated = ServiceAccount(
        namespace="shop", name="order", annotations={"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/old"}
    )
    verdict = only(ID, named("shop/order", service_accounts=(annotated,)))
    assert verdict.message == "shop/order has no association on this cluster"
    assert verdict.evidence == (
        "associations with a similar name: shop/orders",
        "IRSA annotation: arn:aws:iam::111122223333:role/old; not checked whether its trust policy allows the service "
        "account",
    )
    plain = only(ID, named("stage/orders"))
    assert plain.evidence == ("associations of the same name elsewhere: shop/orders",)
    assert plain.fix is not None
    assert plain.fix.commands == (
        ("podid", "associate", "stage/orders", "--create-role", "--create-service-account", "--cluster", "prod"),
    )
    existing = named("stage/orders", service_accounts=(ServiceAccount(namespace="stage", name="orders"),))
    assert "--create-service-account" not in str(only(ID, existing).fix)
