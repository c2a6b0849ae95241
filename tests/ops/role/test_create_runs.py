"""`role create` of existing and incomplete roles: changed, rolled back and undone."""

import shlex
from pathlib import Path

import pytest

from harness import Answers, Podid
from ops.change.support import account_state, policy_file, writes
from ops.role.support import CREATE, CREATE_READER, READ, SQS
from podid.sandbox.box import Sandbox
from podid.sandbox.faults import Fault


def test_other_allowed_pods_are_a_note(box: Sandbox, podid: Podid, journal: Path) -> None:
    """A wider trust policy is no silent success."""
    outcome = podid("role", "create", "storefront", "--for", "shop/orders")
    assert outcome.code == 0
    (note,) = [line for line in outcome.stderr.splitlines() if "also allows" in line]
    assert "role storefront also allows any " in note
    assert note.endswith(", not only shop/orders")


def test_only_other_allowed_service_accounts_are_notes(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*CREATE).code == 0
    both = (*CREATE, "--for", "shop/cart", "--update-trust")
    assert podid(*both, "-o", "json").json["notes"] == []
    (note,) = podid(*CREATE, "-o", "json").json["notes"]
    assert note == "role shop-orders also allows shop/cart in cluster demo, not only shop/orders"


def test_conditions_of_the_user(box: Sandbox, podid: Podid, journal: Path) -> None:
    own = ("--condition", "aws:SourceOrgID=o-1", "--condition", "aws:ResourceTag/managed-by=podid")
    created = podid(*CREATE, *own, "-o", "json")
    (statement,) = created.json["actions"][0]["after"]["trustPolicy"]["Statement"]
    assert created.code == 0, created
    assert (
        statement["Condition"]["StringEquals"].items()
        >= {
            "aws:SourceOrgID": "o-1",
            "aws:ResourceTag/managed-by": "podid",
            "aws:RequestTag/kubernetes-service-account": "orders",
        }.items()
    )
    count = writes(box)
    again = podid(*CREATE, *own, "-o", "json")
    assert (again.code, writes(box)) == (0, count)
    assert "already allows shop/orders under these conditions" in again.json["notes"][0]
    narrower = podid(*CREATE[:3], "--for", "shop/cart", "--condition", "aws:SourceOrgID=o-2", "--update-trust")
    assert narrower.code == 0, narrower
    used = podid("associate", "shop/cart", "--role", "shop-orders", "--wait", "none", "-o", "json")
    assert used.code == 0, used
    more = podid("trust", "add", "--role", "shop-orders", "--for", "shop/web", *own, "--dry-run", "-o", "json")
    assert len(more.json["actions"][0]["after"]["policyDocument"]["Statement"]) == 3


MORE: dict[str, tuple[str, ...]] = {
    "policy": ("--policy-file", "OTHER"),
    "more policies": ("--policy-file", "POLICY", "--policy-file", "MORE"),
    "tag": ("--tag", "team=shop"),
    "boundary": ("--boundary", "AmazonS3ReadOnlyAccess"),
}


@pytest.mark.parametrize("option", MORE)
def test_a_different_role_is_a_conflict_with_the_difference(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, option: str
) -> None:
    (tmp_path / "other").mkdir()
    files = {
        "POLICY": policy_file(tmp_path),
        "OTHER": policy_file(tmp_path / "other", SQS),
        "MORE": policy_file(tmp_path, name="more.json"),
    }
    assert podid(*CREATE, "--policy-file", files["POLICY"], "--description", "old", "--tag", "team=a").code == 0
    before, count = account_state(box), writes(box)
    command = (*CREATE, *(files.get(part, part) for part in MORE[option]))

    refused = podid(*command, "-o", "json")

    assert (refused.code, refused.stdout, writes(box)) == (6, "", count)
    assert refused.error["hint"].endswith("--replace") is (option != "more policies")
    if option == "policy":
        assert '  -      "Action": "dynamodb:GetItem",' in refused.error["details"]
        assert '  +      "Action": "sqs:*",' in refused.error["details"]

    changed = podid(*command, "--replace", "-o", "json")

    assert changed.code == 0, changed.stderr
    assert account_state(box) != before
    assert podid(*command, "-o", "json").json["runId"] is None  # as asked now, without the flag
    if option == "boundary":  # a journal is no consent to remove it
        assert podid("undo", "last", "--yes").code == 2
        podid.tty, podid.answers = True, Answers(True)
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box) == before


