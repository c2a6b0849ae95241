"""Roles are judged by the sessions of their associations: with session tags and session policies."""

import json
from dataclasses import replace
from typing import Any

from checks.audit.worlds import allowing
from checks.builder import ROLE_ARN, TARGET_ARN, association, chained
from checks.grid import verdicts
from harness import table
from podid.domain.aws import Association
from podid.domain.snapshot import Known, Snapshot

# check -> an action that it reports
ACTIONS = {
    "role-administrator": "*",
    "role-passes-any-role": "iam:PassRole",
    "role-assumes-any-role": "sts:AssumeRole",
    "role-privilege-escalation": "iam:PutRolePolicy",
}
NAMESPACE = "aws:PrincipalTag/kubernetes-namespace"
SHOP = {"StringEquals": {NAMESPACE: "shop"}}
OTHER = {"StringEquals": {NAMESPACE: "other"}}
POD = {"StringEquals": {"aws:PrincipalTag/kubernetes-pod-name": "orders-1"}}
VPC = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}
READ_ONLY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
UNTAGGED: dict[str, Any] = {"disable_session_tags": True}


def used_by(snapshot: Snapshot, *associations: Association) -> Snapshot:
    return replace(snapshot, associations=Known(associations or (association(),)))


@table(
    ("condition", "changes", "outcome"),
    [
        (SHOP, {}, "fail"),
        ({"StringLike": {NAMESPACE: "sh*"}}, {}, "fail"),
        ({"StringEquals": {"aws:principaltag/Kubernetes-Namespace": "shop"}}, {}, "fail"),
        (OTHER, {}, "pass"),
        ({"StringNotEquals": {NAMESPACE: "shop"}}, {}, "pass"),
        ({"StringEqualsIfExists": {NAMESPACE: "shop"}}, {}, "fail"),
        ({"StringEqualsIfExists": {NAMESPACE: "other"}}, UNTAGGED, "fail"),
        ({"Null": {NAMESPACE: "true"}}, UNTAGGED, "fail"),
        ({"Null": {NAMESPACE: "true"}}, {}, "pass"),
        (SHOP, UNTAGGED, "pass"),
        ({"StringEquals": {"aws:PrincipalTag/kubernetes-service-account": "orders"}}, {}, "fail"),
        ({"StringEquals": {"aws:PrincipalTag/eks-cluster-name": "prod"}}, {}, "fail"),
        # the name of a pod is not known, nor is the network of its request
        (POD, {}, "unknown"),
        (POD, UNTAGGED, "pass"),
        (VPC, {}, "unknown"),
        (SHOP | {"StringLike": VPC["StringEquals"]}, {}, "unknown"),
        ({}, {"policy": READ_ONLY, **UNTAGGED}, "pass"),
        ({}, {"policy": "{", **UNTAGGED}, "unknown"),
        ({}, {}, "fail"),
    ],
)
def test_the_session_of_an_association(condition: dict[str, Any], changes: dict[str, Any], outcome: str) -> None:
    for check, action in ACTIONS.items():
        snapshot = used_by(allowing(Action=action, Resource="*", Condition=condition), association(**changes))
        (verdict,) = verdicts(check, snapshot)
        assert verdict.outcome.value == outcome, (check, verdict.message)
        if outcome == "unknown" and condition:
            (key,) = [key for operator in condition.values() for key in operator if key != NAMESPACE]
            assert key in verdict.message
            assert key in verdict.reason


@table("check", [*ACTIONS])
def test_only_the_service_accounts_with_the_permissions_are_named(check: str) -> None:
    both = (association(), association("web", "front"))
    snapshot = used_by(allowing(Action=ACTIONS[check], Resource="*", Condition=SHOP), *both)
    (verdict,) = verdicts(check, snapshot)
    assert (verdict.outcome.value, verdict.chain) == ("fail", ("shop/orders",))
    assert verdict.message.endswith(", for shop/orders")
    (all_,) = verdicts(check, used_by(allowing(Action=ACTIONS[check], Resource="*"), *both))
    assert (all_.outcome.value, all_.chain) == ("fail", ("shop/orders", "web/front"))
    assert "shop/orders" not in all_.message
    (none,) = verdicts(check, used_by(allowing(Action=ACTIONS[check], Resource="*", Condition=OTHER), *both))
    assert (none.outcome.value, none.chain) == ("pass", ("shop/orders", "web/front"))


def test_failures_and_unknown_answers_of_one_role() -> None:
    ids = {"StringEquals": {"aws:PrincipalTag/kubernetes-pod-name": "front-1"}}
    further = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": SHOP}
    snapshot = used_by(
        allowing(further, Action="*", Resource="*", Condition=ids),
        association(),
        association("web", "front"),
        association("web", "plain", **UNTAGGED),
    )
    listed = verdicts("role-administrator", snapshot)
    assert [(item.outcome.value, item.chain) for item in listed] == [
        ("fail", ("shop/orders",)),
        ("unknown", ("web/front",)),
    ]


def test_a_tag_in_the_resource() -> None:
    resource = "arn:aws:iam::111122223333:role/${aws:PrincipalTag/kubernetes-namespace}-*"
    for changes, outcome in (({}, "fail"), (UNTAGGED, "pass")):
        snapshot = used_by(allowing(Action="iam:PutRolePolicy", Resource=resource), association(**changes))
        (verdict,) = verdicts("role-privilege-escalation", snapshot)
        assert verdict.outcome.value == outcome


@table(
    ("condition", "changes", "outcome"),
    [
        (SHOP, {}, "fail"),
        (OTHER, {}, "pass"),
        (SHOP, UNTAGGED, "pass"),
        ({}, {"policy": READ_ONLY, **UNTAGGED}, "pass"),
    ],
)
def test_session_tags_reach_the_target_role(condition: dict[str, Any], changes: dict[str, Any], outcome: str) -> None:
    document = allowing(Action="*", Resource="*", Condition=condition).permission_policies
    assert isinstance(document, Known)
    snapshot = replace(
        chained(association(**changes)),
        permission_policies=Known({ROLE_ARN: Known({})}),
        target_policies=Known({TARGET_ARN: document.value[ROLE_ARN]}),
    )
    answers = {str(item.subject): item.outcome.value for item in verdicts("role-administrator", snapshot)}
    assert answers["Role reports"] == outcome
