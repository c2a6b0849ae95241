"""Trust policies: each failure is the finding of one check."""

from typing import Any

import pytest

from checks.builder import ACCOUNT, DENIED, ROLE_ARN, association, healthy, role, trust, with_role
from checks.grid import answers, only, verdicts
from harness import table
from podid.domain.snapshot import Known

ELSEWHERE = {"aws:SourceArn": f"arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/other"}
TAGGED = {"aws:RequestTag/kubernetes-namespace": "shop"}
BROKEN = [
    (trust("ec2.amazonaws.com"), {}, "trust-wrong-principal", "error"),
    (trust({"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/x"}), {}, "trust-wrong-principal", "error"),
    (trust(actions="sts:AssumeRole"), {}, "trust-missing-tag-session", "error"),
    (trust(ArnEquals=ELSEWHERE), {}, "trust-condition-never-matches", "error"),
    (trust(StringEquals=TAGGED), {"disable_session_tags": True}, "trust-request-tag-with-tags-disabled", "error"),
    (trust(Null={"aws:SourceArn": "false"}), {}, "trust-too-broad", "warn"),
]
NODES, ORDERS = "Role nodes", "Role orders"
TRUST = (
    "trust-wrong-principal",
    "trust-missing-tag-session",
    "trust-request-tag-with-tags-disabled",
    "trust-condition-never-matches",
    "trust-too-broad",
)


@table(("document", "changes", "rule", "severity"), BROKEN)
def test_each_broken_trust_is_one_finding_of_one_check(
    document: dict[str, object], changes: Any, rule: str, severity: str
) -> None:
    snapshot = with_role(role(document=document), associations=(association(**changes),))
    rows = [(r, *a) for r in TRUST for a in answers(r, snapshot) if a[0] in ("fail", "unknown")]
    assert rows == [(rule, "fail", severity, ORDERS)]


@pytest.mark.parametrize("rule", TRUST)
def test_healthy_unknown_and_missing_roles(rule: str) -> None:
    assert [a[0] for a in answers(rule, healthy())] == ["pass"]
    assert [a[0] for a in answers(rule, with_role(DENIED))] == ["unknown"]
    assert [a[0] for a in answers(rule, with_role(None))] == ["not-applicable"]
    assert [a[0] for a in answers(rule, with_role(role(document={"Statement": 7})))] == ["unknown"]
    assert [a[0] for a in answers(rule, healthy(cluster=DENIED))] == ["unknown"]


@pytest.mark.parametrize(
    ("document", "others"),
    [
        (trust({"AWS": "*"}, Null={"aws:SourceArn": "true"}), {"trust-condition-never-matches": "fail"}),
        (trust({"AWS": "*", "Service": "pods.eks.amazonaws.com"}, StringLike={"sts:RoleSessionName": "*"}), {}),
    ],
)
def test_a_role_that_everybody_can_assume_is_an_error(document: dict[str, object], others: dict[str, str]) -> None:
    snapshot = with_role(role(document=document))
    rows = {r: answers(r, snapshot)[0] for r in TRUST}
    assert rows["trust-too-broad"][:2] == ("fail", "error")
    assert {r: a[0] for r, a in rows.items() if a[0] == "fail" and r != "trust-too-broad"} == others
    fix = verdicts("trust-too-broad", snapshot)[0].fix
    assert fix is not None
    assert [command[:3] for command in fix.commands] == [("podid", "role", "show")]


def test_no_statement_is_added_if_a_deny_applies() -> None:
    denying = {**trust()["Statement"][0], "Effect": "Deny"}  # type: ignore[index]
    document = {**trust(), "Statement": [*trust()["Statement"], denying]}  # type: ignore[misc]
    verdict = only("trust-condition-never-matches", healthy(roles={ROLE_ARN: Known(role(document=document))}))
    assert "an explicit Deny overrides every Allow" in verdict.message
    assert verdict.fix is not None
    assert verdict.fix.commands == (("podid", "role", "show", "orders"),)


def test_a_condition_that_only_a_call_can_decide_is_unknown_once() -> None:
    snapshot = with_role(role(document=trust(StringEquals={"example:unheard-of": "x"})))
    outcomes = {r: [a[0] for a in answers(r, snapshot)] for r in TRUST}
    assert outcomes == {r: ["not-applicable"] for r in TRUST} | {"trust-condition-never-matches": ["unknown"]}


def test_associations_of_one_role_are_grouped_by_finding() -> None:
    snapshot = with_role(
        role(), associations=(association(), association(name="billing"), association(name="invoices"))
    )
    answered = verdicts("trust-condition-never-matches", snapshot)
    assert [(v.outcome.value, v.chain) for v in answered] == [
        ("fail", ("shop/billing",)),
        ("fail", ("shop/invoices",)),
        ("pass", ("shop/orders",)),
    ]
