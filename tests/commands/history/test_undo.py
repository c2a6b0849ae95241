"""`podid undo`: the run that is undone, and its permissions."""

from typing import Any

import pytest

from harness import Podid
from ops.change.forging import ASSOCIATE, CREATE
from ops.change.support import runs, writes
from podid.sandbox.box import Sandbox


@pytest.mark.parametrize("length", range(7))
def test_a_run_is_named_by_six_characters(box: Sandbox, podid: Podid, length: int) -> None:
    assert podid(*ASSOCIATE).code == 0
    (run,) = runs(podid)
    end = run["runId"][len(run["runId"]) - length :]
    before = writes(box)
    outcome = podid("undo", end, "--yes", "-o", "json")
    assert outcome.code == (0 if length >= 6 else 2), outcome
    assert podid("history", end).code == (0 if length >= 6 else 2)
    if length < 6:
        assert (outcome.error["hint"], writes(box)) == ("podid history" if length else None, before)


def test_the_permissions_of_the_run(box: Sandbox, podid: Podid) -> None:
    assert podid(*CREATE).code == 0
    created = podid("undo", "last", "--show-permissions", "-o", "json").json
    assert podid(*ASSOCIATE).code == 0
    associated = podid("undo", "last", "--show-permissions", "-o", "json").json
    named = podid("undo", runs(podid)[1]["runId"], "--show-permissions", "-o", "json").json
    every = podid("undo", "--show-permissions", "-o", "json").json

    def actions(document: Any) -> set[str]:
        return {name for statement in document["iamPolicy"]["Statement"] for name in statement["Action"]}

    assert {"iam:DeleteRole", "eks:ListPodIdentityAssociations"} <= actions(created)
    assert "eks:DeletePodIdentityAssociation" not in actions(created)
    assert "eks:DeletePodIdentityAssociation" in actions(associated)
    assert not {"iam:DeleteRole", "iam:UpdateAssumeRolePolicy"} & actions(associated)
    assert actions(named) == actions(created)
    assert actions(every) >= actions(created) | actions(associated)
    assert podid("undo", "nosuch", "--show-permissions").code == 5
    assert podid("undo").code == 2


def test_an_update_shows_only_the_differences(box: Sandbox, podid: Podid) -> None:
    assert podid(*ASSOCIATE).code == 0
    assert podid(*ASSOCIATE, "--tag", "team=shop", "--replace").code == 0
    plan = podid("undo", "last", "--dry-run")
    assert [line.strip() for line in plan.stdout.splitlines() if "->" in line] == ["tags.team: shop -> none"]
    assert "associationId" not in plan.stdout
    (action,) = podid("undo", "last", "--dry-run", "-o", "json").json["actions"]
    differing = {key for key in action["before"] if action["before"][key] != action["after"].get(key)}
    assert differing == {"tags"}


def test_a_replaced_boundary_is_named_with_the_one_that_returns(podid: Podid) -> None:
    create = ("role", "create", "r", "--for", "shop/orders")
    assert podid(*create, "--boundary", "AmazonS3ReadOnlyAccess").code == 0
    assert podid(*create, "--boundary", "PowerUserAccess", "--replace").code == 0
    outcome = podid("undo", "last", "--yes")
    assert outcome.code == 2
    policy = "arn:aws:iam::aws:policy/"
    expected = f"role r would have the permissions boundary {policy}AmazonS3ReadOnlyAccess instead of {policy}Power"
    assert expected in outcome.stderr
