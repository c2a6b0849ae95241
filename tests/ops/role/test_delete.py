"""Plans that delete a role, and the undo of its creation."""

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from harness import Podid, one_in
from ops.change.support import account_state, runs, writes
from ops.role.support import CREATE, CREATE_CHAIN, OTHER, OWN, ROOT, SQS, arn, make_target, profile
from ops.role.support import trust_of as target_trust
from ops.trust.support import trust_of
from podid.sandbox.baseline import add_association, add_role, pods_trust
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
        f"if the trust policy of target role {target} names role base, first remove that statement, or pass "
        "--update-trust and --target-profile with credentials of account 444455556666: IAM replaces the ARN of a "
        "deleted role with its ID"
    ]


DELETIONS = (
    "role delete shop-orders",
    "disassociate shop/orders --delete-role --wait none",
    "decommission --cluster demo",
)


@pytest.mark.parametrize(("line", "owner", "managed"), one_in(3, product(DELETIONS, (OWN, OTHER), (True, False))))
def test_no_target_role_keeps_a_deleted_role(
    box: Sandbox,
    podid: Podid,
    journal: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    owner: str,
    managed: bool,
) -> None:
    """Whichever policy allows to assume the target role, and whichever account owns the target role."""
    make_target(box, owner, ROOT)
    others = () if owner == OWN else ("--target-profile", profile(box, tmp_path, owner, monkeypatch))
    assert podid(*CREATE_CHAIN, arn(owner), *others, "--update-trust", "--yes").code == 0
    if managed:
        backend = box.iam.backend(OWN)
        role = backend.get_role("shop-orders")
        ((name, text),) = role.policies.items()
        created = backend.create_policy("", "/", text, name, [])
        role.delete_policy(name)
        backend.attach_role_policy(created.arn, "shop-orders")
    if not line.startswith("role"):
        add_association(box.world, "shop", "orders", "shop-orders")
    before, trusting = account_state(box), target_trust(box, owner)
    assert "role/shop-orders" in str(trusting)

    done = podid(*line.split(), *others, "--update-trust", "--yes", "-o", "json")

    assert done.code == 0, done
    assert "shop-orders" not in account_state(box)["roles"]
    assert target_trust(box, owner)["Statement"] == [ROOT]
    assert [note for note in done.json["notes"] if arn(owner) in note] == []
    undone = podid("undo", "last", "--yes", "--wait", "none")
    assert undone.code == 0, undone
    assert (account_state(box), target_trust(box, owner)) == (before, trusting)


def test_unread_managed_policies_are_notes(box: Sandbox, podid: Podid, orders_policy: str) -> None:
    backend = box.iam.backend(OWN)
    made = backend.create_policy("", "/", json.dumps(SQS), "own", [])
    backend.attach_role_policy(made.arn, "shop-orders")
    box.world.credentials.deny("iam:GetPolicy")
    notes = podid("role", "delete", "shop-orders", "--dry-run", "-o", "json").json["notes"]
    assert f"not checked: target roles in managed policy {made.arn}: requires iam:GetPolicy" in notes


TARGET = "arn:aws:iam::111122223333:role/far"
CHAIN = ("role", "create", "base", "--for", "shop/orders", "--target-role", TARGET, "--update-trust", "--yes")


def make_chain(box: Sandbox, podid: Podid, *more: str) -> list[Any]:
    """Create role base, which assumes role far, and return the other statements of the trust policy of role far."""
    add_role(box.world, box.iam, "far", pods_trust())
    done = podid(*CHAIN, *more)
    assert done.code == 0, done
    assert "role/base" in json.dumps(trust_of(box, "far"))
    return [statement for statement in trust_of(box, "far") if "role/base" not in json.dumps(statement)]


