"""Links 7 and 9: node roles, the association's role and its trust."""

from typing import Any

import pytest

from harness import table
from podid.domain.aws import NodeGroup, Role
from podid.domain.snapshot import Known, Missing, Snapshot

from .builder import ACCOUNT, NODE_ROLE_ARN, REFUSED, ROLE_ARN, association, cluster, healthy, node, role, trust
from .grid import DENIED, answers, only, verdicts

NODES, ORDERS = "Role nodes", "Role orders"
TRUST = (
    "trust-wrong-principal",
    "trust-missing-tag-session",
    "trust-request-tag-with-tags-disabled",
    "trust-condition-never-matches",
    "trust-too-broad",
)


@table(
    ("snapshot", "expected"),
    [
        (healthy(), [("pass", "error", NODES)]),
        (healthy(node_role_allowed={NODE_ROLE_ARN: REFUSED}), [("fail", "error", NODES)]),
        (healthy(node_role_allowed={NODE_ROLE_ARN: DENIED}), [("unknown", "error", NODES)]),
        (healthy(node_role_allowed={}), [("unknown", "error", NODES)]),
        (healthy(node_groups=DENIED), [("unknown", "error", "Cluster prod")]),
        (
            healthy(node_role_allowed={NODE_ROLE_ARN: REFUSED}, nodes=(node(labels={}),)),
            [("not-applicable", "error", "NodeList self-managed"), ("not-applicable", "error", NODES)],
        ),
        (healthy(node_role_allowed={NODE_ROLE_ARN: REFUSED}, nodes=DENIED), [("fail", "error", NODES)]),
    ],
)
def test_node_role_missing_eks_auth(snapshot: Snapshot, expected: list[tuple[str, str, str]]) -> None:
    assert answers("node-role-missing-eks-auth", snapshot) == expected


def test_a_node_role_in_another_partition_is_given_that_partitions_policy() -> None:
    arn = "arn:aws-cn:iam::111122223333:role/nodes"
    snapshot = healthy(
        node_groups=(NodeGroup(name="workers", status="ACTIVE", node_role_arn=arn),),
        node_role_allowed={arn: REFUSED},
    )
    verdict = only("node-role-missing-eks-auth", snapshot)
    assert verdict.chain == ("shop/orders",)
    assert verdict.fix is not None
    assert verdict.fix.commands[0][-1] == "arn:aws-cn:iam::aws:policy/AmazonEKSWorkerNodeMinimalPolicy"


def test_the_auto_mode_node_role_counts() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/auto"
    snapshot = healthy(
        cluster=cluster(auto_mode=True, auto_node_role_arn=arn),
        node_groups=(),
        nodes=(node(compute_type="auto", labels={}),),
        node_role_allowed={arn: REFUSED},
    )
    assert only("node-role-missing-eks-auth", snapshot).message == (
        f"role auto of EKS Auto Mode ({arn}) is not authorized to perform eks-auth:AssumeRoleForPodIdentity on prod: "
        "no pod there gets credentials"
    )


def with_role(value: Role | Missing | None, **sections: object) -> Snapshot:
    return healthy(roles={ROLE_ARN: value if isinstance(value, Missing) else Known(value)}, **sections)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (role(), "pass"),
        (None, "fail"),
        (role(f"arn:aws:iam::{ACCOUNT}:role/apps/orders"), "fail"),
        (DENIED, "unknown"),
    ],
)
def test_role_not_found(value: Role | Missing | None, expected: str) -> None:
    assert answers("role-not-found", with_role(value)) == [(expected, "error", ORDERS)]


def test_a_role_under_another_path_is_proposed() -> None:
    other = f"arn:aws:iam::{ACCOUNT}:role/apps/orders"
    found = only("role-not-found", with_role(role(other))).fix
    assert found is not None
    assert found.commands == (("podid", "associate", "shop/orders", "--role", other, "--replace", "--cluster", "prod"),)
    gone = only("role-not-found", with_role(None)).fix
    assert gone is not None
    assert gone.commands == (("podid", "role", "create", "orders", "--for", "shop/orders", "--cluster", "prod"),)


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


@table(("document", "changes", "rule", "severity"), BROKEN)
def test_each_broken_trust_is_one_finding_of_one_check(
    document: dict[str, object], changes: Any, rule: str, severity: str
) -> None:
    snapshot = with_role(role(document=document), associations=(association(**changes),))
    found = [(r, *a) for r in TRUST for a in answers(r, snapshot) if a[0] in ("fail", "unknown")]
    assert found == [(rule, "fail", severity, ORDERS)]


@pytest.mark.parametrize("rule", TRUST)
def test_trust_healthy_unknown_and_without_a_role(rule: str) -> None:
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
def test_a_role_that_everybody_can_assume_is_an_error_whatever_else_is_so(
    document: dict[str, object], others: dict[str, str]
) -> None:
    snapshot = with_role(role(document=document))
    found = {r: answers(r, snapshot)[0] for r in TRUST}
    assert found["trust-too-broad"][:2] == ("fail", "error")
    assert {r: a[0] for r, a in found.items() if a[0] == "fail" and r != "trust-too-broad"} == others
    fix = verdicts("trust-too-broad", snapshot)[0].fix
    assert fix is not None
    assert [command[:3] for command in fix.commands] == [("podid", "role", "show")]


def test_no_statement_is_added_where_a_deny_says_no() -> None:
    denying = {**trust()["Statement"][0], "Effect": "Deny"}  # type: ignore[index]
    document = {**trust(), "Statement": [*trust()["Statement"], denying]}  # type: ignore[misc]
    verdict = only("trust-condition-never-matches", healthy(roles={ROLE_ARN: Known(role(document=document))}))
    assert "an explicit Deny overrides every Allow" in verdict.message
    assert verdict.fix is not None
    assert verdict.fix.commands == (("podid", "role", "show", "orders"),)


def test_a_condition_that_only_a_real_call_settles_is_unknown_once() -> None:
    snapshot = with_role(role(document=trust(StringEquals={"example:unheard-of": "x"})))
    outcomes = {r: [a[0] for a in answers(r, snapshot)] for r in TRUST}
    assert outcomes == {r: ["not-applicable"] for r in TRUST} | {"trust-condition-never-matches": ["unknown"]}


def test_one_role_with_two_associations_splits_by_what_is_wrong() -> None:
    snapshot = with_role(
        role(), associations=(association(), association(name="billing"), association(name="invoices"))
    )
    found = verdicts("trust-condition-never-matches", snapshot)
    assert [(v.outcome.value, v.chain) for v in found] == [
        ("fail", ("shop/billing",)),
        ("fail", ("shop/invoices",)),
        ("pass", ("shop/orders",)),
    ]
