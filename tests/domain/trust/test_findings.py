"""A role that everybody in AWS can assume is an error, whatever its trust says to EKS."""

from collections.abc import Mapping
from typing import Any

import pytest

from domain.trust.trust_helpers import (
    ACCOUNT,
    BASE_ROLE,
    CLUSTER,
    EXTERNAL_ID,
    HOP,
    IDENTITY,
    NS,
    UNTAGGED,
    UNTAGGED_HOP,
    exact,
    findings,
    policy,
    statement,
)
from harness import table
from podid.domain.trust import (
    TOO_BROAD,
    PodIdentity,
    TargetHop,
    build_statement,
    check,
    evaluate,
)

EVERYBODY: dict[str, Any] = {"Principal": "*", "Action": "sts:*"}


def _severities(*statements: Mapping[str, Any]) -> list[str]:
    listed = evaluate(policy(*statements), IDENTITY).findings
    return [finding.severity.value for finding in listed if finding.id == TOO_BROAD]


@table(
    "members",
    [
        {"Principal": "*"},
        {"Principal": {"AWS": "*"}},
        {"Principal": {"AWS": ["arn:aws:iam::111122223333:root", "*"]}},
        {"Principal": None, "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:user/bob"}},
        {"Principal": "*", "Action": "*"},
        {"Principal": "*", "Action": "STS:assume*"},
        {"Principal": "*", "Action": None, "NotAction": "s3:*"},
    ],
)
def test_everybody_is_an_error(members: dict[str, Any]) -> None:
    assert _severities(statement(**members)) == ["error"]


@table(
    "condition",
    [
        {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "shop"}},
        {"StringEquals": {"aws:PrincipalTag/team": "orders"}},
        {"StringLike": {"sts:RoleSessionName": "ci-*"}},
        {"StringNotEquals": {"aws:PrincipalAccount": "999999999999"}},
        {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}},
        {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-1"}},
        {"StringLike": {"aws:PrincipalArn": "*"}},
        {"StringLike": {"aws:PrincipalArn": "*:role/deploy"}},
        {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/deploy"}},
        {"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::111122223333:role/a", "arn:aws:iam::*:role/b"]}},
        {"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}},
        {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
        {"Null": {"aws:PrincipalOrgID": "false"}},
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
        {"Bool": {"aws:PrincipalIsAWSService": "false"}},
        {"StringLike": {"aws:PrincipalOrgID": "o-*"}},
    ],
)
def test_a_condition_that_callers_choose_does_not_narrow(condition: dict[str, Any]) -> None:
    assert _severities(statement(condition, **EVERYBODY)) == ["error"]


