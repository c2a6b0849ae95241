from dataclasses import replace
from typing import Any

import pytest

from checks.builder import ACCOUNT, DENIED, ISSUER, cluster, healthy, requested, role, trust, workload
from checks.grid import answers, only
from harness import table
from podid.domain.cluster import ServiceAccount
from podid.domain.findings import FixClass
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Snapshot
from podid.domain.trust import allows_by_issuer, parse_policy

ID = "association-missing"
FAILS = requested(healthy(associations=()))
UNKNOWN = requested(healthy(associations=DENIED))
FINDINGS = [("fail", "error", "ServiceAccount shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


def named(*refs: str, **sections: object) -> Snapshot:
    return replace(healthy(**sections), targets=tuple(ServiceAccountRef.parse(r) for r in refs))


def test_only_named_service_accounts_are_judged() -> None:
    assert answers(ID, healthy(associations=())) == []
    assert answers(ID, named("shop/orders")) == [("pass", "error", "ServiceAccount shop/orders")]
    assert answers(ID, named("shop/orders", associations=DENIED)) == [("unknown", "error", "Cluster prod")]


def test_a_typo_in_a_workload_is_fixed_in_the_workload() -> None:
    """No association is proposed for a service account that does not exist, if a similar one has an association."""
    verdict = only(ID, named("shop/ordres", workloads=(workload(service_account="ordres"),)))
    assert verdict.message == "shop/ordres has no association on this cluster, and the service account does not exist"
    assert verdict.fix is not None
    assert verdict.fix.commands == (("kubectl", "-n", "shop", "set", "serviceaccount", "deployment/orders", "orders"),)


def test_nothing_is_created_if_service_accounts_were_not_read() -> None:
    running = (workload(service_account="ordres"),)
    verdict = only(ID, named("shop/ordres", service_accounts=DENIED, workloads=running))
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


# --- roles of IRSA annotations ---------------------------------------------------------------------------------------


PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"


def by_irsa(provider: str = PROVIDER, **condition: object) -> dict[str, Any]:
    """Return a trust policy of AWS's guide to IRSA."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition
        or {"StringEquals": {f"{ISSUER}:sub": "system:serviceaccount:shop:cart", f"{ISSUER}:aud": "sts.amazonaws.com"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


ALLOWING = {
    "this service account": by_irsa(),
    "a pattern": by_irsa(StringLike={f"{ISSUER}:sub": "system:serviceaccount:shop:*"}),
    "any service account of the cluster": by_irsa(StringEquals={f"{ISSUER}:aud": "sts.amazonaws.com"}),
    "one service account of a list": by_irsa(
        StringEquals={f"{ISSUER}:sub": ["system:serviceaccount:a:b", "system:serviceaccount:shop:cart"]}
    ),
}


def with_deny(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "Statement": [*document["Statement"], {**document["Statement"][0], "Effect": "Deny"}]}


NOT_ALLOWING = {
    "another service account": by_irsa(StringEquals={f"{ISSUER}:sub": "system:serviceaccount:shop:orders"}),
    "another namespace": by_irsa(StringLike={f"{ISSUER}:sub": "system:serviceaccount:web:*"}),
    "another cluster": by_irsa(PROVIDER.replace("ABC", "DEF")),
    "the issuer of another account": by_irsa(PROVIDER.replace(ACCOUNT, "444455556666")),
    "another issuer's subject": by_irsa(
        StringEquals={f"{ISSUER.replace('ABC', 'DEF')}:sub": "system:serviceaccount:shop:cart"}
    ),
    "another audience": by_irsa(StringEquals={f"{ISSUER}:aud": "vault"}),
    "a condition that only a call can decide": by_irsa(IpAddress={"aws:SourceIp": "10.0.0.0/8"}),
    "a Deny": with_deny(by_irsa()),
    "pods of any cluster": trust(StringEquals={"aws:SourceAccount": ACCOUNT}),
    "everybody": {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRoleWithWebIdentity"}],
    },
    "another action": {**by_irsa(), "Statement": [{**by_irsa()["Statement"][0], "Action": "sts:TagSession"}]},
}
REF = ServiceAccountRef("shop", "cart")


@table("name", [*ALLOWING, *NOT_ALLOWING])
def test_trust_policies_that_allow_irsa(name: str) -> None:
    policy = parse_policy((ALLOWING | NOT_ALLOWING)[name])
    assert allows_by_issuer(policy, PROVIDER, REF) is (name in ALLOWING)
    assert not allows_by_issuer(policy, "", REF)


ANNOTATED_ROLE = f"arn:aws:iam::{ACCOUNT}:role/administrator"
CLUSTER = cluster(oidc_issuer=f"https://{ISSUER}")


def annotated(document: dict[str, Any] | None, **sections: Any) -> Snapshot:
    """Return a snapshot in which shop/cart is annotated with a role of this trust policy; None: it was not read."""
    account = ServiceAccount(namespace="shop", name="cart", annotations={"eks.amazonaws.com/role-arn": ANNOTATED_ROLE})
    roles = {} if document is None else {ANNOTATED_ROLE: Known(role(ANNOTATED_ROLE, document))}
    base = healthy(**{"cluster": CLUSTER, "service_accounts": (account,), "roles": roles, **sections})
    return replace(base, targets=(REF,))


@pytest.mark.parametrize("name", ALLOWING)
def test_the_role_of_an_annotation_is_proposed_if_its_trust_policy_allows_irsa(name: str) -> None:
    """podid prints the command, and does not run it."""
    verdict = only(ID, annotated(ALLOWING[name]))
    assert verdict.fix is not None
    associate = ("podid", "associate", "shop/cart", "--role", ANNOTATED_ROLE, "--update-trust", "--cluster", "prod")
    assert (verdict.fix.kind, verdict.fix.commands) == (FixClass.PRINT, (associate,))
    assert verdict.evidence[-1].endswith("its trust policy allows the service account by the cluster's OIDC issuer")


@table(
    "snapshot",
    [
        *(pytest.param(annotated(document), id=name) for name, document in NOT_ALLOWING.items()),
        pytest.param(annotated(None), id="a role that was not read"),
        pytest.param(annotated(by_irsa(), roles=DENIED), id="roles that were not read"),
        pytest.param(annotated(by_irsa(), cluster=cluster()), id="no issuer"),
        pytest.param(annotated(by_irsa(), cluster=DENIED), id="no cluster"),
        pytest.param(annotated({"Statement": []}), id="no policy"),
    ],
)
def test_the_role_of_an_annotation_alone_is_not_proposed(snapshot: Snapshot) -> None:
    """Anyone who may write to the service account can annotate it with any role."""
    verdict = only(ID, snapshot)
    assert verdict.fix is not None
    assert verdict.fix.kind is FixClass.PRINT
    for words in verdict.fix.commands:
        assert ANNOTATED_ROLE not in words
        assert "--update-trust" not in words
