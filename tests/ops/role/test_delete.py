"""Plans that delete a role, and the undo of its creation."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness import Podid
from ops.change.support import account_state, runs, writes
from ops.role.support import CREATE
from podid.sandbox.baseline import add_association
from podid.sandbox.box import Sandbox
from podid.sandbox.faults import Fault


@pytest.mark.parametrize("target", [False, True])
def test_a_role_in_use_is_not_deleted(box: Sandbox, podid: Podid, orders_policy: str, target: bool) -> None:
    if target:
        add_association(box.world, "shop", "orders", "storefront")
        records = box.world.clusters["demo"].associations
        (number,) = records
        records[number] = replace(records[number], target_role_arn="arn:aws:iam::111122223333:role/shop-orders")
    else:
        add_association(box.world, "shop", "orders", "shop-orders")
    before, count = account_state(box), writes(box)
    outcome = podid("role", "delete", "shop-orders", "--yes", "-o", "json")
    assert (outcome.code, outcome.stdout, writes(box)) == (6, "", count)
    assert "shop/orders in cluster demo, us-west-2" in outcome.error["message"]
    assert account_state(box) == before


def test_a_role_of_ec2_instances_is_not_deleted(box: Sandbox, podid: Podid, journal: Path) -> None:
    outcome = podid("role", "delete", "demo-node-role", "--yes", "--adopt", "-o", "json")
    assert (outcome.code, writes(box)) == (6, 0)
    assert "demo-node-profile" in outcome.error["message"]


def test_the_trust_policy_of_the_target_role_is_a_note(box: Sandbox, podid: Podid, journal: Path) -> None:
    target = "arn:aws:iam::444455556666:role/far"
    assert podid("role", "create", "base", "--for", "shop/orders", "--target-role", target, "--yes").code == 0
    notes = podid("role", "delete", "base", "--dry-run", "-o", "json").json["notes"]
    assert [note for note in notes if target in note] == [
        f"if the trust policy of target role {target} names role base, first remove that statement: IAM replaces the "
        "ARN of a deleted role with its ID"
    ]


def test_unread_users_are_notes(box: Sandbox, podid: Podid, orders_policy: str) -> None:
    box.world.credentials.deny("eks:ListPodIdentityAssociations")
    box.world.credentials.deny("iam:ListInstanceProfilesForRole")
    notes = podid("role", "delete", "shop-orders", "--dry-run", "-o", "json").json["notes"]
    assert any("requires eks:ListPodIdentityAssociations" in note for note in notes)
    assert any("requires iam:ListInstanceProfilesForRole" in note for note in notes)


def test_an_interrupted_deletion_is_reported_and_undone(box: Sandbox, podid: Podid, orders_policy: str) -> None:
    before = account_state(box)
    box.faults.add(Fault("fail", "iam", "DeleteRole"))
    outcome = podid("role", "delete", "shop-orders", "--yes", "-o", "json")
    assert outcome.code == 8
    assert [item["status"] for item in outcome.json["actions"]] == ["done", "failed"]
    box.faults.clear()
    assert account_state(box)["roles"]["shop-orders"]["inline"] == {}
    undone = podid("undo", "last", "--yes")  # what became of the role is settled first
    assert undone.code == 0
    assert "role shop-orders: settled: the change was not made" in undone.stderr
    assert account_state(box) == before


def test_undo_keeps_a_role_in_use(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*CREATE).code == 0
    run = runs(podid)[0]["runId"]
    add_association(box.world, "shop", "orders", "shop-orders")
    before, count = account_state(box), writes(box)

    refused = podid("undo", run, "--yes", "-o", "json")

    assert (refused.code, refused.stdout, writes(box)) == (6, "", count)
    assert "shop/orders in cluster demo, us-west-2" in refused.error["message"]
    assert account_state(box) == before


def test_unread_users_are_notes_of_an_undo(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*CREATE).code == 0
    box.world.credentials.deny("eks:ListPodIdentityAssociations")
    plan = podid("undo", "last", "--dry-run", "-o", "json").json
    assert "role shop-orders was never used (IAM keeps 400 days)" in plan["notes"]
    assert any("requires eks:ListPodIdentityAssociations" in note for note in plan["notes"])
