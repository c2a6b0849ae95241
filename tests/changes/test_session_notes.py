"""`associate --no-session-tags` and `--session-policy`: what they take away is said before it is done."""

import json
from pathlib import Path

import pytest

from harness import Podid
from podid.ops.role.tags import relied_on
from podid.sandbox.box import Sandbox

from .support import policy_file

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


def notes(podid: Podid, *argv: str) -> list[str]:
    outcome = podid(*argv, "-o", "json")
    assert outcome.code == 0, outcome
    return [note for note in outcome.json["notes"] if "session" in note or "relies on" in note]


def test_policies_that_rely_on_tags_are_named(box: Sandbox, podid: Podid, journal: Path, by_tag: None) -> None:
    (note,) = notes(podid, *OFF)
    assert note.startswith(f"policy by-tag of role storefront relies on {BOTH}, which EKS no longer sends")
    assert notes(podid, *OFF) == []  # nothing changes


def test_nothing_is_said_while_they_are_sent(box: Sandbox, podid: Podid, journal: Path, by_tag: None) -> None:
    assert notes(podid, "associate", "shop/orders", "--role", "storefront", "--wait", "none") == []
    assert len(notes(podid, *OFF, "--replace")) == 1


@pytest.mark.parametrize("right", ["iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:GetPolicyVersion"])
def test_what_could_not_be_looked_at_is_said(box: Sandbox, podid: Podid, journal: Path, right: str) -> None:
    box.world.credentials.deny(right)
    (note,) = notes(podid, *OFF)
    assert note.endswith(f"was not looked at: needs {right}")


def test_a_session_policy_only_narrows(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    (note,) = notes(podid, *OFF, "--session-policy", policy_file(tmp_path))
    assert note.startswith("the session policy of shop/orders only narrows")
    assert " of 2,048 characters" in note


def test_other_tags_are_not_eks_s() -> None:
    assert relied_on({"Statement": {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "a"}}}}) == ()
    assert len(relied_on(BY_TAG)) == 2
