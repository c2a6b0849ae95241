"""Changes while someone else changes the same documents."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness import Podid
from ops.change.support import ACCOUNT, UPDATE, account_state, policy_file, runs, shared_role
from podid.ops.change.kinds.trusts import RoleTrustKind
from podid.sandbox.baseline import pods_trust
from podid.sandbox.box import Sandbox
from podid.sandbox.http import HttpAnswer, HttpRequest


def test_a_document_that_is_overwritten_again_and_again(
    box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is written is written over: no success is claimed."""
    shared_role(box)
    answer = box.gateway.answer
    (role,) = [item for item in box.iam.backend("111122223333").roles.values() if item.name == "shared"]
    theirs = role.assume_role_policy_document
    looks = 0

    def answering(request: HttpRequest) -> HttpAnswer:
        nonlocal looks
        done = answer(request)
        if box.gateway.name(request).operation == "GetRole" and role.assume_role_policy_document != theirs:
            looks += 1
            role.assume_role_policy_document = theirs
        return done

    box.gateway.answer = answering  # type: ignore[method-assign]
    outcome = podid(*UPDATE, "shop/orders")
    assert outcome.code == 6, outcome
    assert outcome.stdout == ""
    assert outcome.error["message"] == (
        "The trust policy of role shared was changed, but someone else has overwritten it: "
        "Statement[1] (Podid3c7f215b) is missing"
    )
    assert "CloudTrail" in outcome.error["advice"]
    assert outcome.error["hint"].startswith("podid role create shared")
    assert 3 <= looks <= 10
    assert runs(podid)[0]["status"] == "failed"


