"""What a permissions boundary or a session policy leaves of what policies allow."""

import json
from dataclasses import replace
from typing import Any

import pytest

from harness import table
from podid.domain.evidence import LogSighting
from podid.domain.iam import AssumePermissions, allowed_actions, allows_any_action
from podid.domain.snapshot import Known, Snapshot
from podid.domain.status import IdentityState
from podid.domain.wildcards import covers, overlap
from podid.ops.status.diagnose import diagnose, select

from .builder import ROLE_ARN, association, chained, healthy, permissions, role
from .grid import DENIED, answers

BOUNDARY = "arn:aws:iam::111122223333:policy/boundary"


@table(
    ("one", "other", "shared", "covered"),
    [
        ("s3:getobject", "s3:getobject", True, True),
        ("s3:get*", "s3:*object", True, False),
        ("s3:*", "s3:get*", True, True),
        ("s3:get*", "s3:*", True, False),
        ("*", "s3:*", True, True),
        ("s3:get?bject", "s3:get*", True, False),
        ("s3:get*", "s3:put*", False, False),
        ("s3:*", "ec2:*", False, False),
        ("s?:*", "s3:get*", True, True),
        ("s3:a*b", "s3:ab", True, True),
        ("s3:a*b*", "s3:*c", True, False),
        ("", "*", True, False),
        ("*", "", True, True),
    ],
)
def test_patterns(one: str, other: str, shared: bool, covered: bool) -> None:
    assert (overlap(one, other), overlap(other, one), covers(one, other)) == (shared, shared, covered)


def test_hostile_patterns_prove_nothing_and_take_no_time() -> None:
    long = "s3:" + "*a" * 5000
    assert (overlap(long, long), covers(long, long)) == (True, False)


def allow(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


def deny(*actions: str, **more: Any) -> dict[str, Any]:
    return allow(*actions, **{"Effect": "Deny", **more})


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


S3 = document(allow("s3:GetObject", "s3:List*"))


@table(
    ("policy", "ceiling", "left"),
    [
        (S3, document(allow("*")), True),
        (S3, document(allow("S3:Get*")), True),
        (S3, document(allow("ec2:Describe*", "dynamodb:*")), False),
        (S3, document(), False),
        (S3, document(allow("*"), deny("s3:*")), False),
        (S3, document(allow("*"), deny("s3:Get*")), True),
        # what holds for some resources, or under a condition, may leave the rest
        (S3, document(allow("*"), deny("s3:*", Resource="arn:aws:s3:::other/*")), True),
        (S3, document(allow("*"), deny("s3:*", Condition={"Bool": {"aws:SecureTransport": "false"}})), True),
        (S3, document({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}), True),
        (S3, document({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}), False),
        (S3, document(allow("*"), {"Effect": "Deny", "NotAction": "ec2:*", "Resource": "*"}), False),
        (document(allow("*")), document(allow("ec2:*")), True),
        (document({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}), document(allow("ec2:*")), True),
        ({"Statement": allow("s3:GetObject")}, {"Statement": allow("logs:*")}, False),
        (S3, {"Statement": ["odd", 7]}, False),
        (S3, {"Statement": {"Effect": "Allow"}}, True),
    ],
)
def test_what_is_left(policy: dict[str, Any], ceiling: dict[str, Any], left: bool) -> None:
    assert allows_any_action(allowed_actions([policy]), ceiling) is left


def bounded(section: object) -> list[tuple[str, str, str]]:
    with_boundary = replace(role(), permissions_boundary_arn=BOUNDARY)
    return answers(
        "permissions-boundary-denies", healthy(roles={ROLE_ARN: Known(with_boundary)}, bounded={ROLE_ARN: section})
    )


def test_a_boundary_that_leaves_nothing() -> None:
    name = f"Role {ROLE_ARN.rpartition('/')[2]}"
    assert ("fail", "error", name) in bounded(Known(False))
    assert ("pass", "error", name) in bounded(Known(True))
    assert ("unknown", "warn", name) in bounded(DENIED)


REFUSED = Known(permissions("implicitDeny", "implicitDeny", boundary_allows=False))
BOUNDED = {"roles": {ROLE_ARN: Known(replace(role(), permissions_boundary_arn=BOUNDARY))}}
SEEN = LogSighting(id="permissions-boundary-denies", node="node-1", count=1, sample="no permissions boundary allows")


@pytest.mark.parametrize(
    ("snapshot", "link"),
    [
        (chained(decisions=REFUSED), 9),
        (healthy(**BOUNDED, bounded={ROLE_ARN: Known(False)}), 10),
        (healthy(agent_logs={"kube-system/agent": Known((SEEN,))}), 7),
    ],
    ids=["second hop", "permissions", "the node's role"],
)
def test_what_a_boundary_denies_breaks_the_link_of_the_action(snapshot: Snapshot, link: int) -> None:
    """Chosen by that link or by its id alike; on other links nothing is said."""
    (found,) = diagnose(snapshot, checks=select(("permissions-boundary-denies",))).findings
    assert (found.link, found.severity.value) == (link, "error")
    (identity,) = diagnose(snapshot).identities
    assert identity.permissions == (found if link == 10 else None)
    assert (identity.state is IdentityState.BROKEN) is (link != 10)
    for asked in (7, 9, 10):
        checks = tuple(c for c in select(links=(str(asked),)) if c.id == "permissions-boundary-denies")
        assert [v.link for v in diagnose(snapshot, checks=checks).findings] == ([link] if asked == link else [])
        assert {v.link for v in diagnose(snapshot, checks=checks).verdicts} <= {asked}


@pytest.mark.parametrize(
    ("allows", "outcome"),
    [
        (("s3:getobject",), "pass"),
        (("dynamodb:*",), "fail"),
        (("*",), "pass"),
    ],
)
def test_a_session_policy_beside_the_roles(allows: tuple[str, ...], outcome: str) -> None:
    limited = replace(association(), policy=json.dumps(S3), disable_session_tags=True)
    snapshot = healthy(
        associations=(limited,),
        assume_permissions={ROLE_ARN: Known(AssumePermissions(allows=allows))},
    )
    assert [answer[0] for answer in answers("session-policy-misconfig", snapshot)] == [outcome]


def test_a_policy_variable_may_stand_for_any_name() -> None:
    tagging = AssumePermissions(tag=("arn:aws:iam::111122223333:role/${aws:PrincipalTag/kubernetes-namespace}-*",))
    assert tagging.may_tag("arn:aws:iam::111122223333:role/shop-data")
    assert not tagging.may_tag("arn:aws:iam::444455556666:role/shop-data")
