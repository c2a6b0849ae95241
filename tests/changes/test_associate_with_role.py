"""`associate --create-role`: role, policies, trust, service account and association in one plan, one run, one undo."""

import json
from pathlib import Path

import pytest

from harness import Outcome, Podid
from podid.sandbox.box import Sandbox
from podid.sandbox.world import Limits

from .support import account_state, policy_file, runs, writes

_SERVICES = ("S3", "SQS", "SNS", "DynamoDB", "EC2")
ELEVEN = [f"Amazon{name}{kind}Access" for name in _SERVICES for kind in ("Full", "ReadOnly")] + ["AmazonVPCFullAccess"]
ASSOCIATE = ("associate", "shop/orders", "--wait", "none", "--create-role")


def actions(outcome: Outcome) -> list[tuple[str, str, str]]:
    return [(item["kind"], item["target"], item["status"]) for item in outcome.json["actions"]]


def test_all_in_one_plan_one_run_and_one_undo(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    before = account_state(box)
    file = policy_file(tmp_path)
    command = (
        *(*ASSOCIATE, "--role", "shop-orders", "--policy-file", file, "--managed-policy", "AmazonS3ReadOnlyAccess"),
        *("--tag", "a=b", "--role-tag", "team=shop", "--description", "for the shop", "-o", "json"),
    )
    planned = podid(*command, "--dry-run")
    assert (planned.code, writes(box)) == (0, 0)
    made = podid(*command)
    assert made.code == 0, made
    name = Path(file).stem
    assert actions(made) == [
        ("role", "shop-orders", "done"),
        ("role-policy", f"shop-orders/{name}", "done"),
        ("role-attachment", "shop-orders/arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", "done"),
        ("association", "shop/orders", "done"),
    ]
    role, association = made.json["actions"][0]["after"], made.json["actions"][-1]["after"]
    assert association["roleArn"] == "arn:aws:iam::111122223333:role/shop-orders"
    assert (role["tags"]["team"], association["tags"]) == ("shop", {"a": "b"})
    (statement,) = role["trustPolicy"]["Statement"]
    assert statement["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] == "orders"

    count = writes(box)
    again = podid(*command)
    assert (again.code, writes(box), {status for *_, status in actions(again)}) == (0, count, {"unchanged"})
    assert len(runs(podid)) == 1
    assert (podid("undo", "last", "--yes").code, account_state(box)) == (0, before)


def test_the_role_needs_no_name(box: Sandbox, podid: Podid, journal: Path) -> None:
    made = podid(*ASSOCIATE, "shop/cart", "-o", "json")
    assert made.code == 0, made
    role, first, second = made.json["actions"]
    assert len(role["after"]["trustPolicy"]["Statement"]) == 2
    assert {first["after"]["roleArn"], second["after"]["roleArn"]} == {
        f"arn:aws:iam::111122223333:role/{role['target']}"
    }


def test_the_trust_is_made_for_the_tags_that_will_be_sent(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    """A session policy turns session tags off, and a trust that asks for them would shut everybody out."""
    made = podid(*ASSOCIATE, "--session-policy", policy_file(tmp_path), "-o", "json")
    assert made.code == 0, made
    assert "RequestTag" not in json.dumps(made.json["actions"][0]["after"]["trustPolicy"])
    assert made.json["actions"][-1]["after"]["disableSessionTags"] is True


def test_a_role_that_exists_is_used_and_changed_only_as_the_flags_say(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    assert podid("role", "create", "shop-orders", "--for", "shop/orders").code == 0
    used = podid(*ASSOCIATE, "--role", "shop-orders", "-o", "json")
    assert [(kind, status) for kind, _, status in actions(used)] == [("association", "done"), ("role", "unchanged")]
    count = writes(box)
    refused = podid("associate", "shop/cart", *ASSOCIATE[2:], "--role", "shop-orders", "-o", "json")
    assert (refused.code, writes(box)) == (6, count)
    assert refused.error["hint"].endswith("--update-trust")
    more = podid("associate", "shop/cart", *ASSOCIATE[2:], "--role", "shop-orders", "--update-trust", "-o", "json")
    assert [(kind, status) for kind, _, status in actions(more)] == [
        ("role-trust", "done"),
        ("association", "done"),
        ("role", "unchanged"),
    ]


def test_a_role_that_cannot_be_finished_is_taken_back(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    before = account_state(box)
    policies = [word for name in ELEVEN for word in ("--managed-policy", name)]  # one more than IAM attaches
    failed = podid(*ASSOCIATE, "--role", "r", *policies, "-o", "json")
    assert failed.code == 6, failed
    assert "has been deleted again" in failed.error["advice"]
    assert account_state(box) == before


def test_a_role_that_is_whole_is_kept_when_the_association_fails(box: Sandbox, podid: Podid, journal: Path) -> None:
    box.world.limits = Limits(associations_per_cluster=0)
    failed = podid(*ASSOCIATE, "--role", "shop-orders", "-o", "json")
    assert failed.code == 8, failed
    assert [(kind, status) for kind, _, status in actions(failed)] == [("role", "done"), ("association", "failed")]
    box.world.limits = Limits()
    again = podid(*ASSOCIATE, "--role", "shop-orders", "-o", "json")
    assert [(kind, status) for kind, _, status in actions(again)] == [("association", "done"), ("role", "unchanged")]


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (("--role", "storefront", "--path", "/x/"), 2, "--path is for a role that is made, and none is"),
        (("--role", "storefront", "--role-tag", "a=b"), 2, "--role-tag is for a role that is made, and none is"),
        (("--role", "arn:aws:iam::111122223333:role/x", "--create-role"), 2, "'arn:aws:iam::111122223333:role/x' is"),
        (("--create-role", "--managed-policy", "Nosuch"), 5, "Managed policy arn:aws:iam::aws:policy/Nosuch does not"),
    ],
)
def test_what_cannot_be(
    box: Sandbox, podid: Podid, journal: Path, more: tuple[str, ...], code: int, message: str
) -> None:
    outcome = podid("associate", "shop/orders", "--wait", "none", *more, "-o", "json")
    assert (outcome.code, writes(box)) == (code, 0), outcome
    assert outcome.error["message"].startswith(message)
