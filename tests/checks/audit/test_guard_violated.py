from dataclasses import replace
from typing import Any

from checks.builder import CLUSTER_ARN, DENIED, ROLE_ARN, association, healthy, role, with_trust
from checks.grid import answers, outcomes
from harness import table
from podid.checks.all import BY_ID
from podid.domain.declaration import Guard, Position
from podid.domain.findings import Outcome
from podid.domain.iam import PolicyNames
from podid.domain.snapshot import Known
from podid.domain.trust import ScopeKind

from .worlds import guarded

ID = "guard-violated"
FAILS = guarded(allowed_roles=("web-*",))
UNKNOWN = replace(guarded(), roles=DENIED)
PASSES = guarded()
FINDINGS = [("fail", "error", "Association shop/orders"), ("pass", "error", "Role orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


@table(
    ("rules", "subjects"),
    [
        ({}, ()),
        ({"allowed_roles": ("or*", "unused")}, ()),
        ({"allowed_roles": ("arn:aws:iam::*:role/web",)}, ("Association",)),
        ({"allowed_policies": ("other",)}, ("Role",)),
        ({"allowed_policies": ("p",)}, ()),
        ({"allowed_scopes": (ScopeKind.SERVICE_ACCOUNT,)}, ()),
        ({"allowed_scopes": (ScopeKind.NAMESPACE,)}, ("Role",)),
        ({"required_boundary": "limit"}, ("Role",)),
        ({"required_tags": {"team": "*"}}, ("Association", "Role")),
        ({"default_accounts": False}, ()),
    ],
)
def test_the_rules_of_a_guard(rules: dict[str, Any], subjects: tuple[str, ...]) -> None:
    snapshot = replace(guarded(**rules), role_policies=Known({ROLE_ARN: Known(PolicyNames(inline=("p",)))}))
    failed = [item for item in BY_ID[ID].judge(snapshot) if item.outcome is Outcome.FAIL]
    assert tuple(item.subject.kind for item in failed) == subjects
    assert all(item.evidence[0].startswith("guard.yaml:7: guard.") for item in failed)


def test_each_violated_rule_is_named_with_its_guard() -> None:
    one, other = (
        Guard(at=Position("a.yaml", 3), allowed_roles=()),
        Guard(at=Position("b.yaml", 4), default_accounts=False),
    )
    account = association(service_account="default")
    snapshot = replace(healthy(associations=(account,)), guards=(one, other))
    (verdict, *_) = BY_ID[ID].judge(snapshot)
    role_name = ROLE_ARN.rpartition("/")[2]
    assert verdict.evidence == (
        f"a.yaml:3: guard.allowedRoles: role {role_name} is not allowed",
        "b.yaml:4: guard.defaultAccounts: associations of the default service account are not allowed",
    )


def test_a_policy_list_that_a_rule_needs_is_unknown_if_it_was_not_read() -> None:
    snapshot = replace(guarded(allowed_policies=("p",)), role_policies=Known({ROLE_ARN: DENIED}))
    assert outcomes(ID, snapshot) == {"pass", "unknown"}


def test_a_role_under_another_path_is_not_the_role_of_the_association() -> None:
    elsewhere = replace(role(), arn=ROLE_ARN.replace("role/", "role/teams/"))
    snapshot = replace(guarded(required_boundary="limit"), roles=Known({ROLE_ARN: Known(elsewhere)}))
    assert answers(ID, snapshot) == [
        ("pass", "error", "Association shop/orders"),
        ("not-applicable", "error", "Role orders"),
    ]


SOURCE = {"StringEquals": {"aws:SourceArn": CLUSTER_ARN}}


@table(
    ("condition", "outcome"),
    [
        (SOURCE, "pass"),
        ({"StringEqualsIfExists": {"aws:SourceArn": CLUSTER_ARN}}, "pass"),
        # these match requests of other clusters
        ({"Null": {"aws:SourceArn": "false"}}, "fail"),
        ({"ForAllValues:StringEquals": {"aws:RequestTag/eks-cluster-arn": CLUSTER_ARN}}, "fail"),
        ({"StringEqualsIfExists": {"aws:RequestTag/eks-cluster-arn": CLUSTER_ARN}}, "fail"),
    ],
)
def test_conditions_that_require_no_value_do_not_narrow_the_scope(condition: dict[str, Any], outcome: str) -> None:
    snapshot = replace(guarded(allowed_scopes=(ScopeKind.CLUSTER,)), roles=with_trust(**condition).roles)
    assert answers(ID, snapshot)[1] == (outcome, "error", "Role orders")