@table(
    "condition",
    [
        {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}},
        {"StringEqualsIfExists": {"aws:PrincipalAccount": ACCOUNT}},
        {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
        {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/*"}},
        {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/*"}},
        {"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}},
        {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        {"StringEquals": {"aws:SourceVpce": "vpce-1"}},
        {"Bool": {"aws:PrincipalIsAWSService": True}},
    ],
)
def test_a_condition_on_the_identity_of_the_caller_narrows(condition: dict[str, Any]) -> None:
    assert _severities(statement(condition, **EVERYBODY)) == []


@table(
    ("deny", "severities"),
    [
        ({}, []),
        ({"Condition": {"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}}}, ["warn"]),
        ({"Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}, ["error"]),
        ({"Principal": None, "NotPrincipal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}, ["warn"]),
        ({"Principal": {"AWS": BASE_ROLE}}, ["error"]),
        ({"Action": "sts:TagSession"}, ["error"]),
    ],
)
def test_a_deny_may_keep_strangers_out(deny: dict[str, Any], severities: list[str]) -> None:
    denying = statement(**{**EVERYBODY, "Effect": "Deny", "Sid": "No"} | deny)
    assert _severities(statement(**EVERYBODY), denying) == severities


@pytest.mark.parametrize(
    "members",
    [
        {"Principal": {"AWS": ACCOUNT}},
        {"Principal": "*", "Action": "sts:TagSession"},
        {"Principal": "*", "Action": None, "NotAction": "sts:*"},
        {"Principal": "*", "Effect": "Deny"},
    ],
)
def test_statements_that_allow_known_principals_only(members: dict[str, Any]) -> None:
    assert _severities(statement(**members)) == []


def test_an_external_id_is_no_secret() -> None:
    assert _severities(statement({"StringEquals": {"sts:ExternalId": "x"}}, **EVERYBODY)) == ["warn"]


@pytest.mark.parametrize("request_", [IDENTITY, HOP])
def test_the_finding_is_reported_once_and_does_not_deny_access(request_: Any) -> None:
    report = check(policy(statement(), statement(**EVERYBODY)), [request_, request_])
    assert [finding.message for finding in report.open_to_all] == [
        'Statement[1] allows everyone ("*") in any AWS account to assume the role'
    ]
    assert not any(finding.denies_access for finding in report.open_to_all)


def test_both_actions_are_missing() -> None:
    assert [(id_, severity) for id_, severity, _ in findings(IDENTITY, exact(Action="sts:GetCallerIdentity"))] == [
        ("trust-missing-tag-session", "error"),
        ("trust-missing-tag-session", "error"),
    ]


def test_findings_without_session_tags() -> None:
    message = (
        f"Statement[0] does not match: StringEquals {NS} requires shop, but EKS does not send it; "
        "session tags are disabled, so EKS sends no aws:RequestTag"
    )
    id_ = "trust-request-tag-with-tags-disabled"
    assert findings(UNTAGGED, statement({"StringEquals": {NS: "shop"}})) == [(id_, "error", message)]
    keys = statement({"ForAnyValue:StringEquals": {"aws:TagKeys": "eks-cluster-arn"}})
    assert [item[:2] for item in findings(UNTAGGED, keys)] == [(id_, "error")]
    denied = [statement(), statement({"Null": {NS: "true"}}, Effect="Deny", Action="sts:TagSession")]
    assert findings(UNTAGGED, *denied)[:1] == [
        (
            id_,
            "warn",
            f"Statement[1] denies the request because of Null {NS} (EKS does not send it); an explicit Deny overrides "
            "every Allow",
        )
    ]
    only_assume = build_statement(UNTAGGED) | {"Action": "sts:AssumeRole"}
    assert [item[:2] for item in findings(UNTAGGED, only_assume)] == [("trust-missing-tag-session", "warn")]


def test_too_broad_names_the_statement_that_allows_other_pods() -> None:
    message = (
        "Statement[1] (Wide) allows every service account of every cluster: "
        "anyone who can create an association can use the role"
    )
    assert findings(IDENTITY, exact(), statement(Sid="Wide")) == [("trust-too-broad", "warn", message)]
    everything = statement({"ArnLike": {"aws:SourceArn": "arn:aws:eks:*:*:cluster/*"}})
    assert [item[0] for item in findings(IDENTITY, everything)] == ["trust-too-broad"]
    account = f"90909090{'9090'}"
    pod = PodIdentity(CLUSTER.replace(ACCOUNT, account), "shop", "orders")
    assert findings(pod, statement({"StringEquals": {"aws:SourceAccount": account}})) == []


@table(
    ("request_", "statements", "expected"),
    [
        (
            HOP,
            [statement(Principal={"AWS": "1"})],
            ("target-role-trust-broken", "error", f"no statement allows {BASE_ROLE}: the trust policy names 1"),
        ),
        (
            HOP,
            [statement(Principal={"AWS": BASE_ROLE}, Action="sts:AssumeRole")],
            (
                "target-role-trust-broken",
                "error",
                f"Statement[0] applies to {BASE_ROLE}, but does not allow sts:TagSession; both actions are required",
            ),
        ),
        (
            UNTAGGED_HOP,
            [statement(Principal={"AWS": BASE_ROLE}, Action="sts:AssumeRole")],
            (
                "target-role-trust-broken",
                "warn",
                f"Statement[0] applies to {BASE_ROLE}, but does not allow sts:TagSession; both actions are required",
            ),
        ),
        (
            UNTAGGED_HOP,
            [statement({"StringEquals": {"sts:ExternalId": "x"}}, Principal={"AWS": BASE_ROLE})],
            (
                "external-id-mismatch",
                "error",
                "Statement[0] does not match: StringEquals sts:ExternalId requires x, but the request contains "
                f"{EXTERNAL_ID}",
            ),
        ),
        (
            HOP,
            [statement({"StringEquals": {NS: "web"}}, Principal={"AWS": BASE_ROLE})],
            (
                "target-role-trust-broken",
                "error",
                f"Statement[0] does not match: StringEquals {NS} requires web, but the request contains shop",
            ),
        ),
        (
            UNTAGGED_HOP,
            [statement({"StringEquals": {NS: "shop"}}, Principal={"AWS": BASE_ROLE})],
            (
                "target-role-trust-broken",
                "error",
                f"Statement[0] does not match: StringEquals {NS} requires shop, but the request does not contain it; "
                "session tags are disabled, so EKS sends no aws:RequestTag",
            ),
        ),
        (
            HOP,
            [statement({"ArnEquals": {"aws:SourceArn": CLUSTER}}, Principal={"AWS": BASE_ROLE})],
            (
                "target-role-trust-broken",
                "error",
                f"Statement[0] does not match: ArnEquals aws:SourceArn requires {CLUSTER}, but the request does not "
                "contain it",
            ),
        ),
        (
            HOP,
            [statement(Principal={"AWS": BASE_ROLE}), statement(Principal={"AWS": BASE_ROLE}, Effect="Deny")],
            (
                "target-role-trust-broken",
                "error",
                "Statement[1] denies the request; an explicit Deny overrides every Allow",
            ),
        ),
        (
            HOP,
            [statement(Principal={"AWS": [BASE_ROLE, "AROAEXAMPLE1234567890"]})],
            (
                "role-recreated",
                "warn",
                "the trust policy names AROAEXAMPLE1234567890, the unique id of a deleted role or user; "
                "a new one of that name does not match",
            ),
        ),
    ],
)
def test_findings_at_hop_2(
    request_: TargetHop, statements: list[Mapping[str, Any]], expected: tuple[str, str, str]
) -> None:
    assert findings(request_, *statements) == [expected]


def test_a_statement_that_may_deny_the_request_is_named_with_the_fix() -> None:
    """Another statement that allows the service account may have no effect."""
    allow = statement({"StringEquals": {"aws:RequestTag/kubernetes-namespace": "staging"}})
    deny = statement({"StringNotEquals": {"aws:SourceOrgID": "o-1"}}, Effect="Deny", Principal="*", Action="sts:*")
    alone, both = (evaluate(policy(*items), IDENTITY).findings for items in ((allow,), (allow, deny)))
    assert [finding.denied for finding in alone] == [False]
    assert [(finding.message, finding.denied) for finding in both] == [(finding.message, True) for finding in alone]
    assert both[0].fix == f"{alone[0].fix}; then narrow Statement[1], which may deny the request"