def test_a_role_is_deleted_with_its_statement_in_the_trust_policy_of_its_target_role(
    box: Sandbox, podid: Podid, journal: Path
) -> None:
    others = make_chain(box, podid)
    before = account_state(box)
    plan = podid("role", "delete", "base", "--dry-run", "-o", "json").json
    assert "role-trust" not in {action["kind"] for action in plan["actions"]}
    (note,) = [note for note in plan["notes"] if TARGET in note]
    assert note.endswith("pass --update-trust to remove the statement first")

    done = podid("role", "delete", "base", "--update-trust", "--yes", "-o", "json")
    assert (done.code, next(action["kind"] for action in done.json["actions"])) == (0, "role-trust"), done
    assert [note for note in done.json["notes"] if TARGET in note] == []
    assert trust_of(box, "far") == others

    undone = podid("undo", "last", "--yes")
    assert undone.code == 0, undone
    assert account_state(box) == before


def test_without_session_tags_both_statements_are_removed(box: Sandbox, podid: Podid, journal: Path) -> None:
    """EKS sends an external id with sts:AssumeRole, so that sts:TagSession has a statement of its own."""
    add_role(box.world, box.iam, "far", pods_trust())
    assert podid(*CHAIN[:-2], "--no-session-tags", "--force", "--yes").code == 3
    document = trust_of(box, "far")
    principal = {"AWS": TARGET.replace("far", "base")}
    both = [
        {"Effect": "Allow", "Principal": principal, "Action": f"sts:{name}"} for name in ("AssumeRole", "TagSession")
    ]
    whole = {"Version": "2012-10-17", "Statement": [*document, *both]}
    box.iam.role_named("111122223333", "far").assume_role_policy_document = json.dumps(whole)
    assert podid("role", "delete", "base", "--update-trust", "--yes").code == 0
    assert trust_of(box, "far") == document


def test_the_only_statement_of_a_target_role_stays(box: Sandbox, podid: Podid, journal: Path) -> None:
    others = make_chain(box, podid)
    role = box.iam.role_named("111122223333", "far")
    own = [statement for statement in trust_of(box, "far") if statement not in others]
    role.assume_role_policy_document = json.dumps({"Version": "2012-10-17", "Statement": own})
    done = podid("role", "delete", "base", "--update-trust", "--yes", "-o", "json")
    assert done.code == 0, done
    (note,) = [note for note in done.json["notes"] if TARGET in note]
    assert note.startswith(f"the trust policy of target role {TARGET} keeps role base: no statement would remain")


def test_unread_users_prevent_the_deletion(box: Sandbox, podid: Podid, orders_policy: str) -> None:
    box.world.credentials.deny("eks:ListPodIdentityAssociations")
    box.world.credentials.deny("iam:ListInstanceProfilesForRole")
    line, before = ("role", "delete", "shop-orders", "--yes", "-o", "json"), account_state(box)
    refused = podid(*line)
    assert (refused.code, refused.error["code"], account_state(box)) == (9, "Undetermined", before)
    details = [
        "associations of cluster demo in us-west-2: requires eks:ListPodIdentityAssociations",
        "instance profiles of role shop-orders: requires iam:ListInstanceProfilesForRole",
    ]
    assert refused.error["details"] == details
    assert refused.error["permission"] == "eks:ListPodIdentityAssociations"
    tried = podid(*line, "--dry-run").error
    assert tried == {**refused.error, "hint": f"podid {' '.join(line)} --dry-run --accept-unread"}
    done = podid(*line, "--accept-unread")
    accepted = [f"not read, and accepted by --accept-unread: {detail}" for detail in details]
    assert (done.code, [note for note in done.json["notes"] if "accepted" in note]) == (0, accepted)


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


def test_unread_users_prevent_an_undo(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*CREATE).code == 0
    box.world.credentials.deny("eks:ListPodIdentityAssociations")
    refused = podid("undo", "last", "--dry-run", "-o", "json")
    assert (refused.code, refused.error["permission"]) == (9, "eks:ListPodIdentityAssociations")
    plan = podid("undo", "last", "--dry-run", "--accept-unread", "-o", "json").json
    assert "role shop-orders was never used (IAM keeps 400 days)" in plan["notes"]
    assert any("requires eks:ListPodIdentityAssociations" in note for note in plan["notes"])
