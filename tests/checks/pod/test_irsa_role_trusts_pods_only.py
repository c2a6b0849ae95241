from collections.abc import Mapping
from typing import Any

import pytest

from checks.builder import ACCOUNT, CLUSTER_ARN, DENIED, ISSUER, ROLE_ARN, cluster, healthy, node, role, service_account
from checks.grid import answers, only
from podid.domain.snapshot import Known, Snapshot
from podid.domain.trust import PodIdentity, ScopeKind, new_policy

ID = "irsa-role-trusts-pods-only"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/reports"
POD_IDENTITY = new_policy(PodIdentity(CLUSTER_ARN, "shop", "orders"), ScopeKind.SERVICE_ACCOUNT).document
FOREIGN = "arn:aws:iam::999988887777:role/reports"
EC2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
BY_ISSUER = {
    "Effect": "Allow",
    "Principal": {"Federated": PROVIDER},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringEquals": {f"{ISSUER}:sub": "system:serviceaccount:shop:orders"}},
}


def annotated(trust: Mapping[str, object] | None = POD_IDENTITY, arn: str = ROLE, **changes: Any) -> Snapshot:
    """Service account shop/orders has the annotation, and no association."""
    account = service_account(annotations={"eks.amazonaws.com/role-arn": arn})
    found = Known(None) if trust is None else Known(role(arn, dict(trust)))
    issued = cluster(oidc_issuer=f"https://{ISSUER}")
    return healthy(
        **{
            "cluster": issued,
            "associations": (),
            "service_accounts": (account,),
            "annotated_roles": {arn: found},
            **changes,
        }
    )


def of_statements(*statements: Mapping[str, object]) -> Mapping[str, object]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


FAILS = annotated()
UNKNOWN = annotated(annotated_roles={ROLE: DENIED})
PASSES = annotated(of_statements(BY_ISSUER))
FINDINGS = [("fail", "error", "ServiceAccount shop/orders")]
UNKNOWNS = [("unknown", "warn", "ServiceAccount shop/orders")]


def test_without_pods_and_without_roles() -> None:
    assert answers(ID, annotated(pods=())) == [("fail", "warn", "ServiceAccount shop/orders")]
    assert answers(ID, annotated(annotated_roles=DENIED)) == [("unknown", "warn", "Cluster prod")]


SHOW = ("podid", "role", "show", "reports")
WIDE = new_policy(PodIdentity(CLUSTER_ARN, "shop", "orders"), ScopeKind.CLUSTER).document
OTHER = new_policy(PodIdentity(CLUSTER_ARN, "shop", "cart")).document


@pytest.mark.parametrize(
    ("snapshot", "outcome", "flags"),
    [
        (annotated(), "fail", ("podid", "associate", "shop/orders", "--role", ROLE)),
        (annotated(OTHER), "fail", SHOW),
        # everyone who can edit the service account could add the annotation
        (annotated(WIDE), "fail", SHOW),
        (annotated(of_statements(EC2)), "not-applicable", None),
        (annotated(None), "not-applicable", None),
        (annotated(arn=FOREIGN), "not-applicable", None),
        (annotated(nodes=(node(compute_type="fargate"),)), "fail", None),
    ],
    ids=["pods only", "other pods", "any pod", "EC2", "no role", "another account", "on Fargate"],
)
def test_roles_in_annotations(snapshot: Snapshot, outcome: str, flags: tuple[str, ...] | None) -> None:
    verdict = only(ID, snapshot)
    assert verdict.outcome.value == outcome
    commands = verdict.fix.commands if verdict.fix is not None else ()
    if flags is None:
        assert commands == ()
    else:
        assert commands[0][: len(flags)] == flags


def test_a_role_that_also_has_an_association_was_read_with_it() -> None:
    snapshot = annotated(arn=ROLE_ARN, annotated_roles={}, roles={ROLE_ARN: Known(role(ROLE_ARN, dict(POD_IDENTITY)))})
    assert [outcome for outcome, _, _ in answers(ID, snapshot)] == ["fail"]


def test_service_accounts_with_an_association_are_for_another_check() -> None:
    account = service_account(annotations={"eks.amazonaws.com/role-arn": ROLE})
    assert answers(ID, healthy(service_accounts=(account,))) == []