@pytest.mark.parametrize(
    ("way", "lacking"),
    [
        ("associate", ("--policy-file", "MORE")),
        ("role create", ("--preset", "s3-read,bucket=reports", "--managed-policy", "AmazonSQSFullAccess")),
    ],
)
def test_missing_policies_are_attached(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, way: str, lacking: tuple[str, ...]
) -> None:
    """Nothing is overwritten, so the proposed command has no --replace."""
    assert podid(*CREATE, "--policy-file", policy_file(tmp_path)).code == 0
    associate = ("associate", "shop/orders", "--create-role", "--role", "shop-orders", "--wait", "none")
    flags = [policy_file(tmp_path, name="more.json") if word == "MORE" else word for word in lacking]
    command = (*(CREATE if way == "role create" else associate), *flags, "-c", "demo")
    refused = podid(*command, "-o", "json")
    hint = ("podid", "role", "attach", "shop-orders", *flags, "--cluster", "demo")
    assert (refused.code, refused.error["hint"]) == (6, shlex.join(hint))
    assert podid(*hint[1:]).code == 0
    assert podid(*command).code == 0


def test_settings_that_change_in_part_are_rolled_back(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*CREATE).code == 0
    before = account_state(box)
    box.world.credentials.deny("iam:UpdateRole")
    outcome = podid(*CREATE, "--replace", "--tag", "team=shop", "--description", "of the shop", "-o", "json")
    assert (outcome.code, outcome.error["permission"]) == (4, "iam:UpdateRole")
    assert account_state(box) == before


@pytest.mark.parametrize("flag", ["--managed-policy", "--boundary"])
def test_a_managed_policy_that_does_not_exist(box: Sandbox, podid: Podid, journal: Path, flag: str) -> None:
    outcome = podid(*CREATE, flag, "arn:aws:iam::111122223333:policy/nosuch", "-o", "json")
    assert (outcome.code, writes(box)) == (5, 0)


def test_a_role_with_too_many_policies_is_rolled_back(box: Sandbox, podid: Podid, journal: Path) -> None:
    before = account_state(box)
    names = ("S3", "SQS", "SNS", "EC2", "RDS", "VPC", "SSM", "DynamoDB", "Route53", "CloudFront", "KinesisAnalytics")
    full = [f"Amazon{name}FullAccess" for name in names]
    assert len(full) == 11
    flags = [word for name in full for word in ("--managed-policy", name)]
    outcome = podid(*CREATE, *flags, "-o", "json")
    assert outcome.code in (5, 6), outcome.stderr
    assert account_state(box) == before


def test_the_next_run_completes_an_incomplete_role(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    command = (*CREATE, "--policy-file", policy_file(tmp_path))
    box.faults.add(Fault("fail", "iam", "PutRolePolicy"))
    assert podid(*command).code == 8
    box.faults.clear()
    assert podid(*command).code == 0
    assert list(account_state(box)["roles"]["shop-orders"]["inline"]) == ["read-table"]
    more = podid(*command, "--managed-policy", "AmazonS3ReadOnlyAccess")
    assert more.code == 6  # it is whole now


def test_a_name_is_derived(box: Sandbox, podid: Podid, journal: Path) -> None:
    line = ("role", "create", "--for", "shop/orders", "--scope", "namespace")
    outcome = podid(*line)
    assert outcome.code == 0
    assert "role demo-shop: created" in outcome.stdout
    assert "demo-shop" in account_state(box)["roles"]
    assert podid(*line, "-o", "json").json["runId"] is None


# --- presets ----------------------------------------------------------------------------------------------------------


def test_a_role_for_one_table(box: Sandbox, podid: Podid, journal: Path) -> None:
    before = account_state(box)
    done = podid(*CREATE_READER, *READ, "--preset", "vpc-cni", "-o", "json")
    assert done.code == 0, done.stderr
    note = "preset dynamodb-read-orders: the role may read items of table orders and of its indexes"
    assert note in done.json["notes"]
    role = account_state(box)["roles"]["reader"]
    assert role["inline"]["dynamodb-read-orders"]["Statement"][0]["Resource"] == [
        "arn:aws:dynamodb:us-west-2:111122223333:table/orders",
        "arn:aws:dynamodb:us-west-2:111122223333:table/orders/index/*",
    ]
    assert role["attached"] == ["arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"]
    count = writes(box)
    assert podid(*CREATE_READER, *READ, "--preset", "vpc-cni").code == 0
    assert writes(box) == count
    other = podid(*CREATE_READER, "--preset", "dynamodb-read,table=carts", "-o", "json")
    assert (other.code, other.error["hint"]) == (6, "podid role attach reader --preset dynamodb-read,table=carts")
    more = podid(*CREATE_READER, "--preset", "dynamodb-read,table=carts", "--replace", "--dry-run", "-o", "json").json[
        "notes"
    ]
    assert "role reader keeps its other policies: dynamodb-read-orders, AmazonEKS_CNI_Policy" in str(more)
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box) == before


def test_a_wrong_preset_is_refused_before_any_call(box: Sandbox, podid: Podid, journal: Path) -> None:
    for text, code in (("s3-read", 2), ("s3-reed", 5), ("s3-read,bucket=*", 2)):
        outcome = podid(*CREATE_READER, "--preset", text, "-o", "json")
        assert (outcome.code, outcome.stdout) == (code, "")
    assert box.faults.calls.total() == 0
    assert podid(*CREATE_READER, *READ, *READ).code == 2
    assert writes(box) == 0