def test_a_trust_policy_that_cannot_be_read_again_is_not_lost(
    box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right to read it goes when it has been read back."""
    shared_role(box)
    lost = RoleTrustKind.lost

    def denied(*arguments: Any) -> Sequence[str]:
        box.world.credentials.deny("iam:GetRole")
        return lost(*arguments)

    monkeypatch.setattr(RoleTrustKind, "lost", denied)
    outcome = podid(*UPDATE, "shop/orders")
    assert outcome.code == 0, outcome
    (note,) = [note for note in outcome.json["notes"] if "could not be read again" in note]
    assert "is not authorized to perform iam:GetRole" in note
    assert runs(podid)[0]["status"] == "done"


def test_a_role_that_is_deleted_during_the_change(box: Sandbox, podid: Podid, journal: Path) -> None:
    shared_role(box)
    answer, roles = box.gateway.answer, box.iam.backend("111122223333").roles
    (key,) = [key for key, role in roles.items() if role.name == "shared"]
    written = False

    def answering(request: HttpRequest) -> HttpAnswer:
        nonlocal written
        done, name = answer(request), box.gateway.name(request).operation
        written = written or name == "UpdateAssumeRolePolicy"
        if written and name == "GetRole":
            roles.pop(key, None)
        return done

    box.gateway.answer = answering  # type: ignore[method-assign]
    outcome = podid(*UPDATE, "shop/orders")
    assert (outcome.code, outcome.stdout) == (6, "")
    assert outcome.error["message"].endswith("was changed, but someone else has deleted it")


def test_a_trust_policy_that_changed_after_the_plan_is_planned_again(box: Sandbox, podid: Podid, journal: Path) -> None:
    shared_role(box)
    answer = box.gateway.answer
    (role,) = [item for item in box.iam.backend("111122223333").roles.values() if item.name == "shared"]
    theirs = pods_trust(box.world.clusters["demo"], actions=("sts:AssumeRole",))
    theirs["Statement"].insert(
        0, {"Sid": "New", "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    changed = False

    def answering(request: HttpRequest) -> HttpAnswer:
        nonlocal changed
        done = answer(request)
        if box.gateway.name(request).operation == "ListRolePolicies" and not changed:
            changed = True  # the planner has read the trust by now
            role.assume_role_policy_document = json.dumps(theirs)
        return done

    box.gateway.answer = answering  # type: ignore[method-assign]
    outcome = podid(*UPDATE, "shop/orders")
    assert outcome.code == 0, outcome
    (action,) = [item for item in outcome.json["actions"] if item["kind"] == "role-trust"]
    assert action["before"]["policyDocument"] == theirs
    assert action["after"]["policyDocument"]["Statement"][:2] == theirs["Statement"]
    assert "planned again" in outcome.json["notes"][-1]
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box)["roles"]["shared"]["trust"] == theirs


def test_an_inline_policy_that_changed_after_the_plan_is_not_overwritten(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    """PutRolePolicy has no condition: the last moment to look is just before."""
    assert podid("role", "create", "shop-orders", "--for", "shop/orders").code == 0
    answer = box.gateway.answer
    theirs = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
    planned = False

    def answering(request: HttpRequest) -> HttpAnswer:
        nonlocal planned
        done = answer(request)
        if b"ListAttachedRolePolicies" in request.body and not planned:
            planned = True  # the planner has read everything now
            box.iam.backend("111122223333").put_role_policy("shop-orders", "read-table", theirs)
        return done

    box.gateway.answer = answering  # type: ignore[method-assign]
    command = ("role", "create", "shop-orders", "--for", "shop/orders", "--replace")
    outcome = podid(*command, "--policy-file", policy_file(tmp_path))

    assert outcome.code == 6
    assert "has changed since the plan was made" in outcome.stderr
    policies = box.iam.backend("111122223333").roles
    assert [role.policies["read-table"] for role in policies.values() if role.name == "shop-orders"] == [theirs]


ATTACH = ("role", "attach", "shared", "--adopt", "--replace", "-o", "json", "--policy-file")
THEIRS = '{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Allow","Action":"s3:*","Resource":"*"}]}'


@pytest.mark.parametrize(
    ("theirs", "ending"), [(THEIRS, "overwritten it: Statement[0] is missing"), ("", "deleted it")]
)
def test_an_inline_policy_that_is_overwritten_after_the_write(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, theirs: str, ending: str
) -> None:
    """PutRolePolicy replaces the document: a writer who read it before podid's write cannot know podid's statement."""
    shared_role(box)
    answer, backend = box.gateway.answer, box.iam.backend(ACCOUNT)
    (role,) = [item for item in backend.roles.values() if item.name == "shared"]

    def answering(request: HttpRequest) -> HttpAnswer:
        done = answer(request)
        if b"Action=PutRolePolicy" in request.body:
            if theirs:
                backend.put_role_policy("shared", "read-table", theirs)
            else:
                role.policies.pop("read-table")
        return done

    box.gateway.answer = answering  # type: ignore[method-assign]
    outcome = podid(*ATTACH, policy_file(tmp_path))
    assert (outcome.code, outcome.stdout) == (6, ""), outcome
    assert outcome.error["message"] == (
        f"The inline policy read-table of role shared was changed, but someone else has {ending}"
    )
    assert "CloudTrail" in outcome.error["advice"]
    assert role.policies == ({"read-table": theirs} if theirs else {})
    assert runs(podid)[0]["status"] == "failed"


def test_a_statement_that_is_added_after_the_write_is_no_loss(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    shared_role(box)
    answer, backend = box.gateway.answer, box.iam.backend(ACCOUNT)
    (role,) = [item for item in backend.roles.values() if item.name == "shared"]

    def answering(request: HttpRequest) -> HttpAnswer:
        done = answer(request)
        if b"Action=PutRolePolicy" in request.body:
            both = json.loads(role.policies["read-table"])
            both["Statement"] += json.loads(THEIRS)["Statement"]
            backend.put_role_policy("shared", "read-table", json.dumps(both))
        return done

    box.gateway.answer = answering  # type: ignore[method-assign]
    outcome = podid(*ATTACH, policy_file(tmp_path))
    assert outcome.code == 0, outcome
    assert "Theirs" in role.policies["read-table"]
