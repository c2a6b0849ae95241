"""`role create` on roles that are there, half made, refused by IAM or only to be printed."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from harness import Answers, Podid
from ops.change.support import POLICY, account_state, policy_file, runs, writes
from podid.sandbox.baseline import add_association, add_role, pods_trust
from podid.sandbox.box import Sandbox
from podid.sandbox.faults import Fault

CREATE = ("role", "create", "shop-orders", "--for", "shop/orders")
OTHER = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}


def test_who_else_gets_in_is_said(box: Sandbox, podid: Podid, journal: Path) -> None:
    """A role that admits more than was asked for is no silent success."""
    outcome = podid("role", "create", "storefront", "--for", "shop/orders", "-o", "json")
    assert outcome.code == 0
    (note,) = [note for note in outcome.json["notes"] if "also allows" in note]
    assert note.startswith("role storefront also allows any ")
    assert note.endswith(", not only shop/orders")
    assert note in podid("role", "create", "storefront", "--for", "shop/orders").stderr


def test_nobody_else_is_said_of_an_exact_role(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*CREATE).code == 0
    assert podid(*CREATE, "-o", "json").json["notes"] == []
    both = (*CREATE, "--for", "shop/cart", "--update-trust")
    assert podid(*both, "-o", "json").json["notes"] == []
    (note,) = podid(*CREATE, "-o", "json").json["notes"]
    assert note == "role shop-orders also allows shop/cart in cluster demo, not only shop/orders"


def test_conditions_of_ones_own(box: Sandbox, podid: Podid, journal: Path) -> None:
    own = ("--condition", "aws:SourceOrgID=o-1", "--condition", "aws:ResourceTag/managed-by=podid")
    made = podid(*CREATE, *own, "-o", "json")
    (statement,) = made.json["actions"][0]["after"]["trustPolicy"]["Statement"]
    assert made.code == 0, made
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


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (CREATE, "The condition can never match for shop/orders: StringEquals aws:SourceIp requires 10.0.0.1, but EKS"),
        (("associate", "shop/orders", "--role", "storefront"), "--condition requires --create-role or --update-trust"),
        (("associate", "shop/orders", "--create-role"), "The condition can never match for shop/orders"),
        (("trust", "add", "--role", "storefront", "--for", "shop/orders"), "The condition can never match"),
    ],
)
def test_a_condition_that_eks_cannot_meet(
    box: Sandbox, podid: Podid, journal: Path, line: tuple[str, ...], message: str
) -> None:
    outcome = podid(*line, "--condition", "aws:SourceIp=10.0.0.1")
    assert (outcome.code, outcome.stdout, writes(box)) == (2, "", 0)
    assert message in outcome.stderr


@pytest.mark.parametrize("scope", ["namespace", "cluster", "account"])
def test_a_wide_scope_that_was_asked_for_is_no_surprise(box: Sandbox, podid: Podid, journal: Path, scope: str) -> None:
    assert podid(*CREATE, "--scope", scope).code == 0
    assert podid(*CREATE, "--scope", scope, "-o", "json").json["notes"] == []
    assert len(podid(*CREATE, "-o", "json").json["notes"]) > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--for", "shop/cart"), "only shop/orders in cluster demo and 1 more"),
        (("--for", "shop/cart", "--scope", "namespace"), "any pod in namespace shop in cluster demo"),
        (("--for", "web/app", "--scope", "namespace"), "any pod in namespace shop in cluster demo and 1 more"),
        (("--for", "web/app", "--scope", "cluster"), "any pod in cluster demo"),
    ],
)
def test_the_plan_counts_what_gets_in_and_not_what_was_named(
    box: Sandbox, podid: Podid, journal: Path, options: tuple[str, ...], said: str
) -> None:
    outcome = podid(*CREATE, *options, "--dry-run")
    assert (outcome.code, f"  (trust: {said})\n" in outcome.stdout) == (0, True), outcome


MORE: dict[str, tuple[str, ...]] = {
    "policy": ("--policy-file", "OTHER"),
    "more policies": ("--policy-file", "POLICY", "--policy-file", "MORE"),
    "description": ("--description", "of the shop"),
    "tag": ("--tag", "team=shop"),
    "session": ("--max-session-duration", "2h"),
    "managed": ("--managed-policy", "AmazonS3ReadOnlyAccess"),
    "boundary": ("--boundary", "AmazonS3ReadOnlyAccess"),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("what", MORE)
def test_what_differs_is_a_conflict_with_the_difference(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, what: str
) -> None:
    (tmp_path / "other").mkdir()
    files = {
        "POLICY": policy_file(tmp_path),
        "OTHER": policy_file(tmp_path / "other", OTHER),
        "MORE": policy_file(tmp_path, name="more.json"),
    }
    assert podid(*CREATE, "--policy-file", files["POLICY"], "--description", "old", "--tag", "team=a").code == 0
    before, count = account_state(box), writes(box)
    command = (*CREATE, *(files.get(part, part) for part in MORE[what]))

    refused = podid(*command, "-o", "json")

    assert (refused.code, refused.stdout, writes(box)) == (6, "", count)
    assert refused.error["hint"].endswith("--replace") is (what not in ("more policies", "managed"))
    if what == "policy":
        assert '  -      "Action": "dynamodb:GetItem",' in refused.error["details"]
        assert '  +      "Action": "sqs:*",' in refused.error["details"]
    if what == "description":
        assert "shop-orders description: old -> of the shop" in refused.error["details"]

    changed = podid(*command, "--replace", "-o", "json")

    assert changed.code == 0, changed.stderr
    assert account_state(box) != before
    assert podid(*command, "-o", "json").json["runId"] is None  # as asked now, without the flag
    if what == "boundary":  # which nobody takes off a role by a journal's word alone
        assert podid("undo", "last", "--yes").code == 2
        podid.tty, podid.answers = True, Answers(True)
    assert podid("undo", "last", "--yes").code == 0
    assert account_state(box) == before


LACKING: dict[str, tuple[str, ...]] = {
    "a policy": ("--policy-file", "MORE"),
    "a managed policy": ("--managed-policy", "AmazonSQSFullAccess"),
    "a preset": ("--preset", "s3-read,bucket=reports"),
    "several": ("--preset", "s3-read,bucket=reports", "--managed-policy", "AmazonSQSFullAccess"),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("lacking", LACKING.values(), ids=LACKING)
@pytest.mark.parametrize("way", ["role create", "associate"])
def test_what_a_role_only_lacks_is_attached(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, way: str, lacking: tuple[str, ...]
) -> None:
    """Nothing is overwritten, so nothing that overwrites is proposed; the line that is does it."""
    assert podid(*CREATE, "--policy-file", policy_file(tmp_path)).code == 0
    associate = ("associate", "shop/orders", "--create-role", "--role", "shop-orders", "--wait", "none")
    flags = [policy_file(tmp_path, name="more.json") if word == "MORE" else word for word in lacking]
    command = (*(CREATE if way == "role create" else associate), *flags, "-c", "demo")
    refused = podid(*command, "-o", "json")
    hint = ("podid", "role", "attach", "shop-orders", *sorted_flags(flags), "--cluster", "demo")
    assert (refused.code, refused.error["hint"]) == (6, shlex.join(hint))
    assert podid(*hint[1:]).code == 0
    assert podid(*command).code == 0


def sorted_flags(flags: list[str]) -> list[str]:
    pairs = sorted(zip(flags[::2], flags[1::2], strict=True), key=lambda pair: pair[0] != "--preset")
    return [word for pair in pairs for word in pair]


@pytest.mark.parametrize("more", [("--tag", "a=b"), ("--description", "x"), ("--max-session-duration", "2h")])
def test_what_differs_is_replaced(box: Sandbox, podid: Podid, journal: Path, more: tuple[str, ...]) -> None:
    assert podid(*CREATE).code == 0
    refused = podid(*CREATE, "--managed-policy", "AmazonSQSFullAccess", *more, "-o", "json")
    assert (refused.code, refused.error["hint"].endswith("--replace")) == (6, True)


def test_settings_that_only_half_change_go_back(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*CREATE).code == 0
    before = account_state(box)
    box.world.credentials.deny("iam:UpdateRole")
    outcome = podid(*CREATE, "--replace", "--tag", "team=shop", "--description", "of the shop", "-o", "json")
    assert (outcome.code, outcome.error["permission"]) == (4, "iam:UpdateRole")
    assert account_state(box) == before


def test_the_other_principals_are_named_though_nothing_changes(box: Sandbox, podid: Podid, journal: Path) -> None:
    both = pods_trust()
    both["Statement"].append(
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    add_role(box.world, box.iam, "theirs", both)
    for flags in ((), ("--adopt",), ("--dry-run",), ("--adopt", "--dry-run")):
        outcome = podid("role", "create", "theirs", "--for", "shop/orders", *flags, "-o", "json")
        assert outcome.code == 0
        assert "role theirs also trusts lambda.amazonaws.com (unchanged)" in outcome.json["notes"]


STATEMENT: dict[str, Any] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
REFUSED = {
    "no service": ({**STATEMENT, "Action": "GetObject"}, "not of the form service:Action"),
    "a space": ({**STATEMENT, "Action": ["s3:GetObject", "s3: PutObject"]}, "not of the form service:Action"),
    "no ARN": ({**STATEMENT, "Resource": "bucket/*"}, "neither an ARN nor *"),
    "an operator": ({**STATEMENT, "Condition": {"StringIs": {"a:b": "c"}}}, "is not a known condition operator"),
    "a member": ({**STATEMENT, "Resources": "*"}, "is not a known member of a statement"),
    "a Sid": ({**STATEMENT, "Sid": "with space"}, "must be letters and digits"),
    "empty": ({**STATEMENT, "Action": []}, "not of the form service:Action"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_iam_would_refuse_is_seen_before_the_first_call(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, name: str
) -> None:
    statement, message = REFUSED[name]
    file = policy_file(tmp_path, {"Version": "2012-10-17", "Statement": [statement]})
    outcome = podid(*CREATE, "--policy-file", file, "-o", "json")
    assert outcome.code == 2
    assert message in outcome.error["message"]
    assert "Statement[0]" in outcome.error["message"]
    assert box.faults.calls.total() == 0


@pytest.mark.parametrize(
    "statement",
    [
        {
            **STATEMENT,
            "Action": "*",
            "Resource": ["arn:aws:s3:::b", "arn:*:s3:::*/${aws:PrincipalTag/ns}/*", "arn:aws:*"],
        },
        {**STATEMENT, "Sid": "Some1", "Condition": {"ForAllValues:StringLikeIfExists": {"aws:TagKeys": ["a"]}}},
        {"Effect": "Deny", "NotAction": "iam:Get*", "NotResource": "arn:aws:iam::*:role/x"},
    ],
)
def test_what_iam_takes_is_taken(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, statement: dict[str, Any]
) -> None:
    outcome = podid(*CREATE, "--policy-file", policy_file(tmp_path, {"Version": "2012-10-17", "Statement": statement}))
    assert outcome.code == 0, outcome.stderr


def test_inline_policies_have_room_for_10240_characters_together(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    half = {
        "Version": "2012-10-17",
        "Statement": [{**STATEMENT, "Resource": [f"arn:aws:s3:::{number:0100}" for number in range(50)]}],
    }
    one, two = (policy_file(tmp_path, half, f"{name}.json") for name in ("one", "two"))
    refused = podid(*CREATE, "--policy-file", one, "--policy-file", two, "-o", "json")
    assert (refused.code, writes(box)) == (6, 0)
    assert "IAM allows 10,240" in refused.error["message"]
    assert podid(*CREATE, "--policy-file", one).code == 0
    more = podid(*CREATE, "--policy-file", two, "--replace", "-o", "json")  # with the one that is there
    assert (more.code, list(account_state(box)["roles"]["shop-orders"]["inline"])) == (6, ["one"])


@pytest.mark.parametrize("flag", ["--managed-policy", "--boundary"])
def test_a_managed_policy_that_does_not_exist(box: Sandbox, podid: Podid, journal: Path, flag: str) -> None:
    outcome = podid(*CREATE, flag, "arn:aws:iam::111122223333:policy/nosuch", "-o", "json")
    assert (outcome.code, writes(box)) == (5, 0)


def test_a_role_that_is_one_policy_over_the_quota_is_taken_back(box: Sandbox, podid: Podid, journal: Path) -> None:
    before = account_state(box)
    names = ("S3", "SQS", "SNS", "EC2", "RDS", "VPC", "SSM", "DynamoDB", "Route53", "CloudFront", "KinesisAnalytics")
    full = [f"Amazon{name}FullAccess" for name in names]
    assert len(full) == 11
    flags = [word for name in full for word in ("--managed-policy", name)]
    outcome = podid(*CREATE, *flags, "-o", "json")
    assert outcome.code in (5, 6), outcome.stderr
    assert account_state(box) == before


def test_a_half_made_role_is_finished_by_the_next_run(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    command = (*CREATE, "--policy-file", policy_file(tmp_path))
    box.faults.add(Fault("fail", "iam", "PutRolePolicy"))
    assert podid(*command).code == 8
    box.faults.clear()
    assert podid(*command).code == 0
    assert list(account_state(box)["roles"]["shop-orders"]["inline"]) == ["read-table"]
    more = podid(*command, "--managed-policy", "AmazonS3ReadOnlyAccess")
    assert more.code == 6  # it is whole now


# --- undo ---------------------------------------------------------------------------------------------------------


def test_a_role_that_is_used_since_is_not_deleted(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*CREATE).code == 0
    run = runs(podid)[0]["runId"]
    add_association(box.world, "shop", "orders", "shop-orders")
    before, count = account_state(box), writes(box)

    refused = podid("undo", run, "--yes", "-o", "json")

    assert (refused.code, refused.stdout, writes(box)) == (6, "", count)
    assert "shop/orders in cluster demo, us-west-2" in refused.error["message"]
    assert account_state(box) == before


def test_what_could_not_be_looked_at_is_in_the_plan(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*CREATE).code == 0
    box.world.credentials.deny("eks:ListPodIdentityAssociations")
    plan = podid("undo", "last", "--dry-run", "-o", "json").json
    assert "role shop-orders was never used (IAM keeps 400 days)" in plan["notes"]
    assert any("requires eks:ListPodIdentityAssociations" in note for note in plan["notes"])


# --- names and forms ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        (("--for", "shop/orders"), "demo-shop-orders"),
        (("--for", "shop/orders", "--scope", "namespace"), "demo-shop"),
        (("--for", "shop/orders", "--scope", "cluster"), "demo-pods"),
    ],
)
def test_a_name_is_derived(box: Sandbox, podid: Podid, journal: Path, flags: tuple[str, ...], name: str) -> None:
    outcome = podid("role", "create", *flags)
    assert outcome.code == 0
    assert f"role {name}: created" in outcome.stdout
    assert name in account_state(box)["roles"]
    assert podid("role", "create", *flags, "-o", "json").json["runId"] is None


def test_names_that_are_too_long_stay_apart(box: Sandbox, podid: Podid, journal: Path) -> None:
    for end in ("one", "two"):
        assert podid("role", "create", "--for", f"{'n' * 60}/{'s' * 60}-{end}").code == 0
    made = [name for name in account_state(box)["roles"] if name.startswith("demo-nnn")]
    assert [len(name) for name in made] == [64, 64]


def test_printing_changes_nothing(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    more = ("--policy-file", policy_file(tmp_path), "--managed-policy", "AmazonS3ReadOnlyAccess", "--tag", "a=${b}")
    role = json.loads(podid(*CREATE, *more, "--print", "json").stdout)
    assert role["RoleName"] == "shop-orders"
    assert role["Policies"] == [{"PolicyName": "read-table", "PolicyDocument": POLICY}]
    template = json.loads(podid(*CREATE, *more, "--print", "cloudformation").stdout)
    assert template["Resources"]["ShopOrders"] == {"Type": "AWS::IAM::Role", "Properties": role}
    terraform = podid(*CREATE, *more, "--print", "terraform").stdout
    assert 'resource "aws_iam_role" "shop_orders" {' in terraform
    assert '"a": "$${b}"' in terraform
    assert writes(box) == 0
    assert not journal.exists()
    assert podid(*CREATE, *more).code == 0
    trust = account_state(box)["roles"]["shop-orders"]["trust"]
    assert role["AssumeRolePolicyDocument"] == trust


@pytest.mark.parametrize("value", ["30m", "13h", "x"])
def test_a_session_is_an_hour_to_twelve(box: Sandbox, podid: Podid, value: str) -> None:
    assert podid(*CREATE, "--max-session-duration", value).code == 2


def test_what_is_printed_for_terraform_holds_nothing_that_it_would_evaluate(
    podid: Podid, journal: Path, tmp_path: Path
) -> None:
    variable = {
        "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::b/${aws:userid}/%{x}"}]
    }
    files = [policy_file(tmp_path, variable, name) for name in ("read.table.json", "read-table.json")]
    named = ("role", "create", "1st", "--for", "a/b", "--for", "a/c", "--description", 'an "é\U0001f600" role')
    argv = (*named, *(word for file in files for word in ("--policy-file", file)))
    text = podid(*argv, "--print", "terraform").stdout
    assert re.findall(r'^resource "(\w+)" "(\w+)" \{$', text, re.M) == [
        ("aws_iam_role", "_1st"),
        ("aws_iam_role_policy", "_1st_read_table"),
        ("aws_iam_role_policy", "_1st_read_table_2"),
    ]
    assert re.findall(r"(?<!\$)\$\{|(?<!%)%\{", text) == []
    assert 'description = "an \\"é\U0001f600\\" role"' in text
    documents = re.findall(r"jsonencode\((\{.*?\n  \})\)", text, re.S)
    found = [json.loads(item.replace("$${", "${").replace("%%{", "%{")) for item in documents]
    assert [len(item["Statement"]) for item in found] == [2, 1, 1]
    assert found[1] == variable
    template = json.loads(podid(*argv, "--print", "cloudformation").stdout)
    ((logical, made),) = template["Resources"].items()
    assert re.fullmatch("[A-Za-z][A-Za-z0-9]*", logical)
    assert [item["PolicyName"] for item in made["Properties"]["Policies"]] == ["read.table", "read-table"]


@pytest.mark.parametrize("existing", [False, True])
def test_more_service_accounts_than_a_trust_policy_has_room_for(box: Sandbox, podid: Podid, existing: bool) -> None:
    """How many fit is said, and found out without looking at hundreds that never will."""
    wanted = [word for number in range(300) for word in ("--for", f"shop/app-{number}")]
    if existing:
        assert podid(*CREATE).code == 0
    outcome = podid(*CREATE[:3], *wanted, "--update-trust", "--scope", "service-account", "--dry-run")
    assert outcome.code == 6, outcome
    said = re.search(
        r"With (\d+) of the 300 service accounts, the trust policy of role (\S+) would have (\d+) char", outcome.stderr
    )
    assert said is not None, outcome
    assert (said[2], 2 < int(said[1]) < 12, 2048 < int(said[3]) < 3000) == ("shop-orders", True, True)
