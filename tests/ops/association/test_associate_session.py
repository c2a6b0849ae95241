"""Notes on session policies and session tags before they are changed."""

import json
import secrets
from pathlib import Path

import pytest

from harness import Podid
from ops.change.support import POLICY, policy_file
from podid.domain.iam import not_granted
from podid.ops.role.tags import packed_percent, relied_on, room_words
from podid.sandbox.baseline import add_role, pods_trust
from podid.sandbox.box import Sandbox

BY_TAG = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::b/${aws:PrincipalTag/kubernetes-namespace}/*",
            "Condition": {"StringEquals": {"aws:principaltag/eks-cluster-name": "demo"}},
        }
    ],
}
BOTH = "aws:PrincipalTag/eks-cluster-name, aws:PrincipalTag/kubernetes-namespace"
OFF = ("associate", "shop/orders", "--role", "storefront", "--no-session-tags", "--wait", "none")


@pytest.fixture
def by_tag(box: Sandbox) -> None:
    box.iam.role_named("111122223333", "storefront").policies["by-tag"] = json.dumps(BY_TAG)


def notes(podid: Podid, *argv: str, code: int = 0) -> list[str]:
    outcome = podid(*argv, "-o", "json")
    assert outcome.code == code, outcome
    return [note for note in outcome.json["notes"] if "session" in note or "relies on" in note]


def test_policies_that_rely_on_tags_are_named(box: Sandbox, podid: Podid, journal: Path, by_tag: None) -> None:
    (note,) = notes(podid, *OFF)
    assert note.startswith(f"policy by-tag of role storefront relies on {BOTH}, which EKS no longer sends")
    assert notes(podid, *OFF) == []  # nothing changes


def test_policies_that_rely_on_tags_are_not_noted_while_tags_are_sent(
    box: Sandbox, podid: Podid, journal: Path, by_tag: None
) -> None:
    assert notes(podid, "associate", "shop/orders", "--role", "storefront", "--wait", "none") == []
    assert len(notes(podid, *OFF, "--replace")) == 1


@pytest.mark.parametrize("permission", ["iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:GetPolicyVersion"])
def test_unread_policies_are_noted_with_the_permission(
    box: Sandbox, podid: Podid, journal: Path, permission: str
) -> None:
    box.world.credentials.deny(permission)
    (note,) = notes(podid, *OFF)
    assert note.endswith(f"was not checked: requires {permission}")


def test_a_session_policy_only_restricts_the_role(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    note, *others = notes(podid, *OFF, "--session-policy", policy_file(tmp_path))
    assert note.startswith("the session policy of shop/orders only restricts")
    assert all(part in note for part in (" of 2,048 characters", "(estimated)", "packedPolicySize"))
    vain = "the session policy allows dynamodb:GetItem, but no policy of role storefront does: a session policy adds"
    assert [item.startswith(vain) for item in others] == [True]


def test_a_session_policy_is_compared_with_the_target_role(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    add_role(box.world, box.iam, "reports", pods_trust(), inline={"some": POLICY})
    target = ("--target-role", "arn:aws:iam::111122223333:role/reports")
    policy = ("--session-policy", policy_file(tmp_path))
    assert len(notes(podid, *OFF, *policy, *target, code=3)) == 1  # the target role keeps it out
    (note,) = notes(podid, *OFF, *policy, *target[:1], "arn:aws:iam::999988887777:role/reports", "--replace")
    assert note.endswith("was not checked: it is in another account")
    box.world.credentials.deny("iam:ListRolePolicies")
    assert notes(podid, *OFF, *policy, *target, "--replace", code=3)[-1].endswith(
        "was not checked: requires iam:ListRolePolicies"
    )


@pytest.mark.parametrize(
    ("session", "granted", "vain"),
    [
        ("s3:GetObject", {"Action": "s3:Get*"}, []),
        ("s3:*", {"Action": "s3:GetObject"}, []),
        ("S3:getobject", {"Action": ["s3:GetObject"]}, []),
        ("s3:Get*", {"Action": "s3:*Object"}, []),
        ("s3:Get*", {"Action": "s3:Put*"}, ["s3:Get*"]),
        ("s3:GetObject", {"Action": "s3:GetObjec?"}, []),
        ("s3:PutObject", {"Action": "s3:PutObject", "Effect": "Deny"}, ["s3:PutObject"]),
        ("s3:PutObject", {"NotAction": "iam:*"}, []),
        ("s3:PutObject", {"NotAction": "s3:*"}, ["s3:PutObject"]),
        (["*", "sqs:SendMessage"], {"Action": "s3:GetObject"}, ["sqs:SendMessage"]),
    ],
)
def test_actions_that_stay_denied(session: object, granted: dict[str, object], vain: list[str]) -> None:
    policy = {"Statement": {"Effect": "Allow", "Action": session, "Resource": "*"}}
    assert list(not_granted(policy, [{"Statement": [{"Effect": "Allow", **granted}]}])) == vain


def test_the_packed_size_is_an_estimate() -> None:
    alike = json.dumps({"Statement": [{"Action": ["s3:GetObject"] * 100}]})
    assert packed_percent(alike) < 10 < 50 < packed_percent(secrets.token_urlsafe(1500))
    assert "PackedPolicyTooLarge is possible" in room_words(secrets.token_urlsafe(1536))


def test_other_tags_are_not_eks_s() -> None:
    assert relied_on({"Statement": {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "a"}}}}) == ()
    assert len(relied_on(BY_TAG)) == 2
