"""The check association-missing: roles of IRSA annotations."""

from dataclasses import replace
from typing import Any

import pytest

from checks.builder import ACCOUNT, DENIED, cluster, healthy, role, trust
from checks.grid import only
from harness import table
from podid.domain.cluster import ServiceAccount
from podid.domain.findings import FixClass
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Snapshot
from podid.domain.trust import allows_by_issuer, parse_policy

ISSUER = "oidc.eks.eu-west-1.amazonaws.com/id/ABC"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"


def by_irsa(provider: str = PROVIDER, **condition: object) -> dict[str, Any]:
    """A trust policy as AWS's guide to IRSA has it."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition
        or {"StringEquals": {f"{ISSUER}:sub": "system:serviceaccount:shop:cart", f"{ISSUER}:aud": "sts.amazonaws.com"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


ALLOWING = {
    "this very account": by_irsa(),
    "a pattern": by_irsa(StringLike={f"{ISSUER}:sub": "system:serviceaccount:shop:*"}),
    "any of the cluster": by_irsa(StringEquals={f"{ISSUER}:aud": "sts.amazonaws.com"}),
    "one of a list": by_irsa(
        StringEquals={f"{ISSUER}:sub": ["system:serviceaccount:a:b", "system:serviceaccount:shop:cart"]}
    ),
}


def with_deny(document: dict[str, Any]) -> dict[str, Any]:
    return {**document, "Statement": [*document["Statement"], {**document["Statement"][0], "Effect": "Deny"}]}


NOT_ALLOWING = {
    "another account": by_irsa(StringEquals={f"{ISSUER}:sub": "system:serviceaccount:shop:orders"}),
    "another namespace": by_irsa(StringLike={f"{ISSUER}:sub": "system:serviceaccount:web:*"}),
    "another cluster": by_irsa(PROVIDER.replace("ABC", "DEF")),
    "the issuer of another account": by_irsa(PROVIDER.replace(ACCOUNT, "444455556666")),
    "another issuer's subject": by_irsa(
        StringEquals={f"{ISSUER.replace('ABC', 'DEF')}:sub": "system:serviceaccount:shop:cart"}
    ),
    "another audience": by_irsa(StringEquals={f"{ISSUER}:aud": "vault"}),
    "a condition that nobody can decide": by_irsa(IpAddress={"aws:SourceIp": "10.0.0.0/8"}),
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


WISH = f"arn:aws:iam::{ACCOUNT}:role/administrator"
HERE = cluster(oidc_issuer=f"https://{ISSUER}")


def annotated(document: dict[str, Any] | None, **sections: Any) -> Snapshot:
    """shop/cart wishes for the administrator's role, which has this trust policy; None where it was not read."""
    account = ServiceAccount(namespace="shop", name="cart", annotations={"eks.amazonaws.com/role-arn": WISH})
    roles = {} if document is None else {WISH: Known(role(WISH, document))}
    base = healthy(**{"cluster": HERE, "service_accounts": (account,), "roles": roles, **sections})
    return replace(base, targets=(REF,))


@pytest.mark.parametrize("name", ALLOWING)
def test_the_role_of_an_annotation_is_proposed_if_its_trust_policy_allows_irsa(name: str) -> None:
    """Even so a person opens the trust policy, and not doctor."""
    verdict = only("association-missing", annotated(ALLOWING[name]))
    assert verdict.fix is not None
    associate = ("podid", "associate", "shop/cart", "--role", WISH, "--update-trust", "--cluster", "prod")
    assert (verdict.fix.kind, verdict.fix.commands) == (FixClass.PRINT, (associate,))
    assert verdict.evidence[-1].endswith("its trust policy allows the service account by the cluster's OIDC issuer")


@table(
    "snapshot",
    [
        *(pytest.param(annotated(document), id=name) for name, document in NOT_ALLOWING.items()),
        pytest.param(annotated(None), id="a role that was not read"),
        pytest.param(annotated(by_irsa(), roles=DENIED), id="roles that nobody may read"),
        pytest.param(annotated(by_irsa(), cluster=cluster()), id="no issuer"),
        pytest.param(annotated(by_irsa(), cluster=DENIED), id="no cluster"),
        pytest.param(annotated({"Statement": []}), id="no policy"),
    ],
)
def test_the_role_of_an_annotation_alone_is_not_proposed(snapshot: Snapshot) -> None:
    """Whoever may write to the service account may annotate it with any role."""
    verdict = only("association-missing", snapshot)
    assert verdict.fix is not None
    assert verdict.fix.kind is FixClass.PRINT
    for words in verdict.fix.commands:
        assert WISH not in words
        assert "--update-trust" not in words
