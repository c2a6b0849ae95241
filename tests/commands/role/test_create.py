"""`podid role create`."""

import json
import re
from pathlib import Path

import pytest

from harness import Podid
from ops.change.support import POLICY, account_state, policy_file, writes
from ops.role.support import (
    ADD,
    CREATE,
    CREATE_CHAIN,
    CREATE_READER,
    OTHER,
    OWN,
    READ,
    ROOT,
    WAYS,
    arn,
    bound,
    make_target,
    names_role,
    owner_statements,
)
from podid.sandbox.box import Sandbox


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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--for", "shop/cart"), "only shop/orders in cluster demo and 1 more"),
        (("--for", "shop/cart", "--scope", "namespace"), "any pod in namespace shop in cluster demo"),
        (("--for", "web/app", "--scope", "namespace"), "any pod in namespace shop in cluster demo and 1 more"),
        (("--for", "web/app", "--scope", "cluster"), "any pod in cluster demo"),
    ],
)
def test_the_plan_describes_the_allowed_pods(
    box: Sandbox, podid: Podid, journal: Path, options: tuple[str, ...], words: str
) -> None:
    outcome = podid(*CREATE, *options, "--dry-run")
    assert (outcome.code, f"  (trust: {words})\n" in outcome.stdout) == (0, True), outcome


def test_printing_changes_nothing(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    more = (
        "--policy-file",
        f"file://{policy_file(tmp_path)}",
        "--managed-policy",
        "AmazonS3ReadOnlyAccess",
        "--tag",
        "a=b",
    )
    role = json.loads(podid(*CREATE, *more, "--print", "json").stdout)
    assert role["RoleName"] == "shop-orders"
    assert role["Policies"] == [{"PolicyName": "read-table", "PolicyDocument": POLICY}]
    template = json.loads(podid(*CREATE, *more, "--print", "cloudformation").stdout)
    assert template["Resources"]["ShopOrders"] == {"Type": "AWS::IAM::Role", "Properties": role}
    terraform = podid(*CREATE, *more, "--print", "terraform").stdout
    assert 'resource "aws_iam_role" "shop_orders" {' in terraform
    assert '"a" : "b"' in terraform
    assert writes(box) == 0
    assert not journal.exists()
    assert podid(*CREATE, *more).code == 0
    trust = account_state(box)["roles"]["shop-orders"]["trust"]
    assert role["AssumeRolePolicyDocument"] == trust


def test_a_name_that_differs_by_case_is_in_use(box: Sandbox, podid: Podid, journal: Path) -> None:
    assert podid(*CREATE).code == 0
    outcome = podid("role", "create", "Shop-Orders", *CREATE[3:])
    assert outcome.code == 6
    assert "Role Shop-Orders already exists" in outcome.stderr
    assert "IAM does not distinguish names of roles by case: the existing role is shop-orders." in outcome.stderr


@pytest.mark.parametrize("value", ["30m", "13h", "x"])
def test_a_session_lasts_1_to_12_hours(box: Sandbox, podid: Podid, value: str) -> None:
    assert podid(*CREATE, "--max-session-duration", value).code == 2


def test_printed_terraform_has_no_expressions(podid: Podid, journal: Path, tmp_path: Path) -> None:
    variable = {
        "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::b/${aws:userid}/%{x}"}]
    }
    files = [policy_file(tmp_path, variable, name) for name in ("read.table.json", "read-table.json")]
    named = ("role", "create", "1st", "--for", "a/b", "--for", "a/c", "--description", 'an "é½" role')
    argv = (*named, *(word for file in files for word in ("--policy-file", file)))
    text = podid(*argv, "--print", "terraform").stdout
    assert re.findall(r'^resource "(\w+)" "(\w+)" \{$', text, re.M) == [
        ("aws_iam_role", "_1st"),
        ("aws_iam_role_policy", "_1st_read_table"),
        ("aws_iam_role_policy", "_1st_read_table_2"),
    ]
    assert re.findall(r"(?<!\$)\$\{|(?<!%)%\{", text) == []
    assert 'description = "an \\"é½\\" role"' in text
    documents = re.findall(r"jsonencode\((\{.*?\n  \})\)", text, re.S)
    policies = [json.loads(item.replace("$${", "${").replace("%%{", "%{")) for item in documents]
    assert [len(item["Statement"]) for item in policies] == [2, 1, 1]
    assert policies[1] == variable
    template = json.loads(podid(*argv, "--print", "cloudformation").stdout)
    ((logical, made),) = template["Resources"].items()
    assert re.fullmatch("[A-Za-z][A-Za-z0-9]*", logical)
    assert [item["PolicyName"] for item in made["Properties"]["Policies"]] == ["read.table", "read-table"]


def test_presets_are_printed(podid: Podid) -> None:
    printed = podid(*CREATE_READER, *READ, "--print", "json").stdout
    assert "table/orders/index/*" in printed


def test_a_target_profile_requires_a_target_role(box: Sandbox, podid: Podid, journal: Path) -> None:
    outcome = podid("role", "create", "x", "--for", "shop/orders", "--target-profile", "p", "-o", "json")
    assert (outcome.code, outcome.error["code"]) == (2, "Usage")


@pytest.mark.parametrize("owner", [OWN, OTHER])
def test_printing_includes_the_statement_for_the_target_role(
    box: Sandbox, podid: Podid, journal: Path, owner: str
) -> None:
    """The statement is beside the role if the form has a place for it."""
    make_target(box, owner, ROOT)
    printed = {
        form: podid(*CREATE_CHAIN, arn(owner), "--print", form) for form in ("json", "terraform", "cloudformation")
    }
    assert ([outcome.code for outcome in printed.values()], writes(box)) == ([0, 0, 0], 0)
    assert all("reports" in outcome.stdout and ADD in outcome.stderr for outcome in printed.values())
    whole, template = json.loads(printed["json"].stdout), json.loads(printed["cloudformation"].stdout)
    beside = whole.pop("TargetRole")
    assert beside == {"RoleArn": arn(owner), "AddToTrustPolicy": owner_statements(printed["json"].stderr)}
    assert template["Metadata"] == {"TargetRole": beside}
    (resource,) = template["Resources"].values()
    assert resource["Properties"] == whole
    role, _, comment = printed["terraform"].stdout.partition(f"\n# The owner of target role {arn(owner)} must add")
    assert "#" not in role
    lines = comment.splitlines()[1:]
    assert json.loads("".join(line.removeprefix("# ") for line in lines)) == beside["AddToTrustPolicy"]
    associate = podid(*WAYS["associate"].split(), arn(owner), "--print", "terraform")
    assert (associate.code, ADD in associate.stderr) == (0, True)
    assert associate.stdout.endswith(comment)


def test_printing_for_a_target_role_that_allows_the_role(box: Sandbox, podid: Podid, journal: Path) -> None:
    make_target(box, OWN, names_role())
    assert "TargetRole" not in podid(*CREATE_CHAIN, arn(OWN), "--print", "json").stdout
    make_target(box, OTHER)
    untagged = json.loads(podid(*CREATE_CHAIN, arn(OTHER), "--no-session-tags", "--print", "json").stdout)["TargetRole"]
    assert "external id" in untagged["Notes"][0]
    assert bound(untagged["AddToTrustPolicy"])
